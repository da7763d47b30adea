"""Cases of layers and their functions with options that the other files lack, computed by PyTorch.

    python tests/pytorch/layer_options.py > tests/golden/layer_options.json
"""
import warnings
import torch
from torch import nn
import torch.nn.functional as F
from golden_case import NAMES, finish, number, show, told

warnings.simplefilter("ignore")


def listed(x):
    if isinstance(x, (list, tuple)):
        return [listed(v) for v in x]
    return number(x) if isinstance(x, float) else x


cases = []


def done(case, call, leaves):
    case["id"] = f"layer_options.{case['op']}.{len(cases)}"
    finish(case, call, leaves)
    cases.append(case)


def drawn(shape, dtype=torch.float64):
    return torch.round(torch.randn(shape, dtype=torch.float64) * 2, decimals=3).to(dtype)


def layer(name, shape, training=True, dtype=torch.float64, input=None, **options):
    case = {"op": name, "kind": "layer", "dtype": NAMES[dtype], "options": {k: listed(v) for k, v in options.items()}}
    inputs = input if isinstance(input, dict) else {"input": drawn(shape, dtype) if input is None else input}
    for n, t in inputs.items():
        t.requires_grad_(t.dtype.is_floating_point and "mask" not in n)
    case["inputs"] = [told(t, name=n, requires_grad=t.requires_grad) for n, t in inputs.items()]
    case["training"] = training
    try:
        module = getattr(nn, name)(**{k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}).to(dtype)
    except Exception as e:
        case["error"] = {"type": type(e).__name__, "message": str(e).split("\n")[0]}
        case["id"] = f"layer_options.{name}.{len(cases)}"
        cases.append(case)
        return
    for n, t in module.state_dict().items():
        if t.dtype.is_floating_point:
            t.copy_(drawn(t.shape, dtype).abs() + 0.1 if "var" in n else drawn(t.shape, dtype))
    case["params"] = {n: told(t, requires_grad=n in dict(module.named_parameters())) for n, t in module.state_dict().items()}
    module.train(training)
    masks = {n: t for n, t in inputs.items() if n.endswith("_mask")}
    given = [t for n, t in inputs.items() if n not in masks]
    done(case, lambda: module(*given, **masks), {**inputs, **dict(module.named_parameters())})
    if "error" not in case and dict(module.named_buffers()):
        case["state_after"] = {n: told(t) for n, t in module.named_buffers()}


def function(name, shape, dtype=torch.float64, **options):
    case = {"op": name, "kind": "op", "dtype": NAMES[dtype], "options": {k: listed(v) for k, v in options.items()}}
    input = drawn(shape, dtype).requires_grad_()
    case["inputs"] = [told(input, name="input", requires_grad=True)]
    done(case, lambda: getattr(F, name)(input, **options), {"input": input})


