"""Layers and their functions with options drawn at random, computed by PyTorch, in the golden format.

    python tests/pytorch/fuzz_layers.py SEED COUNT > /tmp/fuzz/fuzz.json
"""
import random
import sys
import warnings
import torch
from torch import nn
import torch.nn.functional as F
from golden_case import NAMES, finish, number, show, told

warnings.simplefilter("ignore")
seed, count = int(sys.argv[1]), int(sys.argv[2])
rng = random.Random(seed)
torch.manual_seed(seed)
cases = []


def listed(x):
    if isinstance(x, (list, tuple)):
        return [listed(v) for v in x]
    return number(x) if isinstance(x, float) else x


def drawn(shape, dtype):
    kind = rng.random()
    x = torch.randn(shape, dtype=torch.float64)
    if kind < 0.15:
        # Ties.
        x = torch.round(x)
    elif kind < 0.2:
        x = x * 30
    return torch.round(x, decimals=3).to(dtype)


def layer(name, inputs, options, training, dtype, params=None):
    case = {"id": f"fuzz.{name}.{seed}-{len(cases)}", "op": name, "kind": "layer", "dtype": NAMES[dtype]}
    case["options"] = {k: listed(v) for k, v in options.items()}
    for n, t in inputs.items():
        t.requires_grad_(t.dtype.is_floating_point and "mask" not in n)
    case["inputs"] = [told(t, name=n, requires_grad=t.requires_grad) for n, t in inputs.items()]
    case["training"] = training
    try:
        module = getattr(nn, name)(**{k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}).to(dtype)
    except Exception as e:
        case["error"] = {"type": type(e).__name__, "message": str(e).split("\n")[0]}
        cases.append(case)
        return
    for n, t in module.state_dict().items():
        if t.dtype.is_floating_point:
            v = torch.round(torch.randn(t.shape, dtype=torch.float64) * 0.5, decimals=3)
            t.copy_(v.abs() + 0.1 if "var" in n else v)
    own = dict(module.named_parameters())
    case["params"] = {n: told(t, requires_grad=n in own) for n, t in module.state_dict().items()}
    module.train(training)
    given = {}
    for n, t in inputs.items():
        head = n.split(".")[0]
        given[head] = (*given.get(head, ()), t) if "." in n else t
    flat = lambda y: [z for part in y for z in flat(part)] if isinstance(y, tuple) else [] if y is None else [y]
    finish(case, lambda: flat(module(**given)), {**inputs, **own})
    if "error" not in case and dict(module.named_buffers()):
        case["state_after"] = {n: told(t) for n, t in module.named_buffers()}
    scaled(case)
    cases.append(case)


def function(name, inputs, options, dtype, call=None):
    case = {"id": f"fuzz.{name}.{seed}-{len(cases)}", "op": name, "kind": "op", "dtype": NAMES[dtype]}
    case["options"] = {k: listed(v) for k, v in options.items()}
    for t in inputs.values():
        t.requires_grad_(t.dtype.is_floating_point)
    case["inputs"] = [told(t, name=n, requires_grad=t.requires_grad) for n, t in inputs.items()]
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
    finish(case, lambda: (call or getattr(F, name))(**inputs, **given), inputs)
    scaled(case)
    cases.append(case)


def scaled(case):
    values = []
    def walk(j):
        if isinstance(j, dict):
            if "data" in j:
                values.extend(abs(v) for v in j["data"] if isinstance(v, (int, float)))
            else:
                [walk(v) for v in j.values()]
        elif isinstance(j, list):
            [walk(v) for v in j]
    for key in ("outputs", "grads", "second_order"):
        walk(case.get(key))
    largest = max([1.0, *values])
    tight = {"rtol": 1e-9, "atol": 1e-11 * largest}
    case["tol"] = {"rtol": 1e-4, "atol": 2e-5 * largest} if case["dtype"] == "f32" else tight


def pick(*options):
    return rng.choice(options)


def each(rank, *values):
    return pick(rng.choice(values), [rng.choice(values) for _ in range(rank)])


def spatial(rank, low=1, high=9):
    return [rng.randint(low, [high, high, 5][rank - 1]) for _ in range(rank)]


def batch(shape):
    return shape if rng.random() < 0.15 else [pick(1, 2, 3, 0) if rng.random() < 0.1 else pick(1, 2, 3), *shape]


