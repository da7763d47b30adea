"""Elementwise operators of ONNX, comparisons and casts."""
from onnx_rules.node import DTYPES, ELEMENTWISE, Out, rule, RULES


def plain(onnx, torch_name):
    ELEMENTWISE.add(onnx)
    RULES[onnx] = lambda n: [n.do(torch_name, n.x(0))]


for line in """Abs abs,Acos acos,Acosh acosh,Asin asin,Asinh asinh,Atan atan,Atanh atanh,Ceil ceil,Cos cos,Cosh cosh,
Erf erf,Exp exp,Floor floor,HardSwish hardswish,IsNaN isnan,Log log,Mish mish,Neg neg,Not logical_not,
Reciprocal reciprocal,Relu relu,Round round,Sigmoid sigmoid,Sign sign,Sin sin,Sinh sinh,Softplus softplus,
Softsign softsign,Sqrt sqrt,Tan tan,Tanh tanh,
Identity clone,BitwiseNot bitwise_not""".replace("\n", "").split(","):
    plain(*line.split())


def pair(onnx, torch_name, **options):
    RULES[onnx] = lambda n: [n.do(torch_name, n.x(0), n.x(1), **options)]


for line in """Add add,Sub sub,Mul mul,And logical_and,Or logical_or,Xor logical_xor,BitwiseAnd bitwise_and,
BitwiseOr bitwise_or,BitwiseXor bitwise_xor,Equal eq,Greater gt,GreaterOrEqual ge,Less lt,LessOrEqual le,
MatMul matmul""".replace("\n", "").split(","):
    pair(*line.split())


@rule("Div")
def div(n):
    return [n.do("div", n.x(0), n.x(1), rounding_mode="trunc" if n.array(0).dtype.kind in "iu" else None)]


@rule("Pow")
def power(n):
    y = n.do("pow", {"input": n.x(0), "exponent": n.x(1)})
    # The type is the base's.
    kind = n.array(0).dtype
    return [y if n.array(1).dtype == kind or kind.kind == "f" else n.do("to", y, dtype="int64")]


@rule("Mod")
def mod(n):
    return [n.do("fmod" if n.attr("fmod", 0) else "remainder", n.x(0), n.x(1))]


@rule("BitShift")
def shift(n):
    name = "bitwise_left_shift" if n.attr("direction") == "LEFT" else "bitwise_right_shift"
    return [n.do(name, n.x(0), n.x(1))]


@rule("Max", "Min", "Sum", "Mean")
def variadic(n):
    name = {"Max": "maximum", "Min": "minimum"}.get(n.kind, "add")
    y = n.x(0)
    for i in range(1, len(n.arrays)):
        y = n.do(name, y, n.x(i))
    if n.kind == "Mean":
        return [n.do("div", {"input": y}, other=float(len(n.arrays)))]
    return [y if n.steps else n.do("clone", y)]


@rule("Where")
def where(n):
    return [n.do("where", {"condition": n.x(0), "input": n.x(1), "other": n.x(2)})]


@rule("Elu", "Celu")
def elu(n):
    return [n.do(n.kind.lower(), n.x(0), alpha=n.attr("alpha", 1.0))]


@rule("LeakyRelu")
def leaky(n):
    return [n.do("leaky_relu", n.x(0), negative_slope=n.attr("alpha", 0.01))]


@rule("Selu")
def selu(n):
    if not n.attributes:
        return [n.do("selu", n.x(0))]
    return [n.do("mul", {"input": n.do("elu", n.x(0), alpha=n.attr("alpha"))}, other=n.attr("gamma"))]


@rule("HardSigmoid")
def hard_sigmoid(n):
    line = n.do("add", {"input": n.do("mul", {"input": n.x(0)}, other=n.attr("alpha", 0.2))}, other=n.attr("beta", 0.5))
    return [n.do("clamp", line, min=0.0, max=1.0)]


@rule("Gelu")
def gelu(n):
    return [n.do("gelu", n.x(0), approximate=n.attr("approximate", "none"))]


@rule("Swish")
def swish(n):
    if n.attr("alpha", 1.0) == 1.0:
        return [n.do("silu", n.x(0))]
    return [n.do("mul", n.x(0), n.do("sigmoid", n.do("mul", {"input": n.x(0)}, other=n.attr("alpha"))))]


@rule("SwiGLU")
def swiglu(n):
    gate = n.do("mul", {"input": n.x(0)}, other=n.attr("alpha", 1.0))
    return [n.do("mul", n.do("mul", n.x(0), n.do("sigmoid", gate)), n.x(1))]


@rule("ThresholdedRelu")
def thresholded(n):
    return [n.do("threshold", n.x(0), threshold=n.attr("alpha", 1.0), value=0.0)]


@rule("Shrink")
def shrink(n):
    lambd, bias = n.attr("lambd", 0.5), n.attr("bias", 0.0)
    if bias not in (0.0, lambd):
        raise Out("a shrinkage by another number than its threshold")
    return [n.do("softshrink" if bias else "hardshrink", n.x(0), lambd=lambd)]


@rule("PRelu")
def prelu(n):
    x, slope = n.array(0), n.array(1)
    if slope.size == 1 or x.ndim > 1 and slope.size == x.shape[1] == slope.shape[-x.ndim + 1]:
        return [n.do("prelu", {"input": n.x(0), "weight": n.given("weight", slope.reshape(-1))})]
    below = n.do("lt", {"input": n.x(0)}, other=0.0)
    return [n.do("where", {"condition": below, "input": n.do("mul", n.x(0), n.x(1)), "other": n.x(0)})]


@rule("IsInf")
def isinf(n):
    both = n.attr("detect_negative", 1), n.attr("detect_positive", 1)
    name = {(1, 1): "isinf", (0, 1): "isposinf", (1, 0): "isneginf"}[both]
    return [n.do(name, n.x(0))]


@rule("Clip")
def clip(n):
    args = {"input": n.x(0)} | {name: n.x(i) for i, name in ((1, "min"), (2, "max")) if n.has(i)}
    return [n.do("clamp" if len(args) > 1 else "clone", args)]


@rule("Cast", "CastLike")
def cast(n):
    to = {"float32": 1, "float64": 11, "int64": 7, "bool": 9}
    target = n.attr("to") if n.kind == "Cast" else to.get(str(n.array(1).dtype))
    if target not in DTYPES:
        raise Out("elements of other types")
    return [n.do("to", n.x(0), dtype=DTYPES[target])]