def norms():
    for dtype in (torch.float64, torch.float32):
        layer("GroupNorm", [2, 6, 5], num_groups=3, num_channels=6, dtype=dtype)
        layer("InstanceNorm1d", [2, 3, 20], num_features=3, affine=True, track_running_stats=True, dtype=dtype)
        layer("BatchNorm1d", [3, 2, 17], num_features=2, dtype=dtype)
    layer("GroupNorm", [4, 4], num_groups=2, num_channels=4, bias=False)
    layer("GroupNorm", [1, 4], num_groups=4, num_channels=4)
    layer("GroupNorm", [1, 4, 1], num_groups=4, num_channels=4)
    layer("GroupNorm", [2, 3, 2], num_groups=2, num_channels=4)
    layer("BatchNorm2d", [2, 3, 2, 2], num_features=3, bias=False)
    layer("BatchNorm3d", [2, 2, 2, 3, 2], num_features=2, momentum=0.5)
    layer("BatchNorm3d", [2, 2, 3, 2], num_features=2)
    for training in (True, False):
        layer("InstanceNorm1d", [2, 3, 4], training, num_features=3, affine=True, track_running_stats=True)
        layer("InstanceNorm1d", [3, 4], training, num_features=3, track_running_stats=True, momentum=0.3)
        layer("InstanceNorm2d", [2, 2, 3, 2], training, num_features=2, track_running_stats=True, momentum=None)
        layer("InstanceNorm3d", [2, 2, 2, 3, 2], training, num_features=2, affine=True, eps=0.1)
        layer("InstanceNorm2d", [2, 3, 2], training, num_features=2, affine=True, bias=False)
    layer("InstanceNorm1d", [2, 3, 1], num_features=3)
    layer("InstanceNorm1d", [2, 3, 4], num_features=2)
    layer("InstanceNorm1d", [2, 3, 4], num_features=2, affine=True)
    layer("InstanceNorm2d", [2, 3], num_features=2)
    layer("LocalResponseNorm", [2, 5, 3], size=3, alpha=0.5, beta=0.6, k=2.0)
    layer("LocalResponseNorm", [1, 4, 2, 2], size=9, alpha=1.0)
    layer("LocalResponseNorm", [4, 2], size=2)
    layer("RMSNorm", [2, 3], normalized_shape=[2, 3], eps=0.1)
    layer("RMSNorm", [2, 3], normalized_shape=[2])
    function("group_norm", [2, 4, 3], num_groups=2)
    function("instance_norm", [2, 2, 3])
    function("rms_norm", [2, 3], normalized_shape=[3])
    function("local_response_norm", [2, 3, 2], size=2)


def upsampling():
    line, image, space = [1, 2, 3], [1, 2, 3, 4], [1, 1, 2, 3, 2]
    for dtype in (torch.float64, torch.float32):
        layer("Upsample", image, scale_factor=[1.3, 0.7], mode="nearest", dtype=dtype)
        layer("Upsample", line, scale_factor=2.6, mode="linear", dtype=dtype)
    for shape in (line, image, space):
        function("interpolate", shape, size=5)
        function("interpolate", shape, scale_factor=2.0)
        function("interpolate", shape, scale_factor=1.7, mode="nearest-exact")
        function("interpolate", shape, size=2, mode="nearest-exact")
        function("interpolate", shape, scale_factor=2, mode="area")
    for mode, shape in (("linear", line), ("bilinear", image), ("trilinear", space), ("bicubic", image)):
        function("interpolate", shape, scale_factor=1.6, mode=mode)
        function("interpolate", shape, scale_factor=1.6, mode=mode, recompute_scale_factor=True)
        function("interpolate", shape, scale_factor=0.6, mode=mode, align_corners=True)
        function("interpolate", shape, size=1, mode=mode, align_corners=True)
        function("interpolate", shape, size=7, mode=mode, align_corners=True)
    for mode in ("bilinear", "bicubic", "lanczos"):
        function("interpolate", [1, 1, 7, 6], size=[3, 9], mode=mode, antialias=True)
        function("interpolate", [1, 1, 7, 6], scale_factor=0.4, mode=mode, antialias=True)
    function("interpolate", [1, 1, 5, 4], size=[3, 2], mode="bilinear", antialias=True, align_corners=True)
    function("interpolate", [1, 1, 6, 4], size=[3, 2], mode="area")
    function("interpolate", image, size=[1, 2, 3])
    function("interpolate", image, size=3, scale_factor=2.0)
    function("interpolate", image, size=3, mode="nearest", align_corners=True)
    function("interpolate", image, size=0)
    function("interpolate", image, mode="linear", size=3)
    function("interpolate", line, mode="linear", size=3, antialias=True)
    function("interpolate", [2, 3], size=3)
    layer("Upsample", image)
    layer("UpsamplingNearest2d", image, scale_factor=2)
    layer("UpsamplingBilinear2d", image, size=[2, 5])