def dtype():
    return pick(torch.float64, torch.float64, torch.float32)


def conv():
    rank, groups = pick(1, 1, 2, 2, 2, 3), pick(1, 1, 1, 2, 3)
    cin, cout = groups * pick(1, 2, 3), groups * pick(1, 2, 4)
    options = dict(in_channels=cin, out_channels=cout, kernel_size=each(rank, 1, 2, 3, 5), groups=groups)
    options |= dict(stride=each(rank, 1, 1, 2, 3), dilation=each(rank, 1, 1, 2), bias=pick(True, False))
    if rng.random() < 0.2:
        options |= dict(padding="same", stride=1)
    else:
        options |= dict(padding=each(rank, 0, 1, 2))
    if rng.random() < 0.3:
        options["padding_mode"] = pick("reflect", "replicate", "circular")
    layer(f"Conv{rank}d", {"input": drawn(batch([cin, *spatial(rank)]), t := dtype())}, options, True, t)


def conv_transpose():
    rank, groups = pick(1, 1, 2, 2, 2, 3), pick(1, 1, 1, 2, 3)
    cin, cout = groups * pick(1, 2, 3), groups * pick(1, 2, 3)
    options = dict(in_channels=cin, out_channels=cout, kernel_size=each(rank, 1, 2, 3, 4), groups=groups)
    options |= dict(stride=each(rank, 1, 2, 3), dilation=each(rank, 1, 1, 2), bias=pick(True, False))
    options |= dict(padding=each(rank, 0, 1, 2), output_padding=pick(0, 0, each(rank, 0, 1)))
    layer(f"ConvTranspose{rank}d", {"input": drawn(batch([cin, *spatial(rank, 1, 5)]), t := dtype())}, options, True, t)


def pool():
    rank, t = pick(1, 2, 2, 3), dtype()
    kind = pick("Max", "Max", "Avg", "Avg", "LP")
    options = dict(kernel_size=each(rank, 1, 2, 3, 4), ceil_mode=pick(True, False))
    if rng.random() < 0.7:
        options["stride"] = each(rank, 1, 2, 3, 4)
    if kind == "LP":
        options["norm_type"] = pick(1.0, 2.0, 3.0)
        if rank == 1:
            options = {k: v[0] if isinstance(v, list) else v for k, v in options.items()}
        x = drawn(batch([2, *spatial(rank, 2)]), t)
        layer(f"LPPool{rank}d", {"input": x}, options, True, t)
        return
    options["padding"] = each(rank, 0, 0, 1, 2)
    if kind == "Max":
        options["dilation"] = each(rank, 1, 1, 2)
    else:
        options["count_include_pad"] = pick(True, False)
        if rank > 1 and rng.random() < 0.3:
            options["divisor_override"] = pick(1, 3, 7)
        if rank == 1:
            options = {k: v[0] if isinstance(v, list) else v for k, v in options.items()}
    # PyTorch refuses an average along three dimensions of less than a window, along two it does not.
    x = drawn(batch([2, *spatial(rank, 4 if rank == 3 else 2)]), t)
    layer(f"{kind}Pool{rank}d", {"input": x}, options, True, t)


def adaptive():
    rank, kind, t = pick(1, 2, 3), pick("Max", "Avg"), dtype()
    size = pick(rng.randint(1, 6), [pick(None, 1, 2, 3, 5) if rank > 1 else pick(1, 4) for _ in range(rank)])
    layer(f"Adaptive{kind}Pool{rank}d", {"input": drawn(batch([2, *spatial(rank)]), t)}, {"output_size": size}, True, t)


