"""Adds to cases of criteria what is right with all digits: `ref64`, values and both orders of gradients by mpmath.

    python tests/pytorch/losses_exact.py FOLDER        after losses_sweep.py

Where PyTorch overflows or cancels, a case then passes if it agrees with the exact number. With `--only`, the exact numbers
take the place of PyTorch's, so that every difference shows.
"""
import json
import math
import sys
from pathlib import Path
from mpmath import mp, mpf

# From 1e-45 to 1e38, squared, with digits to spare; and what is enough where nothing is extreme.
DIGITS, FEW = 200, 50
# Elements of a case for which the derivatives are worth the time.
MOST = 48


class Jet:
    """`a + b·ε₁ + c·ε₂ + d·ε₁ε₂`: a number, two directional derivatives, and the derivative of one along the other."""
    __slots__ = ("a", "b", "c", "d")

    def __init__(self, a, b=mpf(0), c=mpf(0), d=mpf(0)):
        self.a, self.b, self.c, self.d = a, b, c, d

    def then(self, f, f1, f2):
        return Jet(f, f1 * self.b, f1 * self.c, f1 * self.d + f2 * self.b * self.c)

    def __add__(self, o):
        o = jet(o)
        return Jet(self.a + o.a, self.b + o.b, self.c + o.c, self.d + o.d)

    def __mul__(self, o):
        o = jet(o)
        return Jet(self.a * o.a, self.a * o.b + self.b * o.a, self.a * o.c + self.c * o.a,
                   self.a * o.d + self.b * o.c + self.c * o.b + self.d * o.a)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self):
        return self * mpf(-1)

    def __sub__(self, o):
        return self + -jet(o)

    def __rsub__(self, o):
        return jet(o) - self

    def __truediv__(self, o):
        o = jet(o)
        r = 1 / o.a
        return self * o.then(r, -r**2, 2 * r**3)

    def __rtruediv__(self, o):
        return jet(o) / self

    def power(self, p):
        if self.a == 0:
            if p == 1:
                return self
            if p == 2:
                return self * self
            if p > 2 or not (self.b or self.c):
                return jet(0)
            raise ZeroDivisionError
        f = self.a**p
        return self.then(f, p * f / self.a, p * (p - 1) * f / self.a**2)

    def sqrt(self):
        # A length of zero has no direction: 0.
        return jet(0) if self.a == 0 else self.power(mpf(1) / 2)

    def exp(self):
        e = mp.exp(self.a)
        return self.then(e, e, e)

    def log(self):
        return self.then(mp.log(self.a), 1 / self.a, -1 / self.a**2)

    def abs(self):
        return self * mp.sign(self.a)


def jet(x):
    return x if isinstance(x, Jet) else Jet(mpf(x))


def above(x):
    """`max(0, x)`; nothing at its kink."""
    return x if x.a > 0 else jet(0)


def softplus(x):
    """`ln(1 + eˣ)`"""
    if x.a > 0:
        return x + softplus(-x)
    e, s = mp.exp(x.a), 1 / (1 + mp.exp(-x.a))
    return x.then(mp.log1p(e), s, s * (1 - s))


def log_softmax(xs):
    top = max(xs, key=lambda x: x.a).a
    # A number that is the largest has no digits to lose.
    total = sum(((x - top).exp() for x in xs), jet(0))
    log = total.log() + top
    return [x - log for x in xs]


def xlogx(t):
    # The slope at 0 is −∞.
    steep = t.a == 0 and (t.b or t.c)
    return Jet(mpf(0), *[mp.nan] * 3) if steep else jet(0) if t.a == 0 else t * t.log()


class Of:
    """An input: its numbers in row-major order, and its shape."""

    def __init__(self, shape, data):
        self.shape, self.data = shape, data

    def __iter__(self):
        return iter(self.data)


def rows(x):
    n = x.shape[-1]
    return [x.data[i:i + n] for i in range(0, len(x.data), n)]


def distributions(x):
    """The logits of each distribution of `(C)`, `(N, C)` or `(N, C, d1, …)`."""
    if len(x.shape) < 2:
        return [x.data]
    n, c, inner = x.shape[0], x.shape[1], math.prod(x.shape[2:])
    return [[x.data[(i * c + k) * inner + j] for k in range(c)] for i in range(n) for j in range(inner)]


