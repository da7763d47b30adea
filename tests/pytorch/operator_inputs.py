"""PyTorch's own inputs of its operators (`op_db`: samples and inputs that it refuses) as cases for the golden runner.

    python tests/pytorch/operator_inputs.py FOLDER [NAME…]
    GOLDEN_DIR=FOLDER cargo test --test golden -- --nocapture

Writes a file for each operator, of float32, float64, int64 and bool. The small cases that once differed are kept in
`tests/golden/opinfo_*.json`.
"""
import inspect
import json
import sys
import warnings
from pathlib import Path
import torch
from torch.overrides import get_testing_overrides
from torch.testing._internal.common_methods_invocations import op_db
from golden_case import NAMES, finish, number, told

warnings.simplefilter("ignore")
LARGEST = 3000  # elements
# Other kinds of numbers, other storage, or random.
LEFT_OUT = ("fft.", "_refs.", "sparse", "to_sparse", "signal.windows", "complex", "polar", "stft", "istft", "jiterator",
            "ops.", "masked.", "linalg.", "torch.ops", "segment_reduce", "geqrf", "ormqr", "lu", "cholesky", "svd", "qr",
            "triangular_solve", "pca_lowrank", "histogramdd", "nn.functional.dropout", "nn.functional.alpha_dropout",
            "nn.functional.feature_alpha_dropout", "special.airy", "special.bessel", "special.chebyshev", "special.hermite",
            "special.laguerre", "special.legendre", "special.modified_bessel", "special.scaled_modified",
            "special.shifted_chebyshev", "special.spherical", "empty", "new_empty", "rand", "bernoulli", "multinomial",
            "normal", "uniform", "cauchy", "exponential", "geometric", "log_normal")
KEPT = ("linalg.cross", "linalg.matrix_norm", "linalg.norm", "linalg.vector_norm", "linalg.vecdot", "linalg.multi_dot",
        "linalg.matrix_power", "linalg.diagonal", "linalg.vander", "linalg.svdvals", "randn_like")


class Foreign(Exception):
    """Something that no case can say."""


def option(v):
    if isinstance(v, torch.dtype):
        if v not in NAMES:
            raise Foreign(v)
        return str(v).removeprefix("torch.")
    if isinstance(v, (list, tuple)):
        return [option(x) for x in v]
    if isinstance(v, float):
        return number(v)
    if v is None or isinstance(v, (bool, int, str)):
        return v
    raise Foreign(type(v))


OVERRIDES = get_testing_overrides()
# Where PyTorch's table of overrides has other names than its documentation, or an operator several forms.
ARGUMENTS = {
    "dot": "input tensor", "vdot": "input other", "linalg.vecdot": "x y dim", "prod": "input dim keepdim", "permute": "input dims",
    "permute_copy": "input dims", "isin": "elements test_elements", "logsumexp": "input dim keepdim", "outer": "input vec2",
    "nn.functional.embedding": "weight input", "view_copy": "input size", "view": "input size", "__rmatmul__": "other input",
    "nn.functional.batch_norm": "input running_mean running_var weight bias training momentum eps",
}
REDUCED = "input dim keepdim"


def signature(op, args):
    """The names of an operator's arguments."""
    names = ARGUMENTS.get(op.name)
    if op.name in ("max", "min") and len(args) > 1:
        names = "input other" if isinstance(args[1], torch.Tensor) else REDUCED
    if op.name in ("std", "var", "std_mean", "var_mean"):
        names = "input unbiased" if len(args) == 2 and isinstance(args[1], bool) else "input dim unbiased keepdim"
    if names:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        more = inspect.Parameter("more", inspect.Parameter.VAR_KEYWORD)
        return inspect.Signature([inspect.Parameter(n, kind, default=None) for n in names.split()] + [more])
    public = torch
    for part in op.name.split("."):
        public = getattr(public, part, None)
    for f in (public, op.op):
        if f in OVERRIDES:
            return inspect.signature(OVERRIDES[f])
        try:
            return inspect.signature(f)
        except (TypeError, ValueError):
            pass
    method = getattr(torch.Tensor, op.name.split(".")[-1], None)
    if method in OVERRIDES:
        return inspect.signature(OVERRIDES[method])
    raise Foreign(op.name)


