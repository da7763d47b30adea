"""Indices and shapes of ONNX."""
import math
import numpy as np
from onnx import numpy_helper
from onnx_rules.node import DTYPES, Out, rule


@rule("Gather")
def gather(n):
    axis, index = n.attr("axis", 0) % n.rank(), n.array(1)
    if index.ndim == 1 and (index >= 0).all():
        return [n.do("index_select", {"input": n.x(0), "index": n.x(1)}, dim=axis)]
    places = [{"slice": [None, None, None]}] * axis + [{"tensor": "index"}]
    return [n.do("getitem", {"input": n.x(0), "index": n.x(1, "index")}, index=places)]


def along(n, i):
    """Indices along an axis, which PyTorch counts from the front only."""
    axis, index = n.attr("axis", 0), n.array(i).astype(np.int64)
    return axis, n.given("index", np.where(index < 0, index + n.array(0).shape[axis], index))


@rule("GatherElements")
def gather_elements(n):
    axis, index = along(n, 1)
    return [n.do("gather", {"input": n.x(0), "index": index}, dim=axis)]


@rule("Scatter", "ScatterElements")
def scatter(n):
    axis, index = along(n, 1)
    args = {"input": n.x(0), "index": index, "src": n.x(2, "src")}
    how = {"none": None, "add": "sum", "mul": "prod", "max": "amax", "min": "amin"}[n.attr("reduction", "none")]
    return [n.do("scatter_reduce" if how else "scatter", args, dim=axis, reduce=how)]


def columns(n, index, batch=0):
    """The columns of a list of places as the indices of `getitem`, behind those of the batch."""
    shape = index.shape[:-1]
    lead = [np.arange(shape[d]).reshape([-1 if i == d else 1 for i in range(len(shape))]) for d in range(batch)]
    parts = [np.broadcast_to(a, shape) for a in lead] + [index[..., k] for k in range(index.shape[-1])]
    names = [n.given(f"index{k}", np.ascontiguousarray(part)) for k, part in enumerate(parts)]
    return {name: name for name in names}, [{"tensor": name} for name in names]


@rule("GatherND")
def gather_nd(n):
    args, index = columns(n, n.array(1), n.attr("batch_dims", 0))
    return [n.do("getitem", {"input": n.x(0), **args}, index=index)]


@rule("ScatterND")
def scatter_nd(n):
    how, index = n.attr("reduction", "none"), n.array(1)
    if how in ("none", "add"):
        args, places = columns(n, index)
        args |= {"input": n.x(0), "values": n.x(2)}
        return [n.do("index_put", args, index=places, accumulate=how == "add" or None)]
    # The other reductions by rows of the flattened tensor.
    shape = n.array(0).shape
    depth = index.shape[-1]
    rows = np.ravel_multi_index(tuple(np.moveaxis(index, -1, 0)), shape[:depth]).reshape(-1)
    source = n.array(2).reshape(len(rows), -1)
    index = n.given("index", np.repeat(rows[:, None], source.shape[1], 1))
    flat = n.do("reshape", n.x(0), shape=[-1, source.shape[1]])
    how = {"mul": "prod", "max": "amax", "min": "amin"}[how]
    y = n.do("scatter_reduce", {"input": flat, "index": index, "src": n.given("src", source)}, dim=0, reduce=how)
    return [n.do("reshape", y, shape=list(shape))]


@rule("Compress")
def compress(n):
    axis = n.attr("axis")
    x = n.do("flatten", n.x(0)) if axis is None else n.x(0)
    axis = (axis or 0) % n.rank()
    length = n.array(0).size if n.attr("axis") is None else n.array(0).shape[axis]
    mask = np.zeros(length, bool)
    mask[: len(n.array(1))] = n.array(1)
    places = [{"slice": [None, None, None]}] * axis + [{"tensor": "mask"}]
    return [n.do("getitem", {"input": x, "mask": n.given("mask", mask)}, index=places)]


@rule("OneHot")
def one_hot(n):
    axis, depth, values = n.attr("axis", -1), n.ints(1)[0], n.array(2)
    index = n.array(0).astype(np.int64)
    if index.min() >= 0 and index.max() < depth:
        hot = n.do("to", n.do("one_hot", n.given("index", index), num_classes=depth), dtype="bool")
    else:
        # Negative ones count from the back; those outside are cold.
        column = n.given("index", np.where(index < 0, index + depth, index)[..., None])
        hot = n.do("eq", column, n.do("arange", {}, end=depth))
    hot = n.do("movedim", hot, source=-1, destination=axis)
    on, off = n.given("on", values[1]), n.given("off", values[0])
    return [n.do("where", {"condition": hot, "input": on, "other": off})]


@rule("Trilu")
def trilu(n):
    k = n.ints(1)[0] if n.has(1) else 0
    return [n.do("triu" if n.attr("upper", 1) else "tril", n.x(0), diagonal=k)]


@rule("Slice")
def slices(n):
    starts, ends, axes, steps = (n.ints(i) for i in range(1, 5))
    places = [{"slice": [None, None, None]} for _ in range(n.rank())]
    x = n.x(0)
    for i, (start, end) in enumerate(zip(starts, ends)):
        axis = axes[i] if axes else i
        step = steps[i] if steps else 1
        size = n.array(0).shape[axis]
        if step < 0:
            # PyTorch has no negative steps: the same elements of the flipped tensor.
            x = n.do("flip", x, dims=[axis])
            clamped = lambda p: min(max(p + size if p < 0 else p, -1), size - 1)
            start, end, step = size - 1 - clamped(start), size - 1 - clamped(end), -step
        places[axis] = {"slice": [start, end, step]}
    return [n.do("getitem", x, index=places)]


