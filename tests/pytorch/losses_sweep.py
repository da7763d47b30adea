"""Every criterion with random options, shapes and values, the ends of the range among them, computed by PyTorch.

    python tests/pytorch/losses_sweep.py FOLDER [CASES [SEED [CRITERION ...]]]
    GOLDEN_DIR=FOLDER cargo test --test golden -- --nocapture
"""
import random
import sys
import warnings
from pathlib import Path
import torch
import torch.nn.functional as F
import torchvision
from golden_case import NAMES, finish, number, show, told

warnings.simplefilter("ignore")
INF = float("inf")
# What float32 can hold, its ends, and where exponentials, squares and logarithms leave the range.
VALUES = [0.0, -0.0, 1e-45, 1e-38, 1e-30, 1e-20, 1e-7, 0.5, 1.0, 2.0, 20.0, 88.0, 89.0, 104.0, 709.0, 746.0, 1e4, 1e10, 1e19,
          1e20, 1e30, 1e38]
rng = random.Random(0)


def pick(*choices):
    return rng.choice(choices)


def values(n, how):
    """`n` numbers: ordinary ones, whole ones (ties and kinks), or some from the ends of the range."""
    if how == "plain":
        return [round(rng.gauss(0, 2), 3) for _ in range(n)]
    if how == "whole":
        return [float(rng.randint(-2, 2)) for _ in range(n)]
    return [rng.choice(VALUES) * pick(1, -1) if rng.random() < 0.4 else round(rng.gauss(0, 2), 3) for _ in range(n)]


def tensor(shape, dtype, how, map=lambda x: x):
    n = 1
    for size in shape:
        n *= size
    return torch.tensor([map(x) for x in values(n, how)], dtype=torch.float64).to(dtype).reshape(shape)


def unit(x):
    """Something from 0 to 1."""
    return min(abs(x) / 8, 1.0)


def labels(shape, classes, ignore=None):
    n = 1
    for size in shape:
        n *= size
    found = [ignore if ignore is not None and rng.random() < 0.2 else rng.randrange(classes) for _ in range(n)]
    return torch.tensor(found, dtype=torch.int64).reshape(shape)


def signs(shape, dtype):
    return torch.sign(tensor(shape, torch.float64, "plain") + 0.01).to(dtype)


def shape(least=0):
    """Up to four dimensions, now and then with nothing in them."""
    sizes = [pick(1, 2, 3, 4) for _ in range(pick(0, 1, 1, 2, 2, 3, 4))]
    sizes = sizes or [pick(1, 2)] if least else sizes
    if sizes and rng.random() < 0.04:
        sizes[rng.randrange(len(sizes))] = 0
    return sizes


def options(**ranges):
    """Each option half of the time."""
    return {name: pick(*choices) for name, choices in ranges.items() if rng.random() < 0.5}


def rows(dtype, how):
    """Logits `(C)`, `(N, C)` or `(N, C, d1, …)` and the shape of their labels."""
    sizes = shape()
    classes = pick(1, 2, 3, 5)
    if not sizes:
        return [classes], [], classes
    return [sizes[0], classes, *sizes[1:]], sizes, classes


def two(function, target=None, least=0, weighted=False, **ranges):
    def make(dtype, how):
        s = shape(least)
        t = tensor(s, dtype, how, target) if target else tensor(s, dtype, how)
        inputs = {"input": tensor(s, dtype, how), "target": t}
        if weighted and rng.random() < 0.3:
            inputs["weight"] = tensor(s, dtype, "plain", abs)
        return inputs, options(**ranges)
    return function, make


def cross_entropy(dtype, how):
    of_input, of_labels, classes = rows(dtype, how)
    given = options(label_smoothing=[0.0, 0.1, 1.0])
    inputs = {"input": tensor(of_input, dtype, how)}
    if rng.random() < 0.3:
        dim = 1 if len(of_input) > 1 else 0
        inputs["target"] = tensor(of_input, dtype, "plain").softmax(dim)
    else:
        if rng.random() < 0.3:
            given["ignore_index"] = pick(-100, -1, 0)
        inputs["target"] = labels(of_labels, classes, given.get("ignore_index", -100))
    if rng.random() < 0.4:
        inputs["weight"] = tensor([classes], dtype, "plain", abs)
    return inputs, given


def nll(dtype, how):
    inputs, given = cross_entropy(dtype, how)
    given.pop("label_smoothing", None)
    if inputs["target"].is_floating_point():
        return nll(dtype, how)
    return inputs, given


def with_weight(map):
    def make(dtype, how):
        s = shape()
        inputs = {"input": tensor(s, dtype, how, map), "target": tensor(s, dtype, how, unit)}
        if rng.random() < 0.4:
            inputs["weight"] = tensor(pick(s, s[-1:], []), dtype, "plain", abs)
        return inputs, {}
    return make