def named(op, sample):
    args = (sample.input, *sample.args)
    found = signature(op, args)
    if op.name == "view" and not isinstance(sample.args[0], (list, tuple, torch.dtype)):
        args = (sample.input, list(sample.args))
    if any(p.kind is p.VAR_POSITIONAL for p in found.parameters.values()):
        tensors = [t for part in args for t in (part if isinstance(part, (list, tuple)) else [part])]
        if all(isinstance(t, torch.Tensor) for t in tensors):
            return {"tensors": tensors, **sample.kwargs}
    if any(p.kind is p.VAR_POSITIONAL for p in found.parameters.values()) or list(found.parameters) == ["x"]:
        bound = [("input", args[0])] + [(f"arg{i}", v) for i, v in enumerate(args[1:])]
        if len(args) > 1:
            raise Foreign("unnamed")
        return {**dict(bound), **sample.kwargs}
    try:
        bound = dict(found.bind(*args, **sample.kwargs).arguments)
    except TypeError as e:
        raise Foreign(str(e)) from e
    for p in found.parameters.values():
        if p.kind is p.VAR_KEYWORD and p.name in bound:
            bound.update(bound.pop(p.name))
    return bound


def index(parts, inputs):
    """An index in brackets, as the option `index` says it."""
    def one(p):
        if isinstance(p, torch.Tensor):
            inputs.append((f"index{len(inputs)}", p))
            return {"tensor": inputs[-1][0]}
        if isinstance(p, slice):
            return {"slice": [p.start, p.stop, p.step]}
        if p is Ellipsis:
            return "..."
        return option(p)
    parts = parts if isinstance(parts, tuple) else (parts,)
    return [one(p) for p in parts]


def case_of(op, sample, dtype):
    name = {"__getitem__": "getitem", "__rmatmul__": "matmul", "__radd__": "add", "__rmul__": "mul", "__rand__": "bitwise_and",
            "__ror__": "bitwise_or", "__rxor__": "bitwise_xor", "Tensor.unfold": "tensor_unfold",
            "unfold": "tensor_unfold"}.get(op.name, op.name)
    inputs, options = [], {}
    if op.name == "__getitem__":
        inputs.append(("input", sample.input))
        if len(sample.args) != 1 or sample.kwargs:
            raise Foreign("index")
        options["index"] = index(sample.args[0], inputs)
    else:
        for key, value in named(op, sample).items():
            key = "input" if key in ("self", "a", "x") and value is sample.input and op.name not in (
                "tensordot", "linalg.vecdot", "trapezoid", "trapz") else key
            if isinstance(value, torch.Tensor):
                inputs.append((key, value))
            elif isinstance(value, (list, tuple)) and any(isinstance(v, torch.Tensor) for v in value):
                if not all(isinstance(v, torch.Tensor) for v in value):
                    raise Foreign(key)
                inputs += [(f"{key}.{i}", v) for i, v in enumerate(value)]
            elif value is not None and key not in ("out", "generator", "device", "layout", "pin_memory", "memory_format"):
                options[key] = option(value)
    for _, t in inputs:
        if t.dtype not in NAMES or t.layout != torch.strided or t.numel() > LARGEST or t.device.type != "cpu":
            raise Foreign(t.dtype)
    case = {"op": name, "kind": "loss" if name.endswith("_loss") or "cross_entropy" in name or name.endswith("kl_div") else "op",
            "dtype": NAMES[dtype], "options": options}
    case["op"] = case["op"].removeprefix("nn.functional.") if case["kind"] == "loss" else case["op"]
    case["inputs"] = [told(t, name=n, requires_grad=t.requires_grad) for n, t in inputs]
    return case, {n: t for n, t in inputs}


def repeats(op, sample):
    """Whether a second call gives the same: nothing random, nothing left as it was in memory."""
    flat = lambda y: [t.detach().clone() for t in (y if isinstance(y, (list, tuple)) else [y]) if isinstance(t, torch.Tensor)]
    try:
        first, second = (flat(op.op(sample.input, *sample.args, **sample.kwargs)) for _ in range(2))
    except Exception:
        return True
    if any(t.dtype not in NAMES or t.numel() > LARGEST for t in first) or not first:
        raise Foreign("output")
    return all(torch.equal(torch.nan_to_num(a), torch.nan_to_num(b)) if a.dtype.is_floating_point else torch.equal(a, b)
               for a, b in zip(first, second))