def norms():
    t, rank, c = dtype(), pick(1, 2, 3), pick(1, 2, 4, 6, 17)
    training = pick(True, True, False)
    kind = pick("BatchNorm", "InstanceNorm", "GroupNorm", "LayerNorm", "RMSNorm", "LocalResponseNorm")
    shape = [pick(1, 2, 3, 5), c, *spatial(rank, 1, 6)]
    if kind in ("BatchNorm", "InstanceNorm"):
        options = dict(num_features=c, eps=pick(1e-5, 1e-3, 0.1), affine=pick(True, False))
        options |= dict(track_running_stats=pick(True, False), momentum=pick(0.1, 0.5, None))
        if kind == "BatchNorm" and rank == 1 and rng.random() < 0.3:
            shape = shape[:2]
        layer(f"{kind}{rank}d", {"input": drawn(shape, t)}, options, training, t)
    elif kind == "GroupNorm":
        groups = pick(*[g for g in (1, 2, 3, 4, 6, 17) if c % g == 0])
        options = dict(num_groups=groups, num_channels=c, eps=pick(1e-5, 0.1), affine=pick(True, False))
        layer(kind, {"x" if kind == "RMSNorm" else "input": drawn(shape, t)}, options, training, t)
    elif kind == "LocalResponseNorm":
        options = dict(size=pick(1, 2, 3, 5), alpha=pick(1e-4, 0.5), beta=pick(0.75, 1.5), k=pick(1.0, 2.0))
        layer(kind, {"x" if kind == "RMSNorm" else "input": drawn(shape, t)}, options, training, t)
    else:
        depth = rng.randint(1, len(shape) - 1)
        options = dict(normalized_shape=shape[-depth:], eps=pick(1e-5, 0.01), elementwise_affine=pick(True, False))
        layer(kind, {"x" if kind == "RMSNorm" else "input": drawn(shape, t)}, options, training, t)


def recurrent():
    kind, t = pick("RNN", "GRU", "LSTM"), dtype()
    size, hidden, layers = pick(1, 2, 5), pick(1, 3, 4, 9), pick(1, 1, 2, 3)
    both, first = pick(True, False), pick(True, False)
    options = dict(input_size=size, hidden_size=hidden, num_layers=layers, bidirectional=both, batch_first=first,
                   bias=pick(True, True, False))
    if kind == "RNN":
        options["nonlinearity"] = pick("tanh", "relu")
    project = kind == "LSTM" and hidden > 1 and rng.random() < 0.3
    if project:
        options["proj_size"] = rng.randint(1, hidden - 1)
    n, steps = pick(1, 2, 3), pick(1, 2, 5)
    flat = rng.random() < 0.2
    shape = [steps, size] if flat else [n, steps, size] if first else [steps, n, size]
    inputs = {"input": drawn(shape, t)}
    if rng.random() < 0.6:
        depth = layers * (2 if both else 1)
        state = lambda h: drawn([depth, h] if flat else [depth, n, h], t)
        if kind == "LSTM":
            inputs |= {"hx.0": state(options.get("proj_size", hidden)), "hx.1": state(hidden)}
        else:
            inputs["hx"] = state(hidden)
    layer(kind, inputs, options, True, t)


def attention():
    t, heads = dtype(), pick(1, 2, 3)
    width = heads * pick(1, 2, 4)
    options = dict(embed_dim=width, num_heads=heads, bias=pick(True, False), batch_first=pick(True, False),
                   add_bias_kv=pick(True, False, False), add_zero_attn=pick(True, False, False))
    kdim, vdim = pick(None, 3), pick(None, 5)
    if kdim:
        options["kdim"] = kdim
    if vdim:
        options["vdim"] = vdim
    n, rows, columns = pick(1, 2, 3), pick(1, 2, 4), pick(1, 3, 5)
    put = lambda length, w: drawn([n, length, w] if options["batch_first"] else [length, n, w], t)
    inputs = {"query": put(rows, width), "key": put(columns, kdim or width), "value": put(columns, vdim or width)}
    if rng.random() < 0.4:
        mask = torch.rand(rows, columns) < 0.3
        mask[:, 0] = False
        inputs["attn_mask"] = mask
    if rng.random() < 0.4:
        padding = torch.rand(n, columns) < 0.3
        padding[:, 0] = False
        inputs["key_padding_mask"] = padding
    layer("MultiheadAttention", inputs, options, True, t)


def encoder():
    t, heads = dtype(), pick(1, 2)
    width = heads * pick(2, 3)
    options = dict(d_model=width, nhead=heads, dim_feedforward=pick(1, 5), dropout=0.0, activation=pick("relu", "gelu"),
                   batch_first=pick(True, False), norm_first=pick(True, False), bias=pick(True, False))
    n, length = pick(1, 3), pick(1, 4)
    put = lambda: drawn([n, length, width] if options["batch_first"] else [length, n, width], t)
    if rng.random() < 0.5:
        layer("TransformerEncoderLayer", {"src": put()}, options, True, t)
    else:
        layer("TransformerDecoderLayer", {"tgt": put(), "memory": put()}, options, True, t)


