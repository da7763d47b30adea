"""PyTorch's own inputs for its modules, with values and gradients of two orders, as cases in the golden format.

    python tests/pytorch/module_cases.py /tmp/modules              # everything
    python tests/pytorch/module_cases.py tests/golden --limit 150  # a small one of each form: modules.json

The inputs are those of `torch.testing._internal`: `common_modules.module_db` and, in `common_nn`, the tests of modules,
criteria and functions. A case that PyTorch refuses holds the error.
"""
import argparse
import collections
import copy
import inspect
import json
import pathlib
import sys
import warnings
import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.testing._internal import common_modules, common_nn
from golden_case import NAMES, finish, number, told

warnings.simplefilter("ignore")
LEFT = collections.defaultdict(set)


class Out(Exception):
    """What is left out, and why."""


def listed(value):
    if isinstance(value, (list, tuple)):
        return [listed(v) for v in value]
    if value in (torch.nn.functional.relu, torch.nn.functional.gelu):
        return value.__name__
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.")
    if value is not None and not isinstance(value, (bool, int, float, str)):
        raise Out(f"an argument of type {type(value).__name__}")
    return number(value) if isinstance(value, float) else value


# Where a tensor lies, what is deprecated, where a warning points.
MEANINGLESS = {"device", "dtype", "inplace", "size_average", "reduce", "_stacklevel"}