def broadcast(x, shape):
    """The elements as those of a larger shape."""
    sizes, found = [1] * (len(shape) - len(x.shape)) + list(x.shape), []
    for i in range(math.prod(shape)):
        at, step, rest = 0, 1, i
        for size, whole in zip(reversed(sizes), reversed(shape)):
            at += (rest % whole) * step * (size > 1)
            rest, step = rest // whole, step * size
        found.append(x.data[at])
    return found


def each(f):
    def losses(x, **options):
        found = [f(a, b, **options) for a, b in zip(x["input"], broadcast(x["target"], x["input"].shape))]
        if "weight" not in x:
            return found
        return [w * a for w, a in zip(x["weight"], found)], sum(w.a for w in x["weight"])
    return losses


def huber(x, t, delta=1.0):
    d = x - t
    return d * d / 2 if abs(d.a) <= delta else (d.abs() - mpf(delta) / 2) * delta


def smooth(x, t, beta=1.0):
    d = x - t
    return d * d / 2 / beta if abs(d.a) < beta else d.abs() - mpf(beta) / 2


def poisson(x, t, log_input=True, full=False, eps=1e-8):
    loss = x.exp() - t * x if log_input else x - t * (x + eps).log()
    if full and t.a > 1:
        loss = loss + t * t.log() - t + (t * (2 * mp.pi)).log() / 2
    return loss


def kl(x, t, log_target=False):
    return t.exp() * (t - x) if log_target else xlogx(t) - t * x


def bce(x):
    w = broadcast(x["weight"], x["input"].shape) if "weight" in x else [jet(1)] * len(x["input"].data)

    def cut(p):
        # The value is cut; the slope as well.
        return jet(-100) if p.a < mp.exp(-100) else p.log()
    return [-w * (t * cut(p) + (1 - t) * cut(1 - p)) for p, t, w in zip(x["input"], x["target"], w)]


def bce_logits(x):
    ones = [jet(1)] * len(x["input"].data)
    w, p = (broadcast(x[name], x["input"].shape) if name in x else ones for name in ("weight", "pos_weight"))
    return [w * (p * t * softplus(-a) + (1 - t) * softplus(a)) for a, t, w, p in zip(x["input"], x["target"], w, p)]


def cross_entropy(x, ignore_index=-100, label_smoothing=0.0):
    found, count = [], mpf(0)
    e = mpf(label_smoothing)
    of_target = distributions(x["target"]) if x["target"].floats else [[y] for y in x["target"]]
    for row, t in zip(distributions(x["input"]), of_target):
        logs, n = log_softmax(row), len(row)
        w = x["weight"].data if "weight" in x else [jet(1)] * n
        if x["target"].floats:
            q = [a * (1 - e) + e / n for a in t]
            count += 1
        elif t[0] == ignore_index:
            found.append(jet(0))
            continue
        else:
            q = [jet((1 - e if c == t[0] else 0) + e / n) for c in range(n)]
            count += w[t[0]].a
        found.append(sum((-w * q * l for w, q, l in zip(w, q, logs)), jet(0)))
    return found, count


def nll(x, ignore_index=-100):
    found, count = [], mpf(0)
    for row, y in zip(distributions(x["input"]), x["target"]):
        w = x["weight"].data if "weight" in x else [jet(1)] * len(row)
        found.append(jet(0) if y == ignore_index else -w[y] * row[y])
        count += 0 if y == ignore_index else w[y].a
    return found, count