@rule("Reshape")
def reshape(n):
    shape = n.ints(1)
    if not n.attr("allowzero", 0):
        shape = [n.array(0).shape[i] if s == 0 else s for i, s in enumerate(shape)]
    return [n.do("reshape", n.x(0), shape=shape)]


@rule("Flatten")
def flatten(n):
    axis = n.attr("axis", 1)
    shape = n.array(0).shape
    axis = axis + len(shape) if axis < 0 else axis
    if axis == 1:
        return [n.do("flatten", n.x(0), start_dim=1)]
    return [n.do("reshape", n.x(0), shape=[math.prod(shape[:axis]), math.prod(shape[axis:])])]


@rule("Squeeze")
def squeeze(n):
    return [n.do("squeeze", n.x(0), dim=n.axes())]


@rule("Unsqueeze")
def unsqueeze(n):
    x, axes = n.x(0), n.axes()
    rank = n.rank() + len(axes)
    for axis in sorted(a % rank for a in axes):
        x = n.do("unsqueeze", x, dim=axis)
    return [x]


@rule("Transpose")
def transpose(n):
    return [n.do("permute", n.x(0), dims=list(n.attr("perm", range(n.rank())[::-1])))]


@rule("Tile")
def tile(n):
    return [n.do("tile", n.x(0), dims=n.ints(1))]


@rule("Expand")
def expand(n):
    return [n.do("expand", n.x(0), size=list(np.broadcast_shapes(n.array(0).shape, tuple(n.ints(1)))))]


@rule("Concat")
def concat(n):
    return [n.do("cat", {"tensors": [n.x(i) for i in range(len(n.arrays))]}, dim=n.attr("axis"))]


@rule("Split")
def split(n):
    axis, count = n.attr("axis", 0), len(n.wanted)
    sizes = n.axes(1, "split")
    if sizes is None:
        each = -(-n.array(0).shape[axis] // count)
        return n.do("split", n.x(0), outs=count, split_size_or_sections=each, dim=axis)
    return n.do("split", n.x(0), outs=count, split_size_or_sections=sizes, dim=axis)


@rule("Pad")
def pad(n):
    pads, axes = n.ints(1), n.ints(3) or list(range(n.rank()))
    before, after = [0] * n.rank(), [0] * n.rank()
    for i, axis in enumerate(axes):
        before[axis], after[axis] = pads[i], pads[i + len(axes)]
    mode = {"edge": "replicate", "wrap": "circular"}.get(n.attr("mode", "constant"), n.attr("mode", "constant"))
    value = float(n.array(2).reshape(-1)[0]) if n.has(2) and n.array(2).size else None
    rank = n.rank()
    if mode != "constant":
        # The batch and the channels are not padded in these modes.
        rank -= 2
        if any(before[: n.rank() - rank] + after[: n.rank() - rank]):
            raise Out("a padded batch or padded channels")
    flat = [p for i in range(n.rank() - rank, n.rank())[::-1] for p in (before[i], after[i])]
    return [n.do("pad", n.x(0), pad=flat, mode=mode, value=value if mode == "constant" else None)]


@rule("CenterCropPad")
def center_crop_pad(n):
    axes = list(n.attr("axes", range(n.rank())))
    around = [[0, 0] for _ in range(n.rank())]
    for axis, size in zip(axes, n.ints(1)):
        more = size - n.array(0).shape[axis]
        around[axis] = [more // 2, more - more // 2] if more > 0 else [-(-more // 2), more + (-more // 2)]
    return [n.do("pad", n.x(0), pad=[p for pair in around[::-1] for p in pair])]


@rule("EyeLike")
def eye(n):
    rows, cols = n.array(0).shape
    dtype = DTYPES.get(n.attr("dtype", 0)) or str(n.array(0).dtype).replace("int32", "int64")
    k = n.attr("k", 0)
    if k == 0:
        return [n.do("eye", {}, n=rows, m=cols, dtype=dtype)]
    ones = n.do("full", {}, size=[rows, cols], fill_value=1, dtype=dtype)
    return [n.do("triu", n.do("tril", ones, diagonal=k), diagonal=k)]


@rule("Range")
def arange(n):
    start, end, step = (n.array(i).item() for i in range(3))
    if n.array(0).dtype.kind not in "fi" or n.array(0).dtype == np.float16:
        raise Out("elements of other types")
    return [n.do("arange", {}, start=start, end=end, step=step)]


@rule("ConstantOfShape")
def constant_of_shape(n):
    value = n.attr("value")
    value = numpy_helper.to_array(value) if value is not None else np.zeros(1, np.float32)
    dtype = str(value.dtype).replace("int32", "int64")
    return [n.do("full", {}, size=n.ints(0), fill_value=value.item(), dtype=dtype)]


@rule("DepthToSpace", "SpaceToDepth")
def depth_to_space(n):
    size, shape = n.attr("blocksize"), n.array(0).shape
    deep = n.kind == "DepthToSpace"
    if n.attr("mode", "DCR") == "CRD":
        if deep:
            return [n.do("pixel_shuffle", n.x(0), upscale_factor=size)]
        return [n.do("pixel_unshuffle", n.x(0), downscale_factor=size)]
    batch, channels, rows, cols = shape
    if deep:
        apart = n.do("reshape", n.x(0), shape=[batch, size, size, channels // size**2, rows, cols])
        turned = n.do("permute", apart, dims=[0, 3, 4, 1, 5, 2])
        return [n.do("reshape", turned, shape=[batch, channels // size**2, rows * size, cols * size])]
    apart = n.do("reshape", n.x(0), shape=[batch, channels, rows // size, size, cols // size, size])
    turned = n.do("permute", apart, dims=[0, 3, 5, 1, 2, 4])
    return [n.do("reshape", turned, shape=[batch, channels * size**2, rows // size, cols // size])]