def moves():
    layer("ZeroPad1d", [2, 3], padding=[1, -1])
    layer("ZeroPad3d", [1, 2, 2, 2], padding=[1, 0, 0, 1, 2, 0])
    layer("ConstantPad2d", [1, 2, 3], padding=1, value=2)
    layer("ConstantPad3d", [1, 1, 2, 2], padding=1, value=-0.5)
    for kind in ("Reflection", "Replication", "Circular"):
        layer(f"{kind}Pad1d", [2, 3], padding=[2, 1])
        layer(f"{kind}Pad2d", [1, 3, 4], padding=[1, 2, 0, 1])
        layer(f"{kind}Pad3d", [1, 1, 2, 3, 4], padding=1)
        layer(f"{kind}Pad2d", [3, 4], padding=1)
    layer("ReflectionPad1d", [1, 3], padding=3)
    layer("PixelUnshuffle", [1, 1, 4, 2], downscale_factor=2)
    layer("PixelShuffle", [1, 3, 4, 2], upscale_factor=2)
    layer("ChannelShuffle", [1, 4, 2], groups=2)
    layer("Unfold", [1, 2, 4, 3], kernel_size=[2, 3], padding=1, stride=[2, 1])
    layer("Unfold", [2, 4, 4], kernel_size=2, dilation=[1, 3])
    layer("Fold", [1, 4, 6], output_size=[3, 4], kernel_size=2)
    layer("Fold", [1, 4, 5], output_size=[3, 4], kernel_size=2)


def pools():
    layer("LPPool1d", [2, 6], norm_type=2, kernel_size=3, stride=2)
    layer("LPPool1d", [1, 2, 5], norm_type=1, kernel_size=2, ceil_mode=True)
    layer("LPPool2d", [1, 2, 5, 4], norm_type=4, kernel_size=[2, 3], stride=1)
    layer("LPPool2d", [2, 5, 4], norm_type=2.0, kernel_size=2, ceil_mode=True)
    layer("LPPool2d", [2, 5, 4], norm_type=float("inf"), kernel_size=2)
    layer("LPPool3d", [1, 2, 4, 3, 4], norm_type=2.0, kernel_size=2)
    layer("LPPool2d", None, norm_type=2.0, kernel_size=2, input=torch.zeros(1, 1, 4, 4, dtype=torch.float64))
    layer("LPPool2d", [1, 4, 4], norm_type=0, kernel_size=2)
    for rank, shape in ((1, [2, 7]), (2, [1, 2, 5, 4]), (3, [1, 1, 4, 4, 4])):
        pool = getattr(nn, f"MaxPool{rank}d")(2, return_indices=True)
        largest, places = pool(drawn(shape))
        layer(f"MaxUnpool{rank}d", None, kernel_size=2, input={"input": largest, "indices": places})
    largest, places = nn.MaxPool1d(3, 2, 1, return_indices=True)(drawn([2, 7]))
    layer("MaxUnpool1d", None, kernel_size=3, stride=2, padding=1, input={"input": largest, "indices": places})
    layer("MaxUnpool1d", None, kernel_size=1, input={"input": drawn([1, 2]), "indices": torch.tensor([[0, 2]])})


def small():
    for training in (True, False):
        layer("Dropout1d", [2, 3, 2], training, p=0.0)
        layer("Dropout3d", [2, 3, 2, 2, 1], training, p=1.0 if training else 0.4)
        layer("AlphaDropout", [2, 3], training, p=1.0 if training else 0.4)
        layer("FeatureAlphaDropout", [2, 3, 2], training, p=0.0)
    layer("AlphaDropout", [2, 3], p=1.5)
    layer("Dropout1d", [2], p=0.5)
    layer("RReLU", [2, 3], False, lower=0.1, upper=0.5)
    layer("Softmax2d", [1, 2, 2, 2])
    layer("Softmax2d", [2, 2, 3])
    layer("Softmax2d", [2, 2])
    pair = lambda: {"x1": drawn([2, 3, 2]), "x2": drawn([2, 3, 2])}
    layer("CosineSimilarity", None, input=pair(), dim=-1, eps=0.1)
    layer("CosineSimilarity", None, input={"x1": drawn([2, 3]), "x2": drawn([3])}, dim=1)
    layer("PairwiseDistance", None, input=pair(), p=1.0, keepdim=True)
    layer("PairwiseDistance", None, input=pair(), p=3.0, eps=0.01)
    pair = {"input1": drawn([2, 3]), "input2": drawn([2, 2])}
    layer("Bilinear", None, input=pair, in1_features=3, in2_features=2, out_features=2, bias=False)


