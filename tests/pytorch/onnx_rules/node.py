"""ONNX's operators in PyTorch's words: a function each, which writes a straight-line program of PyTorch's functions.

Attributes are taken over as the operator's text in ONNX says, never by what a test expects: `onnx_cases.py` asks
PyTorch whether the program gives ONNX's numbers. `Out` says why an operator has no equal.
"""
import numpy as np
from onnx import helper

DTYPES = {1: "float32", 7: "int64", 9: "bool", 11: "float64", 6: "int64"}
RULES = {}
ELEMENTWISE = set()


class Out(Exception):
    """A test that is left out, and why."""


def rule(*names):
    def keep(function):
        for name in names:
            RULES[name] = function
        return function
    return keep


class Node:
    """One node with its inputs, and the program that stands for it."""

    def __init__(self, node, arrays):
        self.kind = node.op_type
        self.attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        self.arrays, self.wanted = arrays, [bool(name) for name in node.output]
        self.inputs, self.steps, self.layer = {}, [], None

    def attr(self, name, default=None):
        value = self.attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else value

    def array(self, i):
        return self.arrays[i] if i < len(self.arrays) else None

    def ints(self, i):
        found = self.array(i)
        return None if found is None else [int(n) for n in np.asarray(found).reshape(-1)]

    def has(self, i):
        return self.array(i) is not None

    def x(self, i, name=None):
        """The variable of input i."""
        return self.given(name or f"x{i}", self.arrays[i])

    def given(self, name, array):
        array = np.asarray(array)
        if array.dtype.kind in "iu" and array.dtype != np.int64:
            if array.size and (int(array.max()) > 2**63 - 1):
                raise Out("numbers that int64 does not hold")
            array = array.astype(np.int64)
        if array.dtype not in (np.float32, np.float64, np.int64, np.bool_):
            raise Out(f"elements of type {array.dtype}")
        self.inputs[name] = array
        return name

    def do(self, op, *args, outs=None, **options):
        """A step of the program: its variable, or several."""
        first = args[0] if args else {}
        if not isinstance(first, dict):
            first = {"input": first} | ({"other": args[1]} if len(args) > 1 else {})
        names = [f"y{len(self.steps)}" + (f".{i}" if outs else "") for i in range(outs or 1)]
        out = names if outs else names[0]
        options = {k: v for k, v in options.items() if v is not None}
        self.steps.append({"op": op, "args": first, "options": options, "out": out})
        return list(out) if outs else out

    def rank(self, i=0):
        return self.arrays[i].ndim

    def axes(self, i=1, name="axes"):
        """The axes of an attribute or, since opset 13, of an input; None for none."""
        axes = self.attr(name)
        return self.ints(i) if axes is None else list(axes)
