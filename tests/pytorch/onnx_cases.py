"""ONNX's node tests (Apache-2.0, the ONNX project authors) as cases in the golden format.

    python tests/pytorch/onnx_cases.py --limit 300 > tests/golden/onnx.json 2> tests/pytorch/onnx_left_out.txt

Inputs and expected outputs are ONNX's; `onnx_rules` says each operator in PyTorch's words. A program is kept only
if PyTorch itself gives ONNX's numbers with it, so that a difference of ours is a difference of ours. What is left out
goes to the error stream, with the reason. `--limit` leaves out tests with more numbers than that, if a smaller test of
the same operator is there.
"""
import argparse
import collections
import math
import sys
import textwrap
import warnings
import numpy as np
import onnx
import torch
import torchvision
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases
from golden_case import number, show, told
from onnx_rules import ELEMENTWISE, Node, Out, RULES

warnings.simplefilter("ignore")
F = torch.nn.functional


def tensor(array):
    return torch.from_numpy(np.array(array))


def name_of(args, options):
    """An index list of the golden format as Python's."""
    def one(entry):
        if isinstance(entry, dict):
            return args[entry["tensor"]] if "tensor" in entry else slice(*entry["slice"])
        return Ellipsis if entry == "..." else entry
    return tuple(one(entry) for entry in options["index"])


def by_name(op, args, options):
    """A PyTorch function by the name and the arguments of a case."""
    options = {k: getattr(torch, v) if k == "dtype" else v for k, v in options.items()}
    if op == "getitem":
        return args["input"][name_of(args, options)]
    if op == "index_put":
        return args["input"].index_put(name_of(args, options), args["values"], options.get("accumulate", False))
    if op == "to":
        return args["input"].to(options["dtype"])
    if op in ("expand", "view"):
        return getattr(args["input"], op)(options["size"])
    if op == "einsum":
        return torch.einsum(options["equation"], args["operands"])
    if op == "clone":
        return args["input"].clone()
    if op in ("nms", "roi_align"):
        return getattr(torchvision.ops, op)(**args, **options)
    if op == "box_convert":
        return torchvision.ops.box_convert(**args, **options)
    if op == "squeeze":
        return torch.squeeze(args["input"], *[tuple(options["dim"])] if "dim" in options else [])
    if op == "one_hot":
        return F.one_hot(args["input"], options["num_classes"])
    if op in ("softmax", "log_softmax"):
        return getattr(torch, op)(args["input"], options["dim"])
    if op == "prelu":
        return F.prelu(args["input"], args["weight"])
    if op == "pad":
        return F.pad(args["input"], options["pad"], options.get("mode", "constant"), options.get("value"))
    if op == "split":
        return torch.split(args["input"], options["split_size_or_sections"], options["dim"])
    if op == "scatter_reduce":
        return args["input"].scatter_reduce(options["dim"], args["index"], args["src"], options["reduce"])
    if op.startswith("conv"):
        return getattr(F, op)(args["input"], args["weight"], args.get("bias"), **options)
    if op.startswith("linalg."):
        return getattr(torch.linalg, op[7:])(args["input"], **options)
    # `torch` has some of them in another form.
    functional = "pool" in op or op.endswith("_norm") or op in ("softplus", "threshold")
    for space in (F, torch) if functional else (torch, F):
        if hasattr(space, op):
            return getattr(space, op)(**args, **options)
    raise NotImplementedError(op)


def run(steps, variables):
    for step in steps:
        args = {k: [variables[v] for v in names] if isinstance(names, list) else variables[names]
                for k, names in step["args"].items()}
        found = by_name(step["op"], args, step["options"])
        if isinstance(step["out"], list):
            variables |= dict(zip(step["out"], found, strict=True))
        else:
            variables[step["out"]] = found
    return variables


def differs(found, expected, tol):
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return f"{found.dtype} of shape {tuple(found.shape)} for {expected.dtype} of shape {tuple(expected.shape)}"
    if found.dtype.is_floating_point:
        same = torch.allclose(found, expected, rtol=tol["rtol"], atol=tol["atol"], equal_nan=True)
    else:
        same = torch.equal(found, expected)
    return None if same else "other numbers"


