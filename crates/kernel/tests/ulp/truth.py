"""Makes truth.txt: values of every function to more digits than float64 has, by mpmath at 60 digits.

    python3 truth.py > truth.txt
    python3 truth.py NAME… >> truth.txt     # more functions

A line with the name of a function, then a line per point: the bits of the variables and of the value rounded to
float64, and what the value is beyond it, in units in its last place.
"""
import random
import struct
import sys
from mpmath import mp, mpf

mp.dps = 60


def bits(x):
    return f"{struct.unpack('<Q', struct.pack('<d', x))[0]:016x}"


def ulp(x):
    """The unit in the last place of a float64, as the measurement has it."""
    if x == 0:
        return mpf(2) ** -1074
    exponent = max(mp.frexp(abs(mpf(x)))[1], -1074 + 53)
    return mpf(2) ** (exponent - 53)


def line(xs, value):
    rounded = float(value)
    if rounded in (float("inf"), float("-inf")):
        rest = 0.0
    else:
        rest = float((value - mpf(rounded)) / ulp(rounded))
    return " ".join([bits(x) for x in xs] + [bits(rounded), f"{rest:.3f}"])


def spread(a, b, n=50):
    return [random.uniform(a, b) for _ in range(n)]


def sizes(low, high, n=30, signs=True):
    """Numbers of all sizes from 2**low to 2**high."""
    return [
        random.uniform(1, 2) * 2.0 ** random.uniform(low, high) * (random.choice([-1, 1]) if signs else 1)
        for _ in range(n)
    ]