def bce_with_logits(dtype, how):
    inputs, given = with_weight(lambda x: x)(dtype, how)
    if rng.random() < 0.4 and inputs["input"].dim():
        s = list(inputs["input"].shape)
        inputs["pos_weight"] = tensor(pick(s, s[-1:], []), dtype, "plain", abs)
    return inputs, given


def kl_div(dtype, how):
    s = shape()
    given = options(log_target=[True, False])
    of_target = s if rng.random() < 0.8 else pick(s[1:], s[-1:], [1] * len(s))
    target = tensor(of_target, dtype, how) if given.get("log_target") else tensor(of_target, dtype, how, abs)
    return {"input": tensor(s, dtype, how), "target": target}, given


def gaussian(dtype, how):
    s = shape(1)
    of_var = pick(s, s[:-1] + [1], s[:-1])
    return {"input": tensor(s, dtype, how), "target": tensor(s, dtype, how), "var": tensor(of_var, dtype, how, abs)}, options(full=[True, False], eps=[1e-6, 0.1])


def pairs(target):
    def make(dtype, how):
        s = shape()
        return {"input1": tensor(s, dtype, how), "input2": tensor(s, dtype, how), "target": signs(s, dtype)}, options(margin=[0.0, 0.5, -1.0])
    return make


def cosine(dtype, how):
    n, d = pick(1, 2, 3), pick(1, 2, 4)
    s = pick([d], [n, d])
    x = tensor(s, dtype, how)
    # Parallel ones, opposite ones, any.
    other = pick(x * 2, x * -0.5, *[tensor(s, dtype, how)] * 4)
    return {"input1": x, "input2": other, "target": signs(s[:-1], dtype)}, options(margin=[0.0, 0.5, -1.0])


def triplet(dtype, how):
    s = shape(1)
    given = options(margin=[1.0, 0.1, 10.0], p=[1.0, 2.0, 3.0, 1.5, 4.0, INF], eps=[1e-6, 0.1], swap=[True, False])
    found = {name: tensor(s, dtype, how) for name in ("anchor", "positive", "negative")}
    if rng.random() < 0.2:
        found[pick("positive", "negative")] = found["anchor"].clone()
    return found, given


def multi_margin(dtype, how):
    classes, s = pick(1, 2, 4), pick([], [1], [3])
    inputs = {"input": tensor(s + [classes], dtype, how), "target": labels(s, classes)}
    if rng.random() < 0.4:
        inputs["weight"] = tensor([classes], dtype, "plain", abs)
    return inputs, options(p=[1, 2], margin=[1.0, 0.25, -0.5])


def multilabel_margin(dtype, how):
    classes, s = pick(1, 2, 4), pick([], [1], [3])
    n = 1 if not s else s[0]
    target = [(rng.sample(range(classes), k) + [-1] * (classes - k)) for k in (rng.randint(0, classes) for _ in range(n))]
    return {"input": tensor(s + [classes], dtype, how), "target": torch.tensor(target).reshape(s + [classes])}, {}


def multilabel_soft(dtype, how):
    s = shape(1)[:2]
    inputs = {"input": tensor(s, dtype, how), "target": tensor(s, dtype, "plain", lambda x: float(x > 0))}
    if rng.random() < 0.4:
        inputs["weight"] = tensor([s[-1]], dtype, "plain", abs)
    return inputs, {}


def ctc(dtype, how):
    steps, batch, classes, most = pick(1, 3, 6), pick(1, 2), pick(2, 3, 5), pick(1, 2, 3)
    lengths = {"input_lengths": [rng.randint(1, steps) for _ in range(batch)], "target_lengths": [rng.randint(0, most) for _ in range(batch)]}
    blank = pick(0, 0, classes - 1)
    others = [y for y in range(classes) if y != blank]
    targets = torch.tensor([[pick(*others) for _ in range(most)] for _ in range(batch)])
    if rng.random() < 0.3:
        # One behind the other.
        targets = torch.cat([row[:n] for row, n in zip(targets, lengths["target_lengths"])])
    logits = tensor([steps, batch, classes], dtype, how)
    return {"logits": logits, "targets": targets}, {**lengths, "blank": blank, **options(zero_infinity=[True])}


def poisson(dtype, how):
    s = shape()
    given = options(log_input=[True, False, False], full=[True, False], eps=[1e-8, 0.1])
    x = tensor(s, dtype, how) if given.get("log_input", True) else tensor(s, dtype, how, abs)
    return {"input": x, "target": tensor(s, dtype, how, abs)}, given


def focal(dtype, how):
    s = shape()
    return {"inputs": tensor(s, dtype, how), "targets": tensor(s, dtype, "plain", lambda x: float(x > 0))}, options(alpha=[0.25, -1.0, 0.9], gamma=[2.0, 0.0, 0.5, 3.0])