def interpolate():
    t, rank = dtype(), pick(1, 2, 2, 3)
    modes = {1: ["nearest", "nearest-exact", "linear", "area"],
             2: ["nearest", "nearest-exact", "bilinear", "bicubic", "area"],
             3: ["nearest", "nearest-exact", "trilinear", "area"]}[rank]
    mode = rng.choice(modes)
    options = {"mode": mode}
    if rng.random() < 0.5:
        options["size"] = pick(rng.randint(1, 9), [rng.randint(1, 7) for _ in range(rank)])
    else:
        options["scale_factor"] = pick(0.5, 1.5, 2.0, 2.7, [pick(0.4, 0.9, 1.3, 2.0, 3.0) for _ in range(rank)])
        if rng.random() < 0.3:
            options["recompute_scale_factor"] = True
    if mode in ("linear", "bilinear", "bicubic", "trilinear") and rng.random() < 0.5:
        options["align_corners"] = pick(True, False)
    # With antialias and align_corners the order of the dimensions matters to PyTorch where one has one element.
    if mode in ("bilinear", "bicubic") and rng.random() < 0.3 and not options.get("align_corners"):
        options["antialias"] = True
    function("interpolate", {"input": drawn([pick(1, 2), pick(1, 3), *spatial(rank, 1, 6)], t)}, options, t)


def pads():
    t, rank = dtype(), pick(1, 2, 2, 3)
    mode = pick("constant", "reflect", "replicate", "circular")
    # PyTorch reads memory that nothing was written to where a circular padding also cuts off.
    low = 0 if mode == "circular" else -1
    pad = [rng.randint(low, 3) for _ in range(2 * rank)]
    options = {"pad": pad, "mode": mode}
    if mode == "constant" and rng.random() < 0.5:
        options["value"] = pick(1.5, -2.0)
    function("pad", {"input": drawn([pick(1, 2), pick(1, 2), *spatial(rank, 2, 5)], t)}, options, t)


def windows():
    t = dtype()
    options = dict(kernel_size=each(2, 1, 2, 3), dilation=each(2, 1, 1, 2), padding=each(2, 0, 1), stride=each(2, 1, 2))
    if rng.random() < 0.5:
        layer("Unfold", {"input": drawn(batch([2, *spatial(2, 3)]), t)}, options, True, t)
        return
    size = spatial(2, 3)
    both = {k: v if isinstance(v, list) else [v, v] for k, v in options.items()}
    spots = 1
    for i in range(2):
        spots *= max(0, (size[i] + 2 * both["padding"][i] - both["dilation"][i] * (both["kernel_size"][i] - 1) - 1)
                     // both["stride"][i] + 1)
    x = drawn(batch([2 * both["kernel_size"][0] * both["kernel_size"][1], spots]), t)
    layer("Fold", {"input": x}, {"output_size": size, **options}, True, t)


def sdpa():
    t = dtype()
    lead = pick([2], [2, 3], [])
    rows, columns, width, values = pick(1, 3, 70), pick(1, 4, 33), pick(1, 4, 16), pick(1, 3, 16)
    make = lambda a, b: drawn([*lead, a, b], t)
    inputs = {"query": make(rows, width), "key": make(columns, width), "value": make(columns, values)}
    options = {}
    if rng.random() < 0.3:
        options["is_causal"] = True
    elif rng.random() < 0.5:
        mask = torch.rand(rows, columns) < 0.7
        mask[:, 0] = True
        inputs["attn_mask"] = pick(mask, drawn([rows, columns], t))
    if rng.random() < 0.4:
        options["scale"] = pick(0.5, 1.0, 0.1)
    function("scaled_dot_product_attention", inputs, options, t)


families = [conv, conv, conv_transpose, pool, pool, adaptive, norms, norms, recurrent, attention, encoder, interpolate,
            pads, windows, sdpa]
while len(cases) < count:
    try:
        rng.choice(families)()
    except RuntimeError as error:
        # Its backward pass refuses what the forward pass took.
        print(error, file=sys.stderr)
show(cases)