def transformers():
    model = {"d_model": 4, "nhead": 2, "dim_feedforward": 5, "dropout": 0.0}
    pair = lambda: {"src": drawn([3, 2, 4]), "tgt": drawn([2, 2, 4])}
    layer("Transformer", None, input=pair(), num_encoder_layers=1, num_decoder_layers=1, **model)
    layer("Transformer", None, input=pair(), num_encoder_layers=1, num_decoder_layers=2, norm_first=True, bias=False,
          activation="gelu", **model)
    layer("Transformer", None, input={"src": drawn([2, 3, 4]), "tgt": drawn([2, 2, 4])}, num_encoder_layers=1,
          num_decoder_layers=1, batch_first=True, layer_norm_eps=0.1, **model)
    layer("Transformer", None, input={"src": drawn([3, 4]), "tgt": drawn([2, 4])}, num_encoder_layers=1,
          num_decoder_layers=1, **model)
    layer("Transformer", None, input={"src": drawn([3, 2, 4]), "tgt": drawn([2, 3, 4])}, num_encoder_layers=1,
          num_decoder_layers=1, **model)
    masks = {"src_mask": torch.tensor([[False, True, False]] * 3), "tgt_mask": nn.Transformer.generate_square_subsequent_mask(2).double()}
    layer("Transformer", None, input={**pair(), **masks}, num_encoder_layers=1, num_decoder_layers=1, **model)


def printed(name, **options):
    """The printed form of a module, without a call."""
    case = {"id": f"layer_options.repr_module.{len(cases)}", "op": "repr_module", "kind": "print", "dtype": "f32"}
    case["options"] = {"model": {"module": name, "args": {k: listed(v) for k, v in options.items()}}}
    case["text"] = repr(getattr(nn, name)(**options))
    cases.append(case)


def forms():
    printed("GroupNorm", num_groups=2, num_channels=4, affine=False)
    printed("InstanceNorm2d", num_features=3, affine=True, bias=False, momentum=0.2)
    printed("BatchNorm1d", num_features=3, momentum=None)
    printed("RMSNorm", normalized_shape=[2, 3], eps=0.001)
    printed("LocalResponseNorm", size=2, alpha=0.001, k=2.0)
    printed("Upsample", scale_factor=(2, 3.5), mode="bicubic")
    printed("Upsample", size=(2, 3))
    printed("UpsamplingBilinear2d", size=4)
    for kind in ("Zero", "Reflection", "Replication", "Circular"):
        for rank in (1, 2, 3):
            printed(f"{kind}Pad{rank}d", padding=1)
    printed("ConstantPad1d", padding=(1, 2), value=3.5)
    printed("ConstantPad2d", padding=1, value=3)
    printed("PixelShuffle", upscale_factor=2)
    printed("PixelUnshuffle", downscale_factor=2)
    printed("ChannelShuffle", groups=2)
    printed("Unfold", kernel_size=(2, 3), dilation=2)
    printed("Fold", output_size=(4, 5), kernel_size=2)
    printed("LPPool1d", norm_type=2, kernel_size=3)
    printed("LPPool2d", norm_type=1.5, kernel_size=(2, 3), stride=1, ceil_mode=True)
    printed("MaxUnpool1d", kernel_size=2)
    printed("MaxUnpool2d", kernel_size=2, stride=(3, 2), padding=1)
    for name in ("Dropout1d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"):
        printed(name, p=0.2)
    printed("RReLU")
    printed("CosineSimilarity")
    printed("PairwiseDistance", p=1.0)
    printed("Softmax2d")
    printed("AdaptiveMaxPool2d", output_size=(None, 3))
    printed("Transformer", d_model=4, nhead=2, num_encoder_layers=2, num_decoder_layers=1, dim_feedforward=3)


torch.manual_seed(0)
for family in [norms, upsampling, moves, pools, small, transformers, forms]:
    family()
show(cases)
