"""Cases in the format of the golden files, for the scripts beside this one."""
import json
import torch

NAMES = {torch.float64: "f64", torch.float32: "f32", torch.int64: "i64", torch.bool: "bool"}
SHORT = {float("inf"): "inf", float("-inf"): "-inf"}


def number(v):
    return "nan" if v != v else SHORT.get(v, v)


def told(t, **more):
    # A gradient that is zero by rule has no storage.
    whole = torch.zeros(t.shape) if t._is_zerotensor() else t.detach()
    data = [number(v) for v in whole.reshape(-1).tolist()]
    if t.dtype == torch.float32:
        data = [float(f"{v:.9g}") if isinstance(v, float) else v for v in data]
    return {"shape": list(t.shape), "dtype": NAMES[t.dtype], "data": data, **more}


def made(told, like):
    return torch.tensor([float(x) for x in told["data"]], dtype=like.dtype).reshape(told["shape"])


def finish(case, call, leaves, given=None):
    """Values, gradients and second-order gradients of a call or its error, with another case's vectors if `given`."""
    try:
        found = call()
    except Exception as e:
        case["error"] = {"type": type(e).__name__, "message": str(e).split("\n")[0]}
        return
    outputs = list(found) if isinstance(found, (tuple, list)) else [found]
    case["outputs"] = [told(y) for y in outputs]
    leaves = {n: t for n, t in leaves.items() if t.requires_grad}
    if not any(y.requires_grad for y in outputs):
        return
    # Indices take no part.
    if given:
        seeds = [None if g is None else made(g, y) for g, y in zip(given["grad_output"], outputs)]
    else:
        seeds = [torch.round(torch.randn_like(y), decimals=2) if y.requires_grad else None for y in outputs]
    case["grad_output"] = [None if g is None else told(g) for g in seeds]
    reached = [(y, g) for y, g in zip(outputs, seeds) if g is not None]
    grads = torch.autograd.grad([y for y, _ in reached], list(leaves.values()), [g for _, g in reached],
                                create_graph=True, allow_unused=True)
    case["grads"] = {n: None if d is None else told(d) for n, d in zip(leaves, grads)}
    if given and "second_order" not in given:
        return
    if given:
        v = {n: made(given["second_order"]["v"][n], t) for n, t in leaves.items()}
    else:
        v = {n: torch.round(torch.randn_like(t), decimals=2) for n, t in leaves.items()}
    s = sum((d * v[n]).sum() for n, d in zip(leaves, grads) if d is not None)
    second = [None] * len(leaves)
    if s.requires_grad:
        try:
            second = torch.autograd.grad(s, list(leaves.values()), allow_unused=True)
        except RuntimeError:  # PyTorch lacks it
            return
    told_second = {n: None if d is None else told(d) for n, d in zip(leaves, second)}
    case["second_order"] = {"v": {n: told(t) for n, t in v.items()}, "grads": told_second}


def show(cases):
    print("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]")
