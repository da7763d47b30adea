"""Attention whose keys and values have fewer heads than its queries, as cases for the golden runner.

    python tests/pytorch/grouped_attention.py > tests/golden/grouped_attention.json
"""
import torch
from torch.nn import functional as F
from golden_case import NAMES, finish, show, told

torch.manual_seed(0)
cases = []
for query, key, value, more in (
    ((2, 4, 3, 2), (2, 2, 4, 2), (2, 2, 4, 3), {}),
    ((1, 6, 3, 2), (1, 2, 3, 2), (1, 2, 3, 2), {"is_causal": True}),
    ((4, 2, 3), (1, 5, 3), (1, 5, 3), {"scale": 0.7}),
    ((1, 6, 2, 2), (1, 3, 2, 2), (1, 2, 2, 2), {}),
    ((1, 3, 2, 2), (1, 3, 2, 2), (1, 3, 2, 2), {}),
    ((1, 6, 2, 2), (1, 4, 2, 2), (1, 4, 2, 2), {}),
):
    for dtype in (torch.float64, torch.float32):
        made = {n: torch.round(torch.randn(shape), decimals=2).to(dtype).requires_grad_()
                for n, shape in (("query", query), ("key", key), ("value", value))}
        options = {"enable_gqa": True, **more}
        case = {"op": "scaled_dot_product_attention", "kind": "op", "dtype": NAMES[dtype], "options": options, "tags": [],
                "inputs": [told(t, name=n, requires_grad=True) for n, t in made.items()], "id": f"groups.{len(cases)}"}
        finish(case, lambda: F.scaled_dot_product_attention(*made.values(), **options), made)
        cases.append(case)
show(cases)
