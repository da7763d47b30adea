"""Writes the files of this folder: small models of PyTorch with an input and what comes out of it.

    python saved_weights.py              writes mlp.safetensors, lstm.safetensors, encoder.safetensors
    python saved_weights.py FILE         loads the weights of FILE, written by baekmi, into the model of that name and
                                         compares the outputs

Needs torch and safetensors.
"""
import pathlib, sys
import torch
from torch import nn
from safetensors.torch import load_file, save_file


class Last(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(7, 3)
        self.rnn = nn.LSTM(3, 4, num_layers=2, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(8, 2)

    def forward(self, x):
        return self.fc(self.rnn(self.emb(x))[0][:, -1, :])


def models():
    torch.manual_seed(0)
    yield "mlp", nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2)), torch.randn(3, 4)
    yield "lstm", Last(), torch.randint(0, 7, (3, 6))
    layer = nn.TransformerEncoderLayer(4, 2, dim_feedforward=6, batch_first=True)
    yield "encoder", nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), torch.randn(3, 5, 4)


def output(model, x):
    model.eval()
    with torch.no_grad():
        return model(x).contiguous()


here = pathlib.Path(__file__).parent
for name, model, x in models():
    if len(sys.argv) == 1:
        for p in model.parameters():  # no value as it was drawn: zeros and ones would hide mistakes
            p.data += 0.1 * torch.randn_like(p)
        weights = {"model." + k: v for k, v in model.state_dict().items()}
        save_file({**weights, "input": x, "output": output(model, x)}, here / f"{name}.safetensors")
    elif pathlib.Path(sys.argv[1]).stem == name:
        file = load_file(sys.argv[1])
        model.load_state_dict({k[6:]: v for k, v in file.items() if k.startswith("model.")})
        torch.testing.assert_close(output(model, file["input"]), file["output"])
        print("equal")