def tolerance(op, sample):
    """How far PyTorch's own float32 may be from the same computation in float64, four times over."""
    def run(convert):
        leaves = []

        def turned(x):
            if isinstance(x, torch.Tensor):
                x = convert(x.detach()) if x.dtype is torch.float32 else x.detach()
                if x.dtype.is_floating_point:
                    leaves.append(x.clone().requires_grad_())
                    x = leaves[-1]
            elif isinstance(x, (list, tuple)):
                x = type(x)(turned(v) for v in x) if not isinstance(x, torch.Size) else x
            return x
        found = op.op(turned(sample.input), *map(turned, sample.args), **{k: turned(v) for k, v in sample.kwargs.items()})
        outputs = [y for y in (found if isinstance(found, (list, tuple)) else [found]) if y.dtype.is_floating_point]
        result = [y.detach().double() for y in outputs]
        roots = [y for y in outputs if y.requires_grad]
        if roots:
            torch.manual_seed(1)
            seeds = [torch.randn(y.shape) for y in roots]
            grads = torch.autograd.grad(roots, leaves, [s.to(y.dtype) for s, y in zip(seeds, roots)], create_graph=True, allow_unused=True)
            result += [g.detach().double() for g in grads if g is not None]
            roots = [g for g in grads if g is not None and g.requires_grad]
            if roots:
                more = torch.autograd.grad([(g * torch.randn(g.shape).to(g.dtype)).sum() for g in roots], leaves, allow_unused=True)
                result += [g.detach().double() for g in more if g is not None]
        return result
    worst = 0.0
    try:
        for a, b in zip(run(lambda x: x), run(lambda x: x.double())):
            apart = (a - b).abs()
            apart = apart[torch.isfinite(apart)]
            worst = max(worst, apart.max().item() if apart.numel() else 0.0)
    except Exception:
        pass
    return {"rtol": 1e-5, "atol": max(1e-6, 4 * worst)}


def finite(told):
    return all(isinstance(v, (int, float)) for v in told["data"])


def tags_of(case):
    """The golden files' tags about NaN, where all inputs are finite."""
    if "error" in case or not all(finite(t) for t in case["inputs"]):
        return []
    nan = lambda group: any("nan" in t["data"] for t in group if t)
    outputs, grads = case.get("outputs", []), case.get("grads", {}).values()
    second = case.get("second_order", {}).get("grads", {}).values()
    if nan(outputs):
        return ["torch_nan_output"]
    if nan(grads):
        return ["torch_nan_grad"]
    return ["torch_nan_second"] if nan(second) else []


def cases_of(op):
    cases, left = [], 0

    def add(sample, dtype, error=None):
        nonlocal left
        try:
            if not error and not repeats(op, sample):
                raise Foreign("random")
            case, leaves = case_of(op, sample, dtype)
            if not error:
                finish(case, lambda: op.op(sample.input, *sample.args, **sample.kwargs), leaves)
                if dtype is torch.float32:
                    case["tol"] = tolerance(op, sample)
            else:
                try:
                    op.op(sample.input, *sample.args, **sample.kwargs)
                    raise Foreign("no error after all")
                except Foreign:
                    raise
                except Exception as e:
                    case["error"] = {"type": type(e).__name__, "message": str(e).split("\n")[0]}
        except (Foreign, KeyError):
            left += 1
            return
        if any(word in case.get("error", {}).get("message", "") for word in ("not implemented for", "not supported", "unsupported")):
            case["tags"] = ["unsupported_in_torch"]
        else:
            case["tags"] = tags_of(case)
        case["id"] = f"operator.{case['op']}.{NAMES[dtype]}.{len(cases)}"
        cases.append(case)

    for dtype in NAMES:
        if not op.supports_dtype(dtype, "cpu"):
            continue
        torch.manual_seed(0)
        grad = dtype.is_floating_point and op.supports_autograd
        try:
            for sample in op.sample_inputs("cpu", dtype, requires_grad=grad):
                if isinstance(sample.input, (torch.Tensor, list, tuple, bool, int, float)):
                    add(sample, dtype)
        except Exception as e:
            print(f"  {op.name} {dtype}: {type(e).__name__} {str(e)[:100]}", file=sys.stderr)
    if op.error_inputs_func is not None:
        try:
            for refused in op.error_inputs("cpu"):
                add(refused.sample_input, torch.float32, refused)
        except Exception as e:
            print(f"  {op.name} errors: {type(e).__name__} {str(e)[:100]}", file=sys.stderr)
    return cases, left


def main(folder, only):
    torch.set_num_threads(1)
    total = 0
    for op in op_db:
        skipped = any(op.name.startswith(p) or (p in ("lu", "svd", "qr") and op.name == p) for p in LEFT_OUT if p != "lu" or op.name.startswith("lu"))
        if (skipped and op.name not in KEPT) or (only and op.name not in only):
            continue
        cases, left = cases_of(op)
        total += len(cases)
        print(f"{op.name} {op.variant_test_name}: {len(cases)} cases, {left} left out", file=sys.stderr, flush=True)
        if cases:
            name = "_".join(filter(None, [op.name.replace(".", "_"), op.variant_test_name]))
            (folder / f"{name}.json").write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]")
    print(total, "cases", file=sys.stderr)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    main(folder, set(sys.argv[2:]))
