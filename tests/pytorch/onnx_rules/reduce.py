"""Reductions, scans and products of ONNX."""
import numpy as np
from onnx_rules.node import Out, rule


@rule("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
      "ReduceSum", "ReduceSumSquare")
def reduce(n):
    axes = n.axes()
    if not axes:
        if n.attr("noop_with_empty_axes", 0):
            return [n.do("clone", n.x(0))]
        axes = list(range(n.rank()))
    keep = bool(n.attr("keepdims", 1))
    how = n.kind[len("Reduce"):]
    x = n.x(0)
    if how in ("L1", "L2"):
        return [n.do("linalg.vector_norm", x, ord=float(how[1]), dim=axes, keepdim=keep)]
    if how == "Prod":
        for axis in sorted((a % n.rank() for a in axes), reverse=True):
            x = n.do("prod", x, dim=axis, keepdim=keep)
        return [x]
    name = {"LogSum": "sum", "SumSquare": "sum", "Max": "amax", "Min": "amin"}.get(how, how.lower())
    y = n.do(name, n.do("square", x) if how == "SumSquare" else x, dim=axes, keepdim=keep)
    return [n.do("log", y) if how == "LogSum" else y]


@rule("ArgMax", "ArgMin")
def arg(n):
    name, axis, keep = n.kind.lower(), n.attr("axis", 0), bool(n.attr("keepdims", 1))
    if not n.attr("select_last_index", 0):
        return [n.do(name, n.x(0), dim=axis, keepdim=keep)]
    last = n.do(name, n.do("flip", n.x(0), dims=[axis]), dim=axis, keepdim=keep)
    return [n.do("rsub", {"input": last}, other=n.array(0).shape[axis] - 1)]


@rule("CumSum", "CumProd")
def cumulated(n):
    axis, x = n.ints(1)[0], n.x(0)
    back = n.attr("reverse", 0)
    if back:
        x = n.do("flip", x, dims=[axis])
    x = n.do(n.kind.lower(), x, dim=axis)
    if n.attr("exclusive", 0):
        # What was before: one place further, behind the neutral number.
        axis %= n.rank()
        before = n.do("narrow", x, dim=axis, start=0, length=n.array(0).shape[axis] - 1)
        start = list(n.array(0).shape)
        start[axis] = 1
        neutral = n.given("neutral", np.full(start, int(n.kind == "CumProd"), n.array(0).dtype))
        x = n.do("cat", {"tensors": [neutral, before]}, dim=axis)
    return [n.do("flip", x, dims=[axis]) if back else x]


@rule("LpNormalization")
def lp_normalization(n):
    return [n.do("normalize", n.x(0), p=float(n.attr("p", 2)), dim=n.attr("axis", -1))]


@rule("TopK")
def topk(n):
    return n.do("topk", n.x(0), outs=2, k=n.ints(1)[0], dim=n.attr("axis", -1), largest=bool(n.attr("largest", 1)))


@rule("Unique")
def unique(n):
    if not n.attr("sorted", 1):
        raise Out("unique elements in the order of their appearance: PyTorch sorts")
    found = n.do("unique", n.x(0), outs=3, dim=n.attr("axis"), return_inverse=True, return_counts=True)
    if n.attr("axis") is None:
        found[1] = n.do("flatten", found[1])
    return [found[0], None, *found[1:]]


@rule("NonZero")
def nonzero(n):
    return [n.do("t", n.do("nonzero", n.x(0)))]


@rule("Softmax", "LogSoftmax")
def softmax(n):
    return [n.do("softmax" if n.kind == "Softmax" else "log_softmax", n.x(0), dim=n.attr("axis", -1))]


@rule("Hardmax")
def hardmax(n):
    axis = n.attr("axis", -1)
    hot = n.do("one_hot", n.do("argmax", n.x(0), dim=axis), num_classes=n.array(0).shape[axis])
    return [n.do("to", n.do("movedim", hot, source=-1, destination=axis), dtype=str(n.array(0).dtype))]


@rule("MeanVarianceNormalization")
def mvn(n):
    axes = list(n.attr("axes", [0, 2, 3]))
    centred = n.do("sub", n.x(0), n.do("mean", n.x(0), dim=axes, keepdim=True))
    deviation = n.do("std", n.x(0), dim=axes, correction=0, keepdim=True)
    return [n.do("div", centred, n.do("add", {"input": deviation}, other=1e-9))]


@rule("Gemm")
def gemm(n):
    a, b = (n.do("t", n.x(i)) if n.attr(name, 0) else n.x(i) for i, name in ((0, "transA"), (1, "transB")))
    if not n.has(2):
        return [n.do("mm", {"input": a, "mat2": b})]
    args = {"input": n.x(2), "mat1": a, "mat2": b}
    return [n.do("addmm", args, beta=n.attr("beta", 1.0), alpha=n.attr("alpha", 1.0))]


@rule("Einsum")
def einsum(n):
    return [n.do("einsum", {"operands": [n.x(i) for i in range(len(n.arrays))]}, equation=n.attr("equation"))]
