"""The weights that PyTorch gives each layer after `manual_seed(0)`, several configurations of each, as golden cases.

    python tests/pytorch/seed_cases.py > tests/golden/initial_weights.json

Kind `seeded`: `after` is what the generator draws when the layer is made: no layer draws more than PyTorch's, or less.
"""
import torch
from torch import nn
from golden_case import show, told

cases = []


def layer(name, *, build=None, **options):
    torch.manual_seed(0)
    module = (build or getattr(nn, name))(**{k: tuple(v) if isinstance(v, list) else v for k, v in options.items()})
    after = torch.rand(2)
    case = {"id": f"initial_weights.{name}.{len(cases)}", "op": name, "kind": "seeded", "options": options}
    case["params"] = {n: told(t) for n, t in module.state_dict().items()}
    case["after"] = told(after)
    cases.append(case)


layer("Linear", in_features=3, out_features=5)
layer("Linear", in_features=17, out_features=2, bias=False)
layer("Linear", in_features=1, out_features=1)
layer("Bilinear", in1_features=2, in2_features=3, out_features=4)
layer("Bilinear", in1_features=3, in2_features=2, out_features=2, bias=False)
for rank, kernel in ((1, [3]), (2, [2, 3]), (3, [2, 1, 2])):
    layer(f"Conv{rank}d", in_channels=2, out_channels=3, kernel_size=kernel)
    layer(f"Conv{rank}d", in_channels=4, out_channels=2, kernel_size=2, groups=2, bias=False, stride=2)
    layer(f"Conv{rank}d", in_channels=2, out_channels=2, kernel_size=3, padding=1, dilation=2, padding_mode="circular")
    layer(f"ConvTranspose{rank}d", in_channels=2, out_channels=3, kernel_size=kernel)
    layer(f"ConvTranspose{rank}d", in_channels=2, out_channels=4, kernel_size=2, groups=2, stride=2)
    layer(f"ConvTranspose{rank}d", in_channels=4, out_channels=2, kernel_size=1, bias=False)
    layer(f"BatchNorm{rank}d", num_features=3)
    layer(f"BatchNorm{rank}d", num_features=2, affine=False)
    layer(f"InstanceNorm{rank}d", num_features=3, affine=True, track_running_stats=True)
    layer(f"InstanceNorm{rank}d", num_features=3)
layer("GroupNorm", num_groups=2, num_channels=4)
layer("LayerNorm", normalized_shape=[2, 3])
layer("LayerNorm", normalized_shape=[4], bias=False)
layer("RMSNorm", normalized_shape=[3])
layer("PReLU", num_parameters=3, init=0.1)
layer("Embedding", num_embeddings=3, embedding_dim=2)
layer("Embedding", num_embeddings=4, embedding_dim=5, padding_idx=1)
layer("Embedding", num_embeddings=4, embedding_dim=5, padding_idx=-1, max_norm=1.0)
for mode in ("sum", "mean", "max"):
    layer("EmbeddingBag", num_embeddings=5, embedding_dim=4, mode=mode)
layer("EmbeddingBag", num_embeddings=3, embedding_dim=2, padding_idx=2, include_last_offset=True)
for kind in ("RNN", "GRU", "LSTM"):
    more = {"nonlinearity": "relu"} if kind == "RNN" else {}
    layer(kind, input_size=2, hidden_size=3)
    layer(kind, input_size=3, hidden_size=2, bias=False, num_layers=2)
    layer(kind, input_size=2, hidden_size=2, num_layers=2, bidirectional=True, batch_first=True, dropout=0.3, **more)
    layer(kind + "Cell", input_size=3, hidden_size=2)
    layer(kind + "Cell", input_size=2, hidden_size=3, bias=False, **more)
layer("LSTM", input_size=2, hidden_size=3, proj_size=2)
layer("LSTM", input_size=3, hidden_size=4, proj_size=2, num_layers=2, bidirectional=True, bias=False)
layer("MultiheadAttention", embed_dim=4, num_heads=2)
layer("MultiheadAttention", embed_dim=4, num_heads=1, bias=False, dropout=0.1)
layer("MultiheadAttention", embed_dim=4, num_heads=2, kdim=3, vdim=2)
layer("MultiheadAttention", embed_dim=4, num_heads=2, kdim=3)
layer("MultiheadAttention", embed_dim=4, num_heads=2, add_bias_kv=True)
layer("MultiheadAttention", embed_dim=2, num_heads=1, kdim=3, vdim=3, add_bias_kv=True, add_zero_attn=True, bias=False)
small = {"d_model": 4, "nhead": 2, "dim_feedforward": 3}
layer("TransformerEncoderLayer", **small)
layer("TransformerEncoderLayer", bias=False, norm_first=True, activation="gelu", **small)
layer("TransformerDecoderLayer", **small)
layer("TransformerDecoderLayer", bias=False, batch_first=True, **small)
layer("Transformer", num_encoder_layers=1, num_decoder_layers=1, **small)
layer("Transformer", num_encoder_layers=2, num_decoder_layers=1, bias=False, norm_first=True, **small)
layer("AdaptiveLogSoftmaxWithLoss", in_features=8, n_classes=10, cutoffs=[3, 6])
layer("AdaptiveLogSoftmaxWithLoss", in_features=4, n_classes=9, cutoffs=[2, 5], div_value=2.0, head_bias=True)


def stacked(kind):
    """Copies of one layer: all of them begin with its weights."""
    def build(num_layers, norm, **options):
        one = getattr(nn, f"Transformer{kind}Layer")(**options)
        norm = nn.LayerNorm(options["d_model"]) if norm else None
        return getattr(nn, f"Transformer{kind}")(one, num_layers, norm=norm)
    return build


for kind in ("Encoder", "Decoder"):
    layer(f"Transformer{kind}", build=stacked(kind), num_layers=2, norm=True, **small)
show(cases)
