"""Cases of layers and their functions with options that the other files lack, computed by PyTorch.

    python tests/pytorch/layer_options.py > tests/golden/layer_options.json
"""
import json
import warnings
import torch
from torch import nn
import torch.nn.functional as F

warnings.simplefilter("ignore")
NAMES = {torch.float64: "f64", torch.float32: "f32", torch.int64: "i64", torch.bool: "bool"}
SHORT = {float("inf"): "inf", float("-inf"): "-inf"}


def number(v):
    return "nan" if v != v else SHORT.get(v, v)


def told(t, **more):
    data = [number(v) for v in t.detach().reshape(-1).tolist()]
    if t.dtype == torch.float32:
        data = [float(f"{v:.9g}") if isinstance(v, float) else v for v in data]
    return {"shape": list(t.shape), "dtype": NAMES[t.dtype], "data": data, **more}


def listed(x):
    return [listed(v) for v in x] if isinstance(x, (list, tuple)) else x


cases = []


def finish(case, call, leaves):
    """Values, gradients and second-order gradients of a call, or its error."""
    case["id"] = f"layer_options.{case['op']}.{len(cases)}"
    try:
        y = call()
    except Exception as e:
        case["error"] = {"type": type(e).__name__, "message": str(e).split("\n")[0]}
        cases.append(case)
        return
    case["outputs"] = [told(y)]
    leaves = {n: t for n, t in leaves.items() if t.requires_grad}
    if y.requires_grad:
        g = torch.round(torch.randn_like(y), decimals=2)
        case["grad_output"] = [told(g)]
        grads = torch.autograd.grad(y, list(leaves.values()), g, create_graph=True, allow_unused=True)
        case["grads"] = {n: None if d is None else told(d) for n, d in zip(leaves, grads)}
        v = {n: torch.round(torch.randn_like(t), decimals=2) for n, t in leaves.items()}
        s = sum((d * v[n]).sum() for n, d in zip(leaves, grads) if d is not None)
        second = [None] * len(leaves)
        if s.requires_grad:
            try:
                second = torch.autograd.grad(s, list(leaves.values()), allow_unused=True)
            except RuntimeError:  # PyTorch lacks it
                second = None
        if second is not None:
            case["second_order"] = {
                "v": {n: told(t) for n, t in v.items()},
                "grads": {n: None if d is None else told(d) for n, d in zip(leaves, second)},
            }
    cases.append(case)


def drawn(shape, dtype=torch.float64):
    return torch.round(torch.randn(shape, dtype=torch.float64) * 2, decimals=3).to(dtype)


def layer(name, shape, training=True, dtype=torch.float64, input=None, **options):
    case = {"op": name, "kind": "layer", "dtype": NAMES[dtype], "options": {k: listed(v) for k, v in options.items()}}
    inputs = input if isinstance(input, dict) else {"input": drawn(shape, dtype) if input is None else input}
    for t in inputs.values():
        t.requires_grad_(t.dtype.is_floating_point)
    case["inputs"] = [told(t, name=n, requires_grad=t.requires_grad) for n, t in inputs.items()]
    case["training"] = training
    try:
        module = getattr(nn, name)(**options).to(dtype)
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
    finish(case, lambda: module(*inputs.values()), {**inputs, **dict(module.named_parameters())})
    if "error" not in case and dict(module.named_buffers()):
        case["state_after"] = {n: told(t) for n, t in module.named_buffers()}


def function(name, shape, dtype=torch.float64, **options):
    case = {"op": name, "kind": "op", "dtype": NAMES[dtype], "options": {k: listed(v) for k, v in options.items()}}
    input = drawn(shape, dtype).requires_grad_()
    case["inputs"] = [told(input, name="input", requires_grad=True)]
    finish(case, lambda: getattr(F, name)(input, **options), {"input": input})


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


torch.manual_seed(0)
for family in [norms]:
    family()
print("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]")