WITHOUT = {kind: "an optimizer in the middle of a run" for kind in ("Adagrad", "Adam", "Momentum")}
WITHOUT |= {kind: "no tensor, but a shape" for kind in ("Shape", "Size")}
WITHOUT |= {kind: "random numbers" for kind in ("Bernoulli",)}
FEW_BITS = """BitCast ConvInteger MatMulInteger QLinearConv QLinearMatMul QuantizeLinear DequantizeLinear
DynamicQuantizeLinear"""
WITHOUT |= {kind: "numbers of few bits" for kind in FEW_BITS.split()}
TIGHT = {torch.float32: {"rtol": 1e-5, "atol": 1e-6}, torch.float64: {"rtol": 1e-9, "atol": 1e-11}}


def options_told(options):
    def listed(v):
        if isinstance(v, (list, tuple)):
            return [listed(w) for w in v]
        return number(v) if isinstance(v, float) else v
    return {k: listed(v) for k, v in options.items()}


def converted(test, data):
    """A case of one set of data, which PyTorch has agreed to."""
    nodes = test.model.graph.node
    if len(nodes) != 1:
        raise Out("a graph of several nodes: mostly the same test in smaller parts")
    node = nodes[0]
    if node.op_type not in RULES:
        raise Out(WITHOUT.get(node.op_type, "no such function in PyTorch or here"))
    given, wanted = data
    # Some tests hold numpy arrays, some ONNX's own form of them.
    array = lambda a: numpy_helper.to_array(a) if isinstance(a, onnx.TensorProto) else a
    given, wanted = map(array, given), map(array, wanted)
    arrays = [next(given) if name else None for name in node.input]
    expected = [next(wanted) if name else None for name in node.output]
    if any(not isinstance(a, (np.ndarray, np.generic, type(None))) for a in arrays + expected):
        raise Out("sequences and optional values")
    names = {np.dtype(t) for t in (np.float32, np.float64, np.bool_, np.int64, np.int32, np.int16, np.int8, np.uint8,
                                   np.uint16, np.uint32, np.uint64)}
    if node.op_type in ELEMENTWISE and arrays[0].size > 4 * limit:
        # A number in so many says as much.
        thin = lambda a: np.ascontiguousarray(a.reshape(-1)[:: a.size // limit])
        arrays, expected = [thin(a) for a in arrays], [thin(a) for a in expected]
    foreign = [str(a.dtype) for a in arrays + expected if a is not None and a.dtype not in names]
    if foreign:
        raise Out(f"elements of type {foreign[0]}")
    n = Node(node, arrays)
    results = RULES[node.op_type](n)
    case = {"id": f"onnx.{node.op_type}.{test.name[5:]}", "kind": "op", "source": "ONNX"}
    if n.layer:
        kind, options, params, inputs, more = n.layer
        expected = more["outputs"](expected) if "outputs" in more else expected
        module = getattr(torch.nn, kind)(**options)
        module.load_state_dict({k: tensor(v) for k, v in params.items()})
        module.train(more.get("training", True))
        args = {k: tensor(v) for k, v in inputs.items()}
        hx = (args["hx.0"], args["hx.1"]) if "hx.0" in args else args.get("hx")
        call = [args["input"]] + ([args["indices"]] if "indices" in args else []) + ([hx] if hx is not None else [])
        with torch.no_grad():
            found = module(*call, **more.get("forward_options", {}))
        flat = lambda x: [z for y in x for z in flat(y)] if isinstance(x, tuple) else [x]
        found = flat(found)
        case |= {"op": kind, "kind": "layer", "options": options,
                 "params": {k: told(tensor(v), requires_grad=False) for k, v in params.items()},
                 "training": more.get("training", True)}
        case["inputs"] = [told(t, name=k) for k, t in args.items()]
        if "forward_options" in more:
            case["forward_options"] = more["forward_options"]
    else:
        inputs = {k: tensor(v) for k, v in n.inputs.items()}
        variables = run(n.steps, dict(inputs))
        kept = [(r, e) for r, e in zip(results, expected) if r is not None and e is not None]
        names, expected = [r for r, _ in kept], [e for _, e in kept]
        found = [variables[r] for r in names]
        steps = n.steps
        listed = lambda v: v if isinstance(v, list) else [v]
        used = {v for s in steps for argument in s["args"].values() for v in listed(argument)}
        case["inputs"] = []
        if len(steps) == 1 and names == listed(steps[0]["out"]):
            step = steps[0]
            options = step["options"]
            case |= {"op": step["op"], "options": options}
            for argument, name in step["args"].items():
                many = isinstance(name, list)
                case["inputs"] += [told(inputs[m], name=f"{argument}.{i}" if many else argument)
                                   for i, m in enumerate(listed(name))]
        else:
            program = [s | {"options": options_told(s["options"])} for s in steps]
            case |= {"op": "program", "options": {"program": program, "returns": names}}
            case["inputs"] = [told(t, name=k) for k, t in inputs.items() if k in used]
        if case["op"] in ("cross_entropy", "nll_loss"):
            case["kind"] = "loss"
    case["options"] = options_told(case["options"]) if case["op"] != "program" else case["options"]
    dtypes = {str(y.dtype) for y in found}
    case["dtype"] = "f64" if "torch.float64" in dtypes else "f32"
    told_outputs = []
    for y, e in zip(found, expected, strict=True):
        if e is None:
            told_outputs.append(None)
            continue
        e = tensor(e)
        if not e.dtype.is_floating_point and e.dtype != torch.bool:
            e = e.to(torch.int64)
        if case["op"] == "topk" and not y.dtype.is_floating_point:
            # Which of equal elements is named is left open: those named must be equal.
            x = variables[steps[0]["args"]["input"]]
            y = e if e.max() < x.shape[options["dim"]] and torch.equal(x.gather(options["dim"], e), found[0]) else y
        if why := differs(y, e, {"rtol": test.rtol, "atol": max(test.atol, 1e-6)}):
            raise Out(f"PyTorch has {why} for it")
        if e.dtype.is_floating_point and differs(y, e, TIGHT[e.dtype]):
            # ONNX computed it less exactly than the cases ask for.
            case["tol"] = {"rtol": test.rtol, "atol": max(test.atol, 1e-6)}
        told_outputs.append(told(e))
    case["outputs"] = told_outputs
    return case


def weight(case):
    count = lambda t: 0 if t is None else len(t["data"])
    return sum(map(count, case["inputs"] + case["outputs"] + list(case.get("params", {}).values())))


arguments = argparse.ArgumentParser()
arguments.add_argument("--limit", type=int, default=1 << 60)
limit = arguments.parse_args().limit
cases, out = [], collections.defaultdict(list)
with np.errstate(all="ignore"):
    tests = collect_testcases(None)
for test in sorted(tests, key=lambda t: t.name):
    kind = test.model.graph.node[0].op_type
    for data in test.data_sets:
        try:
            cases.append(converted(test, data))
        except Out as why:
            out[f"{kind if len(test.model.graph.node) == 1 else 'several'}: {why}"].append(test.name[5:])
        except (RuntimeError, NotImplementedError, IndexError) as e:
            out[f"{kind}: PyTorch refuses it: {str(e).splitlines()[0]}"].append(test.name[5:])
smallest = {}
for case in cases:
    kind = case["id"].split(".")[1]
    smallest[kind] = min(smallest.get(kind, math.inf), weight(case))
kept = [c for c in cases if weight(c) <= max(limit, smallest[c["id"].split(".")[1]])]
if len(kept) < len(cases):
    large = [c["id"].split(".", 2)[2] for c in cases if c not in kept]
    out["agreed, but large"] = large
show(kept)
print(f"{len(tests)} node tests of ONNX {onnx.__version__}: {len(cases)} converted, {len(kept)} kept", file=sys.stderr)
for why in sorted(out, key=lambda w: (w.split(":")[0], w)):
    names = f"{len(out[why])} tests" if why.startswith("several") else " ".join(out[why])
    print(textwrap.fill(names, 118, initial_indent=why + "\n    ", subsequent_indent="    "), file=sys.stderr)
