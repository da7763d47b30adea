"""PyTorch's own inputs of its operators (`op_db`: samples and inputs that it refuses) as cases for the golden runner.

    python tests/pytorch/operator_inputs.py FOLDER [NAME…]
    GOLDEN_DIR=FOLDER cargo test --test golden -- --nocapture

Writes a file for each operator, of float32, float64, int64 and bool; PyTorch's test code also needs the package `expecttest`. The small cases that once differed are kept in
`tests/golden/opinfo_*.json`.
"""
import inspect
import json
import math
import sys
import warnings
from collections import Counter
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
        "linalg.matrix_power", "linalg.diagonal", "linalg.vander", "linalg.svdvals", "linalg.inv", "linalg.det", "linalg.slogdet", "linalg.solve")


def called(op, sample):
    """The outputs; a number or a truth value as a tensor."""
    found = op.op(sample.input, *sample.args, **sample.kwargs)
    if isinstance(found, (bool, int, float)):
        return torch.tensor(found, dtype=torch.float64 if isinstance(found, float) else None)
    return found


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
    "permute_copy": "input dims", "isin": "elements test_elements", "logsumexp": "input dim keepdim", "outer": "input vec2", "where": "input condition other",
    "nn.functional.embedding": "weight input", "view_copy": "input size", "view": "input size", "__rmatmul__": "other input",
    **dict.fromkeys(("item", "contiguous", "float", "double", "long", "bool", "is_nonzero"), "input"),
    "new_ones": "input size", "new_zeros": "input size", "new_full": "input size fill_value", "sum_to_size": "input size", "as_strided": "input size stride storage_offset", "arange": "start end step",
    "eye": "n m", "ones": "size", "zeros": "size", "full": "size fill_value", "scalar_tensor": "s", "fill": "input value",
    "tril_indices": "row col offset", "triu_indices": "row col offset", "unfold": "input dimension size step",
    "linspace": "start end steps", "logspace": "start end steps base",
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
    if op.name == "einsum":
        return {"operands": sample.input, "equation": sample.args[0]}
    if op.name == "to":
        types = [a for a in sample.args if isinstance(a, torch.dtype)]
        if len(types) != 1:
            raise Foreign("to a device")
        return {"input": sample.input, "dtype": types[0]}
    if op.name in ("view", "sum_to_size") and not (sample.args and isinstance(sample.args[0], (list, tuple, torch.dtype))):
        args = (sample.input, list(sample.args))
    if op.name == "arange":
        args = (0, *args) if not sample.args and "end" not in sample.kwargs else args
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
        # Several forms of a function differ in what they take by name.
        bound = dict(found.bind_partial(*args).arguments) | sample.kwargs
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
            key = "input" if key in ("self", "a", "x", "tensor") and value is sample.input and op.name not in (
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
        first, second = (flat(called(op, sample)) for _ in range(2))
    except Exception:
        return True
    if any(t.dtype not in NAMES or t.numel() > LARGEST for t in first) or not first:
        raise Foreign("output")
    return all(torch.equal(torch.nan_to_num(a), torch.nan_to_num(b)) if a.dtype.is_floating_point else torch.equal(a, b)
               for a, b in zip(first, second))


def tolerance(op, sample, case, leaves):
    """How far PyTorch's own float32 is from the same computation in float64, four times over."""
    turned = {}

    def wide(x):
        if isinstance(x, torch.Tensor):
            if id(x) not in turned:
                to = x.detach().double() if x.dtype is torch.float32 else x.detach()
                turned[id(x)] = to.requires_grad_(x.requires_grad)
            return turned[id(x)]
        return type(x)(map(wide, x)) if isinstance(x, (list, tuple)) and not isinstance(x, torch.Size) else x

    exact, numbers = {}, lambda c: [*c["outputs"], *c.get("grads", {}).values(), *c.get("second_order", {}).get("grads", {}).values()]
    worst = 0.0
    try:
        again = sample.__class__(wide(sample.input), args=tuple(map(wide, sample.args)), kwargs={k: wide(v) for k, v in sample.kwargs.items()})
        finish(exact, lambda: called(op, again), {n: wide(t) for n, t in leaves.items()}, given=case)
        for one, other in zip(numbers(case), numbers(exact)):
            if one and other and one["dtype"] == "f32":
                apart = [abs(float(x) - float(y)) for x, y in zip(one["data"], other["data"])]
                worst = max([worst, *filter(math.isfinite, apart)])
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
    cases, left = [], Counter()

    def add(sample, dtype, error=None):
        try:
            if not error and not repeats(op, sample):
                raise Foreign("random")
            if sample.kwargs.get("out") is not None:
                raise Foreign("out=")
            case, leaves = case_of(op, sample, dtype)
            if not error:
                finish(case, lambda: called(op, sample), leaves)
                if dtype is torch.float32:
                    case["tol"] = tolerance(op, sample, case, leaves)
            else:
                try:
                    op.op(sample.input, *sample.args, **sample.kwargs)
                    raise Foreign("no error after all")
                except Foreign:
                    raise
                except Exception as e:
                    if isinstance(e, TypeError) and not isinstance(sample.input, (torch.Tensor, list, tuple)):
                        raise Foreign("a type that Rust does not let through")
                    case["error"] = {"type": type(e).__name__, "message": str(e).split("\n")[0]}
        except (Foreign, KeyError) as e:
            left[str(e)[:60]] += 1
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
        # A case tells the elements of a tensor, not those of the storage around it.
        skipped = skipped or op.variant_test_name == "partial_views"
        if (skipped and op.name not in KEPT) or (only and op.name not in only):
            continue
        cases, left = cases_of(op)
        total += len(cases)
        print(f"{op.name} {op.variant_test_name}: {len(cases)} cases, {left.total()} left out {dict(left) or ''}", file=sys.stderr, flush=True)
        if cases:
            name = "_".join(filter(None, [op.name.replace(".", "_"), op.variant_test_name]))
            (folder / f"{name}.json").write_text("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]")
    print(total, "cases", file=sys.stderr)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    main(folder, set(sys.argv[2:]))
