"""What examples/binary_classifier.rs does, in PyTorch: its output is binary_classifier.txt.

    python tests/pytorch/binary_classifier.py > tests/pytorch/binary_classifier.txt
"""
import csv
import pathlib
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

EPOCHS, LR, SEED, BATCH_SIZE = 30, 0.01, 0, 32

path = pathlib.Path(__file__).parents[2] / "crates/data/bundled/breast_cancer.csv"
rows = list(csv.reader(path.open()))[1:]
features = torch.tensor([[float(v) for v in row[:-1]] for row in rows])
labels = torch.tensor([[float(row[-1])] for row in rows])


def parts():
    train, test = random_split(TensorDataset(features, labels), [455, 114])
    (x_train, y_train), (x_test, y_test) = train[:], test[:]
    mean = x_train.double().mean(0).float()
    scale = x_train.double().std(0, correction=0).float()
    return TensorDataset((x_train - mean) / scale, y_train), TensorDataset((x_test - mean) / scale, y_test)


def run(make_model, criterion, threshold):
    torch.manual_seed(SEED)
    train, test = parts()
    model = make_model()
    loader = DataLoader(train, batch_size=BATCH_SIZE, shuffle=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=0.9)
    for epoch in range(1, EPOCHS + 1):
        total = 0.0
        for x, y in loader:
            loss = criterion(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
        print(f"{type(criterion).__name__} {epoch} {total / len(train):.4f}")
    x, y = test[:]
    with torch.no_grad():
        output = model(x)
        accuracy = ((output > threshold) == (y > 0.5)).float().mean().item()
        print(f"{type(criterion).__name__} test {criterion(output, y).item():.4f} {accuracy:.4f}")


run(lambda: nn.Sequential(nn.Linear(30, 1), nn.Sigmoid()), nn.BCELoss(), 0.5)
run(lambda: nn.Sequential(nn.Linear(30, 1)), nn.BCEWithLogitsLoss(), 0.0)
