"""Convolutions, pools and resizing of ONNX."""
import math
import numpy as np
from onnx_rules.node import Out, rule


def window(n, kernel=None):
    """Kernel, strides, dilations and what is padded before and after, with automatic padding as ONNX defines it."""
    kernel = list(kernel or n.attr("kernel_shape"))
    rank = len(kernel)
    strides, dilations = list(n.attr("strides", [1] * rank)), list(n.attr("dilations", [1] * rank))
    pads = list(n.attr("pads", [0] * (2 * rank)))
    before, after = pads[:rank], pads[rank:]
    auto = n.attr("auto_pad", "NOTSET")
    if auto.startswith("SAME") and n.kind != "ConvTranspose":
        sizes = n.array(0).shape[2:]
        for i in range(rank):
            need = max(0, (-(-sizes[i] // strides[i]) - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - sizes[i])
            small, large = need // 2, need - need // 2
            before[i], after[i] = (small, large) if auto == "SAME_UPPER" else (large, small)
    return kernel, strides, dilations, before, after


def flat_pads(before, after):
    return [p for pair in list(zip(before, after))[::-1] for p in pair]


def margins(kernel, before, after):
    """Whether PyTorch's pools need their padding done beforehand: it is symmetric there, and at most half a window."""
    return before != after or any(2 * b > k for b, k in zip(before, kernel))


@rule("Conv")
def conv(n):
    kernel, strides, dilations, before, after = window(n, n.array(1).shape[2:])
    args = {"input": n.x(0), "weight": n.x(1)} | ({"bias": n.x(2)} if n.has(2) else {})
    padding = before
    if before != after:
        args["input"], padding = n.do("pad", n.x(0), pad=flat_pads(before, after)), [0] * len(kernel)
    options = dict(stride=strides, padding=padding, dilation=dilations, groups=n.attr("group", 1))
    return [n.do(f"conv{len(kernel)}d", args, **options)]


@rule("ConvTranspose")
def conv_transpose(n):
    kernel, strides, dilations, before, after = window(n, n.array(1).shape[2:])
    rank, sizes = len(kernel), n.array(0).shape[2:]
    extra = list(n.attr("output_padding", [0] * rank))
    shape, auto = n.attr("output_shape"), n.attr("auto_pad", "NOTSET")
    if auto.startswith("SAME"):
        shape = [s * t for s, t in zip(sizes, strides)]
    if shape is not None:
        for i in range(rank):
            total = strides[i] * (sizes[i] - 1) + extra[i] + (kernel[i] - 1) * dilations[i] + 1 - shape[i]
            before[i] = total // 2 if auto == "SAME_UPPER" else total - total // 2
            after[i] = total - before[i]
    args = {"input": n.x(0), "weight": n.x(1)} | ({"bias": n.x(2)} if n.has(2) else {})
    options = dict(stride=strides, dilation=dilations, groups=n.attr("group", 1))
    name = f"conv_transpose{rank}d"
    if before == after and min(before) >= 0:
        return [n.do(name, args, padding=before, output_padding=extra, **options)]
    if "bias" in args and min(before + after) < 0:
        raise Out("a bias behind a grown output")
    # The whole output, of which the margins are cut off, or to which zeros are added.
    whole = n.do(name, args, output_padding=extra, **options)
    return [n.do("pad", whole, pad=flat_pads([-p for p in before], [-p for p in after]))]


@rule("MaxPool")
def max_pool(n):
    kernel, strides, dilations, before, after = window(n)
    x, padding = n.x(0), before
    apart = margins(kernel, before, after)
    if apart:
        if n.array(0).dtype.kind != "f":
            raise Out("asymmetric windows over integers")
        x, padding = n.do("pad", x, pad=flat_pads(before, after), value=-math.inf), [0] * len(kernel)
    if len(n.wanted) > 1 and n.attr("storage_order", 0):
        raise Out("indices in the order of columns")
    name = f"max_pool{len(kernel)}d"
    options = dict(kernel_size=kernel, stride=strides, padding=padding, dilation=dilations,
                   ceil_mode=bool(n.attr("ceil_mode", 0)))
    if len(n.wanted) == 1:
        return [n.do(name, x, **options)]
    if apart:
        raise Out("indices into a padded tensor")
    largest, places = n.do(name, x, outs=2, return_indices=True, **options)
    # ONNX counts through the whole tensor, PyTorch within each plane.
    lead = n.array(0).shape[:2]
    planes = np.arange(math.prod(lead)).reshape(*lead, *[1] * len(kernel)) * math.prod(n.array(0).shape[2:])
    return [largest, n.do("add", places, n.given("planes", planes))]


@rule("AveragePool", "LpPool")
def average_pool(n):
    kernel, strides, dilations, before, after = window(n)
    if any(d != 1 for d in dilations):
        raise Out("dilated windows, which PyTorch's average and norm pools do not have")
    options = dict(kernel_size=kernel, stride=strides, ceil_mode=bool(n.attr("ceil_mode", 0)))
    x, around = n.x(0), flat_pads(before, after)
    if n.kind == "LpPool":
        # PyTorch takes powers of the numbers themselves, ONNX of their absolute values.
        x = n.do("abs", n.do("pad", x, pad=around) if any(around) else x)
        if len(kernel) == 1:
            options["kernel_size"], options["stride"] = kernel[0], strides[0]
        return [n.do(f"lp_pool{len(kernel)}d", x, norm_type=float(n.attr("p", 2)), **options)]
    name = f"avg_pool{len(kernel)}d"
    inside = bool(n.attr("count_include_pad", 0))
    if not margins(kernel, before, after):
        return [n.do(name, x, padding=before, count_include_pad=inside, **options)]
    mean = n.do(name, n.do("pad", x, pad=around), **options)
    if inside:
        return [mean]
    ones = n.do("pad", n.do("ones_like", x), pad=around)
    return [n.do("div", mean, n.do(name, ones, **options))]


@rule("GlobalAveragePool", "GlobalMaxPool")
def global_pool(n):
    kind = "avg" if n.kind == "GlobalAveragePool" else "max"
    return [n.do(f"adaptive_{kind}_pool{n.rank() - 2}d", n.x(0), output_size=[1] * (n.rank() - 2))]


@rule("MaxUnpool")
def max_unpool(n):
    kernel, strides, _, before, after = window(n)
    places = n.array(1).astype(np.int64)
    size = n.ints(2)
    options = dict(kernel_size=kernel, stride=strides, padding=before)
    lead, pooled = n.array(0).shape[:2], n.array(0).shape[2:]
    own = [(p - 1) * s + k - 2 * b for p, s, k, b in zip(pooled, strides, kernel, before)]
    # ONNX counts in the tensor that its own window gives back, through the whole of it.
    per_plane = places % math.prod(own)
    more = {"forward_options": {"output_size": list(size[2:])}} if size else {}
    n.layer = (f"MaxUnpool{len(kernel)}d", options, {}, {"input": n.array(0), "indices": per_plane}, more)
    return None


@rule("Col2Im")
def col2im(n):
    size, block = n.ints(1), n.ints(2)
    if len(size) != 2:
        raise Out("folding in other dimensions than two")
    pads = list(n.attr("pads", [0] * 4))
    if pads[:2] != pads[2:]:
        # The larger image, of which the margins are cut off.
        whole = [size[i] + pads[i] + pads[i + 2] for i in range(2)]
        y = n.do("fold", n.x(0), output_size=whole, kernel_size=block, stride=list(n.attr("strides", [1, 1])),
                 dilation=list(n.attr("dilations", [1, 1])))
        return [n.do("pad", y, pad=[-p for p in flat_pads(pads[:2], pads[2:])])]
    return [n.do("fold", n.x(0), output_size=size, kernel_size=block, padding=pads[:2],
                 stride=list(n.attr("strides", [1, 1])), dilation=list(n.attr("dilations", [1, 1])))]


@rule("Resize", "Upsample")
def resize(n):
    at = (2, 3) if n.kind == "Resize" else (1, 9)
    axes = list(n.attr("axes", range(n.rank())))
    shape = n.array(0).shape
    scales, sizes = (n.array(i) for i in at)
    mode = n.attr("mode", "nearest")
    how = n.attr("coordinate_transformation_mode", "half_pixel" if n.kind == "Resize" else "asymmetric")
    rounding = n.attr("nearest_mode", "round_prefer_floor" if n.kind == "Resize" else "floor")
    if how.startswith("tf_") or n.attr("exclude_outside", 0) or how == "half_pixel_symmetric":
        raise Out("a way of resizing that PyTorch does not have")
    if mode == "cubic" and abs(n.attr("cubic_coeff_a", -0.75) + 0.75) > 1e-6:
        raise Out("another cubic kernel than PyTorch's")
    full = [1.0] * len(shape)
    goal = list(shape)
    options = {}
    policy = n.attr("keep_aspect_ratio_policy", "stretch")
    if sizes is not None:
        for axis, size in zip(axes, sizes):
            goal[axis] = int(size)
        if policy != "stretch":
            pick = min if policy == "not_larger" else max
            scale = pick(goal[a] / shape[a] for a in axes)
            for axis in axes:
                goal[axis] = math.floor(scale * shape[axis] + 0.5)
        options["size"] = goal[2:]
    else:
        for axis, scale in zip(axes, scales):
            full[axis] = float(scale)
        options["scale_factor"] = full[2:]
    if full[:2] != [1.0, 1.0] or goal[:2] != list(shape[:2]):
        raise Out("a resized batch or channels")
    rank = len(shape) - 2
    if mode == "nearest":
        name = {("asymmetric", "floor"): "nearest", ("half_pixel", "round_prefer_ceil"): "nearest-exact",
                # The two differ at halves only: whether a test has one is for PyTorch to say.
                ("half_pixel", "round_prefer_floor"): "nearest-exact"}.get((how, rounding))
        if name is None:
            raise Out("a way of resizing that PyTorch does not have")
        return [n.do("interpolate", n.x(0), mode=name, **options)]
    name = {"linear": {1: "linear", 2: "bilinear", 3: "trilinear"}[rank], "cubic": "bicubic"}[mode]
    if how not in ("half_pixel", "align_corners", "pytorch_half_pixel"):
        raise Out("a way of resizing that PyTorch does not have")
    return [n.do("interpolate", n.x(0), mode=name, align_corners=how == "align_corners",
                 antialias=bool(n.attr("antialias", 0)) or None, **options)]
