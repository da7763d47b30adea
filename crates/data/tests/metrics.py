"""Writes metrics.json: metrics of random predictions by scikit-learn. Run: pip install scikit-learn; python metrics.py > metrics.json"""
import json
import warnings

import numpy as np
import sklearn
from sklearn import metrics as m

warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
cases = []


def case(kind, truth, guess, **expected):
    flat = lambda a: {"shape": list(a.shape), "data": a.ravel().tolist()}
    plain = lambda v: v.tolist() if isinstance(v, np.ndarray) else v
    cases.append({"kind": kind, "truth": flat(truth), "guess": flat(guess), "expected": {k: plain(v) for k, v in expected.items()}})


def averages(truth, guess, names):
    out = {}
    for a in names:
        p, r, f, _ = m.precision_recall_fscore_support(truth, guess, average=a)
        out[a] = [float(p), float(r), float(f), float(m.fbeta_score(truth, guess, beta=2, average=a))]
    return out


for n, classes in [(1, 2), (5, 2), (40, 2), (7, 3), (50, 4), (9, 12), (200, 5), (30, 1)]:
    for guesses in (classes, max(1, classes - 1)):
        truth, guess = rng.integers(0, classes, n), rng.integers(0, guesses, n)
        guess = np.where(rng.random(n) < 0.5, truth, guess)
        names = ["micro", "macro", "weighted"] + (["binary"] if classes <= 2 else [])
        p, r, f, s = m.precision_recall_fscore_support(truth, guess)
        case("classes", truth, guess, accuracy=m.accuracy_score(truth, guess), averages=averages(truth, guess, names),
             classes=[[float(x) for x in row] for row in zip(p, r, f, s)], confusion=m.confusion_matrix(truth, guess),
             report=m.classification_report(truth, guess), report4=m.classification_report(truth, guess, digits=4))

for n, labels in [(1, 2), (6, 3), (50, 4)]:
    truth, guess = rng.integers(0, 2, (n, labels)), rng.integers(0, 2, (n, labels))
    truth[0] = 0
    guess = np.where(rng.random((n, labels)) < 0.4, truth, guess)
    p, r, f, s = m.precision_recall_fscore_support(truth, guess)
    case("labels", truth, guess, accuracy=m.accuracy_score(truth, guess),
         averages=averages(truth, guess, ["micro", "macro", "weighted", "samples"]),
         classes=[[float(x) for x in row] for row in zip(p, r, f, s)], report=m.classification_report(truth, guess))

for n, levels in [(2, 9), (10, 3), (60, 5), (200, 1000)]:
    truth = np.r_[0, 1, rng.integers(0, 2, n - 2)]
    score = rng.integers(0, levels + 1, n) / levels  # many ties
    fpr, tpr, thresholds = m.roc_curve(truth, score)
    case("scores", truth, score, auc=m.roc_auc_score(truth, score), log_loss=m.log_loss(truth, y_proba=score),
         fpr=fpr, tpr=tpr, thresholds=[str(t) for t in thresholds])

for n, classes in [(6, 3), (80, 5)]:
    truth = np.r_[np.arange(classes), rng.integers(0, classes, n - classes)]
    score = rng.integers(1, 6, (n, classes)).astype(float)
    score /= score.sum(1, keepdims=True)
    k = {str(k): m.top_k_accuracy_score(truth, score, k=k, labels=range(classes)) for k in range(1, classes + 1)}
    case("class_scores", truth, score, auc=m.roc_auc_score(truth, score, multi_class="ovr"),
         log_loss=m.log_loss(truth, y_proba=score), top_k=k)

truth, score = rng.integers(0, 2, (30, 3)), rng.integers(0, 8, (30, 3)) / 8
case("label_scores", truth, score, auc=m.roc_auc_score(truth, score))

for shape in [(2,), (9,), (100,), (20, 3)]:
    truth = rng.normal(size=shape) * 10
    guess = truth + rng.normal(size=shape)
    if len(shape) == 2:
        truth[:, 1] = 4.0  # a constant output
    names = ["r2_score", "mean_absolute_error", "mean_squared_error", "root_mean_squared_error", "median_absolute_error",
             "mean_absolute_percentage_error", "explained_variance_score"] + (["max_error"] if len(shape) == 1 else [])
    case("numbers", truth, guess, **{name: float(getattr(m, name)(truth, guess)) for name in names})

print(json.dumps({"scikit-learn": sklearn.__version__, "cases": "@"}).replace('"@"', "[\n" + ",\n".join(map(json.dumps, cases)) + "\n]"))