def cdf(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def erfcx(x):
    if x < 30:
        return mp.exp(x * x) * mp.erfc(x)
    term, total = mpf(1), mpf(1)
    for k in range(1, 40):
        term *= -(2 * k - 1) / (2 * x * x)
        total += term
    return total / (x * mp.sqrt(mp.pi))


def log_ndtr(x):
    if x > 0:
        return mp.log1p(-cdf(-x))
    return mp.log(cdf(x)) if x > -20 else mp.log(erfcx(-x / mp.sqrt(2)) / 2) - x * x / 2


def quantile(p):
    start = mp.sqrt(2) * mp.erfinv(2 * mpf(p) - 1) if 1e-5 < p < 1 - 1e-5 else -mp.sqrt(-2 * mp.log(p))
    return mp.findroot(lambda x: log_ndtr(x) - mp.log(p), start)


def lgamma(x):
    return mp.log(abs(mp.gamma(x)))


def selu(x):
    scale, alpha = mpf(1.0507009873554804934193349852946), mpf(1.6732632423543772848170429916717)
    return scale * (x if x > 0 else alpha * mp.expm1(x))


def zeta(s, q):
    """Hurwitz' zeta function; the terms left of 0 one by one."""
    total = mpf(0)
    while q < 0:
        total += q ** -s
        q += 1
    return total + mp.zeta(s, q)


random.seed(1)
everywhere = lambda: sizes(-60, 5) + spread(-30, 30) + spread(-2, 2)
positive = lambda: sizes(-1000, 1000, signs=False) + spread(0.5, 2) + spread(0, 20, 20)
unit = lambda: sizes(-60, -1) + spread(-1, 1)
pairs = lambda xs, ys: list(zip(random.sample(xs, len(xs)), ys))

FUNCTIONS = {
    "exp": (mp.exp, everywhere() + spread(-745, 709)),
    "exp2": (lambda x: mpf(2) ** x, everywhere() + spread(-1074, 1023)),
    "expm1": (mp.expm1, everywhere() + spread(-40, 709)),
    "log": (mp.log, positive()),
    "log1p": (mp.log1p, sizes(-60, 500, signs=False) + spread(-1, 2)),
    "log2": (lambda x: mp.log(x) / mp.log(2), positive()),
    "log10": (mp.log10, positive()),
    "sqrt": (mp.sqrt, positive()),
    "rsqrt": (lambda x: 1 / mp.sqrt(x), positive()),
    "sin": (mp.sin, everywhere() + sizes(5, 1000)),
    "cos": (mp.cos, everywhere() + sizes(5, 1000)),
    "tan": (mp.tan, everywhere() + sizes(5, 1000)),
    "asin": (mp.asin, unit()),
    "acos": (mp.acos, unit()),
    "atan": (mp.atan, everywhere() + sizes(5, 1000)),
    "sinh": (mp.sinh, everywhere() + spread(-710, 710)),
    "cosh": (mp.cosh, everywhere() + spread(-710, 710)),
    "tanh": (mp.tanh, everywhere()),
    "asinh": (mp.asinh, everywhere() + sizes(5, 1000)),
    "acosh": (mp.acosh, spread(1, 3) + sizes(2, 1000, signs=False)),
    "atanh": (mp.atanh, unit()),
    "sigmoid": (sigmoid, everywhere() + spread(-745, 0, 30)),
    "log_sigmoid": (lambda x: -mp.log1p(mp.exp(-x)), everywhere() + spread(-745, 745, 30)),
    "softplus": (lambda x: mp.log1p(mp.exp(x)), everywhere() + spread(-745, 745, 30)),
    "silu": (lambda x: x * sigmoid(x), everywhere() + spread(-750, 0, 30)),
    "mish": (lambda x: x * mp.tanh(mp.log1p(mp.exp(x))), everywhere() + spread(-750, 0, 30)),
    "gelu": (lambda x: x * cdf(x), everywhere() + spread(-38.5, 0)),
    "gelu_tanh": (
        lambda x: x * sigmoid(mp.sqrt(8 / mp.pi) * (x + mpf(0.044715) * x**3)),
        everywhere() + spread(-21, 0),
    ),
    "elu": (lambda x: x if x > 0 else mp.expm1(x), everywhere()),
    "selu": (selu, everywhere()),
    "softsign": (lambda x: x / (1 + abs(x)), everywhere()),
    "tanhshrink": (lambda x: x - mp.tanh(x), everywhere() + spread(-3, 3)),
    "logit": (lambda x: mp.log(x / (1 - x)), spread(0, 1) + sizes(-1000, -1, signs=False) + spread(0.45, 0.55)),
    "sinc": (lambda x: mp.sinpi(x) / (mp.pi * x), everywhere() + spread(-500, 500)),
    "erf": (mp.erf, everywhere()),
    "erfc": (mp.erfc, everywhere() + spread(0, 27)),
    "erfcx": (erfcx, everywhere() + spread(-26, 0) + sizes(3, 1000, signs=False)),
    "erfinv": (lambda x: mp.erfinv(x), unit() + [1 - 2.0**-k for k in range(2, 40)]),
    "ndtr": (cdf, everywhere() + spread(-38, 0)),
    "normal_pdf": (lambda x: mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi), everywhere() + spread(-38, 38)),
    "ndtri": (quantile, spread(0, 1) + sizes(-900, -2, signs=False)),
    "log_ndtr": (log_ndtr, everywhere() + spread(-500, 0)),
    "lgamma": (lgamma, sizes(-60, 100, signs=False) + spread(0, 4) + spread(0, 200)),
    "digamma": (mp.digamma, sizes(-60, 100, signs=False) + spread(0, 4) + spread(-0.5, 0)),
    "trigamma": (lambda x: mp.polygamma(1, x), sizes(-60, 60, signs=False) + spread(0, 30) + spread(-20, 0)),
    "i0": (lambda x: mp.besseli(0, x), everywhere() + spread(-713, 713)),
    "i0e": (lambda x: mp.besseli(0, x) * mp.exp(-abs(x)), everywhere() + spread(-713, 713)),
    "i1": (lambda x: mp.besseli(1, x), everywhere() + spread(-713, 713)),
    "i1e": (lambda x: mp.besseli(1, x) * mp.exp(-abs(x)), everywhere() + spread(-713, 713)),
    "x^2": (lambda x: x**2, everywhere()),
    "x^3": (lambda x: x**3, everywhere()),
    "x^4": (lambda x: x**4, everywhere()),
    "x^½": (mp.sqrt, positive()),
    "x^-½": (lambda x: 1 / mp.sqrt(x), positive()),
    "x^-1": (lambda x: 1 / x, everywhere()),
    "x^-2": (lambda x: 1 / x**2, everywhere()),
    "x^2.5": (lambda x: x ** mpf(2.5), sizes(-300, 300, signs=False) + spread(0, 4)),
    "pow": (lambda x, y: x**y, pairs(sizes(-50, 50, 60, signs=False), spread(-20, 20, 60))),
    "atan2": (mp.atan2, pairs(sizes(-50, 50, 60), sizes(-50, 50, 60)) + pairs(spread(-2, 2), spread(-2, 2))),
    "hypot": (lambda x, y: mp.hypot(x, y), pairs(spread(-2, 2), spread(-2, 2)) + pairs(sizes(-500, 1000), sizes(-500, 1000))),
    "fmod": (lambda x, y: mp.fmod(abs(x), abs(y)) * mp.sign(x), pairs(spread(-20, 20), sizes(-30, 3, 50))),
    "xlogy": (lambda x, y: x * mp.log(y), pairs(spread(-20, 20, 60), sizes(-50, 50, 60, signs=False))),
    "xlog1py": (lambda x, y: x * mp.log1p(y), pairs(spread(-20, 20, 60), sizes(-50, 50, 60, signs=False))),
    "logaddexp": (lambda x, y: mp.log(mp.exp(x) + mp.exp(y)), pairs(spread(-30, 30), spread(-30, 30)) + pairs(spread(-1, 0), spread(-1, 0))),
    "logaddexp2": (
        lambda x, y: mp.log(mpf(2) ** x + mpf(2) ** y) / mp.log(2),
        pairs(spread(-30, 30), spread(-30, 30)) + pairs(spread(-1, 0), spread(-1, 0)),
    ),
    "entr": (lambda x: -x * mp.log(x), sizes(-1000, 1000, signs=False) + spread(0, 1) + spread(0.5, 2)),
    "celu 0.7": (lambda x: x if x > 0 else mpf(0.7) * mp.expm1(x / mpf(0.7)), everywhere()),
    "celu 3": (lambda x: x if x > 0 else 3 * mp.expm1(x / 3), everywhere()),
    "polygamma 2": (lambda x: mp.polygamma(2, x), sizes(-60, 60, signs=False) + spread(0, 30) + spread(-20, 0)),
    "polygamma 3": (lambda x: mp.polygamma(3, x), sizes(-60, 60, signs=False) + spread(0, 30) + spread(-20, 0)),
    "polygamma 9": (lambda x: mp.polygamma(9, x), sizes(-60, 60, signs=False) + spread(0, 30) + spread(-20, 0)),
    "zeta": (
        zeta,
        pairs(spread(1, 3), sizes(-20, 20, 50, signs=False))
        + pairs(spread(1, 40), spread(0, 40))
        + pairs(spread(40, 150), spread(20, 100))
        + pairs(spread(110, 165, 20), spread(60, 64, 20))
        + pairs([float(s) for s in range(2, 12)] * 4, spread(-20, 0, 40)),
    ),
    "decay": (lambda x: mp.exp(-abs(x)), everywhere() + spread(-745, 745)),
    "ln_1p_unit": (lambda x: mp.log1p(min(abs(x), 1)), unit()),
}

for name, (f, points) in FUNCTIONS.items():
    if sys.argv[1:] and name not in sys.argv[1:]:
        continue
    print(f"# {name}")
    for point in points:
        xs = point if isinstance(point, tuple) else (point,)
        print(line(xs, mpf(f(*[mpf(x) for x in xs]))))
