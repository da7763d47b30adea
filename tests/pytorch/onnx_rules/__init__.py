"""ONNX's operators in PyTorch's words, a file per family."""
from onnx_rules import elementwise, layer, reduce, shape, window
from onnx_rules.node import ELEMENTWISE, RULES, Node, Out

__all__ = ["ELEMENTWISE", "RULES", "Node", "Out", "elementwise", "layer", "reduce", "shape", "window"]
