"""The blog's snippets in PyTorch: the output is blog_snippets.txt, and that of examples/blog_snippets.rs."""
import torch
import torch.nn as nn

print(nn.BCELoss()(torch.tensor([0.8]), torch.tensor([1.0])))
print(nn.Sequential(nn.Linear(10, 1), nn.Sigmoid()), nn.BCELoss(), sep="\n")

print(nn.BCEWithLogitsLoss()(torch.tensor([2.0]), torch.tensor([1.0])))
print(nn.Sequential(nn.Linear(10, 1)), nn.BCEWithLogitsLoss(), sep="\n")

print(nn.CrossEntropyLoss()(torch.tensor([[2.5, 0.3, -1.2]]), torch.tensor([0])))
print(nn.Sequential(nn.Linear(10, 3)), nn.CrossEntropyLoss(), sep="\n")

print(nn.MSELoss()(torch.tensor([8.0]), torch.tensor([10.0])))

print(nn.HuberLoss()(torch.tensor([2.5, 3.0]), torch.tensor([3.0, 4.0])))
