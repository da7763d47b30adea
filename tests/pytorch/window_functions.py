"""Window functions, of both kinds, lengths and types, as cases for the golden runner.

    python tests/pytorch/window_functions.py > tests/golden/window_functions.json
"""
import torch
from golden_case import NAMES, finish, show

cases = []
MORE = {"hann": [{}], "hamming": [{}, {"alpha": 0.6, "beta": 0.3}], "blackman": [{}], "bartlett": [{}],
        "kaiser": [{}, {"beta": 0.0}, {"beta": 2.5}, {"beta": -8.6}]}
for name, options in MORE.items():
    for more in options:
        for length in (0, 1, 2, 3, 8, 13) if not more else (7,):
            for periodic in (True, False):
                for dtype in (torch.float32, torch.float64):
                    case = {"op": f"{name}_window", "kind": "op", "dtype": NAMES[dtype], "inputs": [], "tags": [],
                            "options": {"window_length": length, "periodic": periodic, **more, "dtype": str(dtype).removeprefix("torch.")},
                            "id": f"window.{name}.{len(cases)}"}
                    function = getattr(torch, f"{name}_window")
                    finish(case, lambda: function(length, periodic=periodic, dtype=dtype, **more), {})
                    cases.append(case)
    case = {"op": f"{name}_window", "kind": "op", "dtype": "i64", "inputs": [], "tags": [],
            "options": {"window_length": 4, "dtype": "int64"}, "id": f"window.{name}.{len(cases)}"}
    finish(case, lambda: getattr(torch, f"{name}_window")(4, dtype=torch.int64), {})
    cases.append(case)
show(cases)