def boxes(dtype, how):
    n = pick([], [1], [3])
    how = "plain" if how == "ends" else how

    def one():
        low, size = tensor(n + [2], dtype, how), tensor(n + [2], dtype, how, lambda x: abs(x) + 0.25)
        return torch.cat([low, low + size], -1)
    a = one()
    return {"boxes1": a, "boxes2": pick(a.clone(), one(), one(), one())}, options(eps=[1e-7, 0.1])


CRITERIA = {
    "l1_loss": two(F.l1_loss, weighted=True), "mse_loss": two(F.mse_loss, weighted=True),
    "huber_loss": two(F.huber_loss, weighted=True, delta=[1.0, 0.3, 1e-3, 1e10]),
    "smooth_l1_loss": two(F.smooth_l1_loss, beta=[1.0, 0.3, 0.0, 1e10]),
    "soft_margin_loss": (F.soft_margin_loss, lambda d, how: (lambda s: ({"input": tensor(s, d, how), "target": signs(s, d)}, {}))(shape())),
    "hinge_embedding_loss": (F.hinge_embedding_loss, lambda d, how: (lambda s: ({"input": tensor(s, d, how), "target": signs(s, d)}, options(margin=[1.0, 0.0, -2.0])))(shape())),
    "poisson_nll_loss": (F.poisson_nll_loss, poisson),
    "cross_entropy": (F.cross_entropy, cross_entropy), "nll_loss": (F.nll_loss, nll), "kl_div": (F.kl_div, kl_div),
    "binary_cross_entropy": (F.binary_cross_entropy, with_weight(unit)),
    "binary_cross_entropy_with_logits": (F.binary_cross_entropy_with_logits, bce_with_logits),
    "gaussian_nll_loss": (F.gaussian_nll_loss, gaussian), "margin_ranking_loss": (F.margin_ranking_loss, pairs(signs)),
    "cosine_embedding_loss": (F.cosine_embedding_loss, cosine), "triplet_margin_loss": (F.triplet_margin_loss, triplet),
    "multi_margin_loss": (F.multi_margin_loss, multi_margin), "multilabel_margin_loss": (F.multilabel_margin_loss, multilabel_margin),
    "multilabel_soft_margin_loss": (F.multilabel_soft_margin_loss, multilabel_soft),
    "ctc_loss_from_logits": (lambda logits, targets, input_lengths, target_lengths, **more: F.ctc_loss(
        logits.log_softmax(-1), targets, torch.tensor(input_lengths), torch.tensor(target_lengths), **more), ctc),
}
CRITERIA.update({
    "sigmoid_focal_loss": (torchvision.ops.sigmoid_focal_loss, focal), "generalized_box_iou_loss": (torchvision.ops.generalized_box_iou_loss, boxes),
    "distance_box_iou_loss": (torchvision.ops.distance_box_iou_loss, boxes), "complete_box_iou_loss": (torchvision.ops.complete_box_iou_loss, boxes),
})


def gradient_of_target(name, t):
    """Some targets are no labels."""
    return t.is_floating_point() and name in ("l1_loss", "mse_loss", "huber_loss", "smooth_l1_loss", "kl_div", "gaussian_nll_loss") and rng.random() < 0.5


def main(folder, count, seed, only=()):
    rng.seed(seed)
    torch.manual_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for name, (function, make) in CRITERIA.items():
        if only and name not in only:
            continue
        cases = []
        for i in range(count):
            dtype, how = pick(torch.float32, torch.float64), pick("plain", "whole", "ends")
            inputs, given = make(dtype, how)
            given["reduction"] = pick("mean", "sum", "none", *["batchmean"] * (name == "kl_div"))
            for n, t in inputs.items():
                if n in ("input", "input1", "input2", "anchor", "positive", "negative", "logits", "var", "inputs", "boxes1", "boxes2") or n == "target" and gradient_of_target(name, t):
                    t.requires_grad_(t.is_floating_point())
            case = {"id": f"sweep.{name}.{i}", "op": name, "kind": "loss", "dtype": NAMES[dtype], "tags": ["extreme"] if how == "ends" else [],
                    "options": {k: number(v) if isinstance(v, float) else v for k, v in given.items()},
                    "inputs": [told(t, name=n, requires_grad=t.requires_grad) for n, t in inputs.items()]}
            finish(case, lambda: function(**inputs, **given), inputs)
            if dtype is torch.float32:
                # The sums of float32 are ordered in another way; large terms hide small ones.
                numbers = [abs(v) for t in case.get("outputs", []) for v in t["data"] if isinstance(v, float)]
                case["tol"] = {"rtol": 2e-5, "atol": max(1e-6, 1e-6 * max(numbers, default=0.0))}
            cases.append(case)
        sys.stdout = open(folder / f"{name}.json", "w")
        show(cases)
        sys.stdout.close()
        sys.stdout = sys.__stdout__
        print(name, len(cases), file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 400, int(sys.argv[3]) if len(sys.argv) > 3 else 0, sys.argv[4:])
