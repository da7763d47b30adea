"""`grid_sample` and `affine_grid` in all modes, as cases for the golden runner: places inside, at the edges, outside, far
outside and nowhere.

    python tests/pytorch/grid_sample.py > tests/golden/grid_sample.json
"""
import itertools
import warnings
import torch
from torch.nn import functional as F
from golden_case import NAMES, finish, show, told

warnings.simplefilter("ignore")
torch.manual_seed(0)
cases = []


def add(function, dtype, inputs, options):
    leaves = {n: t.to(dtype).requires_grad_() for n, t in inputs.items()}
    case = {"op": function.__name__, "kind": "op", "dtype": NAMES[dtype], "options": options, "tags": [],
            "inputs": [told(t, name=n, requires_grad=True) for n, t in leaves.items()],
            "id": f"grid.{function.__name__}.{NAMES[dtype]}.{len(cases)}"}
    finish(case, lambda: function(*leaves.values(), **options), leaves)
    if dtype is torch.float32:
        case["tol"] = {"rtol": 1e-5, "atol": 1e-5}
    cases.append(case)


def rounded(*shape, scale=1.0):
    return torch.round(torch.randn(shape) * scale, decimals=2)


EDGES = torch.tensor([-1.0, 0.0, 1.0, -1.5, 1.75, 3.1, -7.3, 40.0])
for mode, padding, align in itertools.product(("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection"), (True, False)):
    options = {"mode": mode, "padding_mode": padding, "align_corners": align}
    add(F.grid_sample, torch.float64, {"input": rounded(2, 2, 3, 4), "grid": rounded(2, 2, 3, 2, scale=0.8)}, options)
    add(F.grid_sample, torch.float32, {"input": rounded(1, 1, 1, 3), "grid": rounded(1, 2, 2, 2, scale=1.3)}, options)
    if mode != "nearest":  # where places lie between two elements
        grid = torch.stack([EDGES, EDGES.roll(3)], -1).reshape(1, 2, 4, 2)
        add(F.grid_sample, torch.float64, {"input": rounded(1, 1, 4, 3), "grid": grid}, options)
    add(F.grid_sample, torch.float64, {"input": rounded(1, 2, 2, 3, 2), "grid": rounded(1, 1, 2, 2, 3, scale=0.9)}, options)
nowhere = torch.tensor([[[[float("nan"), 0.0], [float("inf"), 0.3], [0.2, -float("inf")]]]])
for mode in ("bilinear", "nearest"):
    add(F.grid_sample, torch.float64, {"input": rounded(1, 1, 2, 2), "grid": nowhere}, {"mode": mode, "align_corners": False})
add(F.grid_sample, torch.float32, {"input": rounded(1, 1, 2, 2), "grid": rounded(1, 0, 2, 2)}, {"align_corners": False})
add(F.grid_sample, torch.float32, {"input": rounded(0, 1, 2, 2), "grid": rounded(0, 1, 2, 2)}, {"align_corners": False})
REFUSED = [((1, 1, 2, 2), (1, 2, 2, 3), "bilinear"), ((1, 1, 2, 2), (2, 2, 2, 2), "bilinear"), ((1, 1, 2), (1, 2, 2), "bilinear"),
           ((1, 1, 0, 2), (1, 2, 2, 2), "nearest"), ((1, 1, 2, 2), (1, 2, 2, 2), "area")]
for image, grid, mode in REFUSED:
    add(F.grid_sample, torch.float32, {"input": rounded(*image), "grid": rounded(*grid)}, {"mode": mode, "align_corners": False})
for size, align in itertools.product(([2, 1, 3, 4], [1, 2, 1, 3], [1, 1, 2, 3, 1]), (True, False)):
    theta = rounded(size[0], len(size) - 2, len(size) - 1)
    for dtype in (torch.float32, torch.float64):
        add(F.affine_grid, dtype, {"theta": theta}, {"size": size, "align_corners": align})
for shape, size in (((1, 2, 3), [2, 1, 2, 2]), ((1, 2, 2), [1, 1, 2, 2]), ((1, 2, 3), [1, 1, 0, 2]), ((1, 2, 3), [1, 2, 2])):
    add(F.affine_grid, torch.float32, {"theta": rounded(*shape)}, {"size": size, "align_corners": False})
show(cases)