def gaussian(x, full=False, eps=1e-6):
    v = x["var"].data
    n = len(x["input"].data)
    v = [v[i * len(v) // n] for i in range(n)]
    # The bound has no slope of its own.
    v = [a + (eps - a.a) if a.a < eps else a for a in v]
    more = mp.log(2 * mp.pi) / 2 if full else mpf(0)
    return [(v.log() + (a - t) * (a - t) / v) / 2 + more for a, t, v in zip(x["input"], x["target"], v)]


def ranking(x, margin=0.0):
    return [above(-y * (a - b) + margin) for a, b, y in zip(x["input1"], x["input2"], x["target"])]


def hinge(x, t, margin=1.0):
    return x if t.a > 0 else above(margin - x)


def dot(x, y):
    return sum((a * b for a, b in zip(x, y)), jet(0))


def cosine(x, margin=0.0):
    eps, found = mpf(9.999999960041972e-13), []
    for a, b, y in zip(rows(x["input1"]), rows(x["input2"]), x["target"]):
        cos = dot(a, b) / ((dot(a, a) + eps) * (dot(b, b) + eps)).sqrt()
        found.append(1 - cos if y.a > 0 else above(cos - margin))
    return found


def triplet(x, margin=1.0, p=2.0, eps=1e-6, swap=False):
    def apart(a, b):
        if math.isinf(p):
            sizes = [(a - b + eps).abs() for a, b in zip(a, b)]
            most = max(d.a for d in sizes)
            ties = [d for d in sizes if d.a == most]
            # They share the slope; what the second derivative is there, nobody says.
            return sum(ties, jet(0)) / len(ties)
        total = sum(((a - b + eps).abs().power(mpf(p)) for a, b in zip(a, b)), jet(0))
        return jet(0) if total.a == 0 else total.power(1 / mpf(p))
    found = []
    for a, p_, n in zip(*(rows(x[k]) for k in ("anchor", "positive", "negative"))):
        near, far = apart(a, p_), apart(a, n)
        if swap:
            other = apart(p_, n)
            # The slope of a tie is shared.
            far = (far + other) / 2 if far.a == other.a else min(far, other, key=lambda d: d.a)
        found.append(above(near - far + margin))
    return found


def multi_margin(x, p=1, margin=1.0):
    found = []
    for row, y in zip(rows(x["input"]), x["target"]):
        w = x["weight"].data[y] if "weight" in x else jet(1)
        found.append(sum((above(margin - row[y] + a).power(p) * w for c, a in enumerate(row) if c != y), jet(0)) / len(row))
    return found


def multilabel_margin(x):
    found = []
    for row, ys in zip(rows(x["input"]), rows(x["target"])):
        ys = ys[:ys.index(-1)] if -1 in ys else ys
        others = [c for c in range(len(row)) if c not in ys]
        found.append(sum((above(1 - row[y] + row[c]) for y in ys for c in others), jet(0)) / len(row))
    return found


def multilabel_soft(x):
    n = x["input"].shape[-1]
    w = x["weight"].data if "weight" in x else [jet(1)] * n
    return [sum((w * (t * softplus(-a) + (1 - t) * softplus(a)) for a, t, w in zip(a, t, w)), jet(0)) / n
            for a, t in zip(rows(x["input"]), rows(x["target"]))]


def ctc(x, input_lengths, target_lengths, blank=0, zero_infinity=False):
    steps, batch, classes = x["logits"].shape
    found, targets = [], x["targets"]
    for i in range(batch):
        said = [blank]
        first = sum(target_lengths[:i]) if len(targets.shape) == 1 else i * targets.shape[1]
        for y in targets.data[first:][:target_lengths[i]]:
            said += [y, blank]
        alpha = None
        for s in range(input_lengths[i]):
            p = [l.exp() for l in log_softmax(x["logits"].data[(s * batch + i) * classes:][:classes])]
            if alpha is None:
                alpha = [p[y] if k < 2 else jet(0) for k, y in enumerate(said)]
                continue
            alpha = [p[y] * sum((alpha[j] for j in range(max(0, k - (2 if y != blank and k > 1 and said[k - 2] != y else 1)), k + 1)), jet(0))
                     for k, y in enumerate(said)]
        total = alpha[-1] + (alpha[-2] if len(alpha) > 1 else 0)
        if total.a == 0 and not zero_infinity:
            raise ZeroDivisionError
        found.append(jet(0) if total.a == 0 else -total.log())
    return found, [max(n, 1) for n in target_lengths]


CRITERIA = {
    "l1_loss": each(lambda x, t: (x - t).abs()), "mse_loss": each(lambda x, t: (x - t) * (x - t)),
    "huber_loss": each(huber), "smooth_l1_loss": each(smooth), "soft_margin_loss": each(lambda x, t: softplus(-t * x)),
    "hinge_embedding_loss": each(hinge), "poisson_nll_loss": each(poisson), "cross_entropy": cross_entropy, "nll_loss": nll,
    "kl_div": each(kl), "binary_cross_entropy": bce, "binary_cross_entropy_with_logits": bce_logits,
    "gaussian_nll_loss": gaussian, "margin_ranking_loss": ranking, "cosine_embedding_loss": cosine,
    "triplet_margin_loss": triplet, "multi_margin_loss": multi_margin, "multilabel_margin_loss": multilabel_margin,
    "multilabel_soft_margin_loss": multilabel_soft, "ctc_loss_from_logits": ctc,
}


def total(case, inputs):
    """The reduced losses."""
    options = {k: float(v) if v in ("inf", "-inf") else v for k, v in case["options"].items()}
    reduction = options.pop("reduction")
    found = CRITERIA[case["op"]](inputs, **options)
    found, count = found if isinstance(found, tuple) else (found, len(found))
    if reduction == "none":
        return found
    if reduction == "mean" and isinstance(count, list):  # CTC: of what each label costs
        found, count = [l / c for l, c in zip(found, count)], len(found)
    whole = sum(found, jet(0))
    if reduction == "batchmean":
        return [whole / (inputs["input"].shape or [1])[0]]
    return [whole / count if reduction == "mean" else whole]


def rounded(x):
    x = float(x)
    return "nan" if x != x else {math.inf: "inf", -math.inf: "-inf"}.get(x, x)


def exact(case):
    given = {t["name"]: t for t in case["inputs"]}
    second = case.get("second_order")

    def inputs(at=None):
        made = {}
        for name, t in given.items():
            floats = t["dtype"].startswith("f")
            data = t["data"]
            if floats:
                data = [Jet(mpf(float(x))) for x in data]
                if second and t.get("requires_grad"):
                    for x, v in zip(data, second["v"][name]["data"]):
                        x.b = mpf(float(v))
                if at and at[0] == name:
                    data[at[1]].c = mpf(1)
            made[name] = Of(t["shape"], data)
            made[name].floats = floats
        return made
    seeds = [mpf(float(g)) for g in case["grad_output"][0]["data"]] if case.get("grad_output") else []
    losses = total(case, inputs())
    found = {"outputs": [[rounded(l.a) for l in losses]], "grads": {}, "second_order": {"grads": {}}}
    for name, t in given.items():
        if not t.get("requires_grad") or not seeds:
            continue
        places = [total(case, inputs((name, i))) for i in range(len(t["data"]))]
        found["grads"][name] = [rounded(sum(g * l.c for g, l in zip(seeds, losses))) for losses in places]
        found["second_order"]["grads"][name] = [rounded(sum(g * l.d for g, l in zip(seeds, losses))) for losses in places]
    return found


def main(folder, only):
    for path in sorted(folder.glob("*.json")):
        cases, done = json.loads(path.read_text()), 0
        for case in cases:
            if case["op"] not in CRITERIA or "outputs" not in case or max(len(t["data"]) for t in case["inputs"]) > MOST:
                continue
            mp.dps = DIGITS if "extreme" in case["tags"] else FEW
            lacking = "grads" in case and "second_order" not in case
            if lacking:
                # PyTorch differentiates it once; along which direction does not matter.
                v = {t["name"]: {**t, "data": [math.sin(i + 1) for i in range(len(t["data"]))]}
                     for t in case["inputs"] if t.get("requires_grad")}
                case["second_order"] = {"v": v, "grads": {name: dict(t) for name, t in v.items()}}
            try:
                found = exact(case)
            except (ZeroDivisionError, ValueError):
                if lacking:
                    del case["second_order"]
                continue
            done += 1
            if lacking:
                for name, t in case["second_order"]["grads"].items():
                    t["data"] = found["second_order"]["grads"][name]
            if not only:
                case["ref64"] = found
                continue
            case["outputs"][0]["data"] = found["outputs"][0]
            for of_case, numbers in ((case.get("grads"), found["grads"]),
                                     (case.get("second_order", {}).get("grads"), found["second_order"]["grads"])):
                for name, t in (of_case or {}).items():
                    if t is not None:
                        t["data"] = numbers[name]
        path.write_text(json.dumps(cases))
        print(path.stem, done, "of", len(cases), file=sys.stderr)


if __name__ == "__main__":
    arguments = [a for a in sys.argv[1:] if a != "--only"]
    main(Path(arguments[0]), "--only" in sys.argv)