def bound(function, args, kwargs, skip=("self",)):
    """Arguments by their names: tensors (members of a list as `name.0`) and all others."""
    names = [p for p in inspect.signature(function).parameters.values() if p.name not in skip]
    plain = [p.name for p in names if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(args) > len(plain):
        raise Out("arguments without names")
    found = dict(zip(plain, args)) | kwargs
    tensors, rest = {}, {}
    for name, value in found.items():
        if isinstance(value, torch.Tensor) and value.dtype == torch.int32:
            value = value.long()
        if isinstance(value, torch.Tensor):
            tensors[name] = value
        elif isinstance(value, (list, tuple)) and value and all(isinstance(v, torch.Tensor) for v in value):
            tensors |= {f"{name}.{i}": v for i, v in enumerate(value)}
        elif name not in MEANINGLESS and (name, value) not in (("padding_mode", "zeros"), ("sparse", False)):
            rest[name] = value
    return tensors, {k: listed(v) for k, v in rest.items() if v is not None or name_keeps_none(k)}


def name_keeps_none(name):
    """`momentum=None` is not its default."""
    return name == "momentum"


def flat(found):
    if isinstance(found, (tuple, list)):
        return [y for part in found for y in flat(part)]
    return [] if found is None else [found]


def supported(tensors):
    for name, t in tensors.items():
        if t.is_sparse or t.dtype not in NAMES:
            raise Out(f"elements of type {t.dtype}")


def quiet(options):
    """No random numbers: nothing is dropped."""
    return {k: 0.0 if k == "dropout" else v for k, v in options.items()}


def module_case(cls, args, kwargs, call_args, call_kwargs, training, dtype, label, second):
    drop = issubclass(cls, nn.modules.dropout._DropoutNd)
    fractional = cls in (nn.FractionalMaxPool2d, nn.FractionalMaxPool3d)
    if training and (drop or cls is nn.RReLU) or fractional:
        raise Out("random numbers")
    tensors, options = bound(cls.__init__, args, kwargs)
    options = quiet(options)
    supported(tensors)
    case = {"id": label, "op": cls.__name__, "kind": "layer", "dtype": NAMES[dtype], "options": options}
    if tensors:
        case["option_tensors"] = [told(t, name=n) for n, t in tensors.items()]
    build = {n: tuple(v) if isinstance(v, list) else v for n, v in options.items()} | tensors
    torch.manual_seed(len(label))
    module = cls(**build).to(dtype)
    if cls is nn.LinearCrossEntropyLoss:
        return function_case(module, call_args, label)
    loss = cls.__name__.endswith("Loss")
    if not loss:
        # Neither ones nor zeros, in which a mistake does not show.
        for name, t in module.state_dict().items():
            if t.dtype.is_floating_point:
                values = torch.rand(t.shape) + 0.2 if "var" in name else torch.randn(t.shape) * 0.6
                t.copy_(torch.round(values, decimals=2))
        own = dict(module.named_parameters())
        case["params"] = {n: told(t, requires_grad=n in own) for n, t in module.state_dict().items()}
    module.train(training)
    case["training"] = training
    own_forward = inspect.signature(cls.forward).parameters
    inputs, more = bound(cls.forward, call_args, call_kwargs)
    supported(inputs)
    inputs = {n: t.detach().clone().requires_grad_(t.requires_grad) for n, t in inputs.items()}
    case["inputs"] = [told(t, name=n, requires_grad=t.requires_grad) for n, t in inputs.items()]
    if more:
        case["forward_options"] = more
    if cls is nn.CTCLoss:
        # PyTorch's gradient holds behind a log_softmax only.
        case |= {"op": "ctc_loss_from_logits", "kind": "loss"}
        case["inputs"][0]["name"] = "logits"
        inputs["logits"] = inputs.pop("log_probs")
    given = {}
    for name in own_forward:
        if name in inputs:
            given[name] = inputs[name]
        members = [t for n, t in inputs.items() if n.startswith(name + ".")]
        if members:
            given[name] = tuple(members)
    if cls is nn.CTCLoss:
        finish(case, lambda: module(inputs["logits"].log_softmax(-1), **given, **more), inputs)
        case["options"] |= case.pop("forward_options", {})
        return case
    wide = None
    if dtype == torch.float32 and not tensors:
        # The same in float64, for what float32 has too few digits.
        wide = copy.deepcopy(module).double(), {n: double(t) for n, t in given.items()}
    leaves = inputs | dict(module.named_parameters())
    finish(case, lambda: flat(module(**given, **more)), leaves)
    if not second:
        case.pop("second_order", None)
    buffers = dict(module.named_buffers())
    if "error" not in case and buffers and not loss:
        case["state_after"] = {n: told(t) for n, t in buffers.items()}
    if wide and "grads" in case:
        twin, given = wide
        named = {n: given.get(n) for n in inputs}
        for n in inputs:
            if "." in n:
                named[n] = given[n.split(".")[0]][int(n.split(".")[1])]
        own = dict(twin.named_parameters())
        told_too = {n: case[n] for n in ("grad_output", "second_order") if n in case}
        again = {}
        finish(again, lambda: flat(twin(**given, **more)), {n: (named | own)[n] for n in leaves}, told_too)
        case["ref64"] = {k: again[k] for k in ("outputs", "grads", "second_order") if k in again}
    return case


def double(t):
    if isinstance(t, tuple):
        return tuple(map(double, t))
    if not isinstance(t, torch.Tensor):
        return t
    return t.detach().double().requires_grad_(t.requires_grad) if t.dtype == torch.float32 else t


def from_module_db(dtype):
    for info in common_modules.module_db:
        if info.is_lazy:
            LEFT["lazy modules"].add(info.name)
            continue
        for training in (True, False):
            seen = info.module_inputs_func(info, device="cpu", dtype=dtype, requires_grad=True, training=training)
            for i, given in enumerate(seen):
                build, call = given.constructor_input, given.forward_input
                cls = info.module_cls
                label = f"modules.{cls.__name__}.{'train' if training else 'eval'}{i}.{NAMES[dtype]}"
                yield lambda: module_case(cls, build.args, build.kwargs, call.args, call.kwargs, training, dtype, label,
                                          info.supports_gradgrad), info.name


LEAVES = {"input", "linear_weight", "linear_bias"}


class Outermost(TorchFunctionMode):
    """The first function of `torch.nn.functional` that is called."""
    call = None

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if self.call is None and getattr(torch.nn.functional, function.__name__, None) is function:
            self.call = function, args, kwargs or {}
        return function(*args, **kwargs or {})


def function_case(module, inputs, label):
    """The call of `torch.nn.functional` that a module is."""
    seen = Outermost()
    with seen:
        module(*inputs)
    if seen.call is None:
        raise Out("no function of torch.nn.functional")
    function, args, kwargs = seen.call
    tensors, options = bound(function, args, kwargs, ("self", "size_average", "reduce"))
    supported(tensors)
    own = lambda n, t: t.detach().clone().requires_grad_(t.dtype.is_floating_point and n in LEAVES)
    tensors = {n: own(n, t) for n, t in tensors.items()}
    name = function.__name__
    kind = "loss" if "loss" in name or "entropy" in name or name == "kl_div" else "op"
    case = {"id": label, "op": name, "kind": kind, "dtype": NAMES[tensors["input"].dtype], "options": options}
    case["inputs"] = [told(t, name=n, requires_grad=t.requires_grad) for n, t in tensors.items()]
    given = {n: tuple(v) if isinstance(v, list) else v for n, v in options.items()}
    finish(case, lambda: flat(function(**tensors, **given)), tensors)
    return case


def constructed(module):
    """The arguments that a module was made with, by what it remembers of them."""
    found = {}
    for p in list(inspect.signature(type(module).__init__).parameters.values())[1:]:
        if hasattr(module, p.name) and p.name not in ("device", "dtype", "size_average", "reduce"):
            value = getattr(module, p.name)
            found[p.name] = value is not None if p.name == "bias" else value
    return found


def drawn(test, what):
    if what + "_fn" in test:
        return test[what + "_fn"]()
    if what in test:
        return test[what]
    sizes = test[what + "_size"]

    def each(size):
        if isinstance(size, list):
            return [each(s) for s in size]
        return size if isinstance(size, torch.Tensor) else torch.randn(size)
    return each(sizes)


def from_common_nn(dtype):
    tests = common_nn.module_tests + common_nn.get_new_module_tests() + common_nn.criterion_tests
    tests += [make() for name, make in vars(common_nn).items() if name.endswith("_test") and callable(make)]
    for i, test in enumerate(tests):
        def case(test=test, i=i):
            label = f"common_nn.{test.get('fullname') or test['module_name']}.{i}.{NAMES[dtype]}"
            real = lambda t: t.to(dtype).requires_grad_() if t.dtype.is_floating_point else t
            convert = lambda v: real(v) if isinstance(v, torch.Tensor) else type(v)(map(convert, v)) if isinstance(
                v, (list, tuple)) else v
            torch.manual_seed(i)
            inputs = convert(drawn(test, "input"))
            inputs = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
            if any("target" in key for key in test):
                target = convert(drawn(test, "target"))
                inputs += [t.detach() if isinstance(t, torch.Tensor) else t for t in ([target] if isinstance(
                    target, torch.Tensor) else target)]
            args = test["constructor_args_fn"]() if "constructor_args_fn" in test else test.get("constructor_args", ())
            if "module_name" in test and "constructor" not in test:
                cls = getattr(nn, test["module_name"])
                kwargs = {}
            else:
                module = test["constructor"](*args)
                cls = type(module)
                if cls.__name__ == "FunctionalModule":
                    return function_case(module, inputs, label)
                args, kwargs = (), constructed(module)
            second = test.get("check_gradgrad", True)
            return module_case(cls, args, kwargs, inputs, {}, not test.get("check_eval"), dtype, label, second)
        yield case, test.get("module_name") or test.get("fullname")


def collected(generator):
    for make, name in generator:
        try:
            case = make()
        except Out as why:
            LEFT[str(why)].add(name)
            continue
        except (TypeError, ValueError, RuntimeError, AttributeError, KeyError, AssertionError) as error:
            LEFT[f"{type(error).__name__}: {str(error).splitlines()[0][:110] if str(error) else ''}"].add(name)
            continue
        if numbers(case) > LARGE:
            LEFT["large"].add(case["id"])
            continue
        yield case


def told_numbers(json):
    """All numbers of what is expected."""
    if isinstance(json, dict):
        parts = [json[k] for k in ("outputs", "grads", "second_order") if k in json] if "op" in json else (
            json["data"] if "data" in json else json.values())
    else:
        parts = json if isinstance(json, list) else []
    return [x for p in parts for x in (told_numbers(p) if isinstance(p, (dict, list)) else [p])]


def numbers(case):
    count = lambda t: len(t["data"]) if t else 0
    return sum(map(count, case["inputs"] + case.get("outputs", []) + list(case.get("params", {}).values())))


arguments = argparse.ArgumentParser()
arguments.add_argument("folder", type=pathlib.Path)
arguments.add_argument("--limit", type=int)
given = arguments.parse_args()
dtypes = [torch.float64, torch.float32]
files = {"modules": [], "common_nn": []}
LARGE = 20_000
for dtype in dtypes:
    torch.set_default_dtype(torch.float32)
    files["modules"] += collected(from_module_db(dtype))
    files["common_nn"] += collected(from_common_nn(dtype))
for list_ in files.values():
    for case in list_:
        # What cancels is as inexact as its largest part, in PyTorch too.
        largest = max([1.0, *map(abs, filter(lambda x: isinstance(x, float), told_numbers(case)))])
        single = case["dtype"] == "f32"
        case["tol"] = {"rtol": 1e-4, "atol": float(f"{1e-5 * largest:.1e}")} if single else {
            "rtol": 1e-9, "atol": float(f"{1e-11 * largest:.1e}")}
        if not single and largest == 1.0:
            del case["tol"]
if given.limit:
    small, seen = [], set()
    for case in sorted(sum(files.values(), []), key=numbers):
        if numbers(case) > given.limit or case["dtype"] != "f64":
            continue
        form = (case["op"], case.get("training"), tuple(sorted(case["options"])))
        if form not in seen:
            seen.add(form)
            small.append(case)
    files = {"modules": sorted(small, key=lambda case: case["id"])}
given.folder.mkdir(parents=True, exist_ok=True)
for name, list_ in files.items():
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in list_)
    (given.folder / f"{name}.json").write_text(f"[\n{lines}\n]\n")
    print(f"{name}: {len(list_)} cases", file=sys.stderr)
for why in sorted(LEFT):
    print(f"left out, {why}: {' '.join(sorted(map(str, LEFT[why])))}", file=sys.stderr)
