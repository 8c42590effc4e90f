"""PyTorch's tensors as arguments: values that a call is given, which it does not change.

In: tensors. Out: their types, by which specialisations are told apart; what stands for them in memory while the
compiled code runs. PyTorch is not imported: who passes a tensor has done so.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

from ..errors import ArgumentError
from ..ir.types import SCALAR_TYPES, BufferType, TensorType
from ..loc import caller_loc
from .context import Capture
from .parameters import TensorParameter

_HINT = "convert it with `.to`; bool, float32, float64, uint8 and the ints of 8 to 64 bits can be passed"
_PASSED = ("bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64")


def tensor_parameter(what: str, tensor: Any) -> TensorParameter:
    """What a tensor is as an argument. ArgumentError where it cannot be one; `what` is its name."""
    dtype = str(tensor.dtype).removeprefix("torch.")
    layout = str(tensor.layout).removeprefix("torch.")
    if layout != "strided" or tensor.device.type != "cpu":
        raise _cannot_take(what, f"a {layout} tensor on {tensor.device}", "dense tensors on the CPU can be passed")
    if dtype not in _PASSED:
        raise _cannot_take(what, f"a tensor of {dtype}", _HINT)
    return TensorParameter(TensorType(SCALAR_TYPES[dtype], tuple(tensor.shape)), tensor.requires_grad)


def _cannot_take(what: str, described: str, hint: str) -> ArgumentError:
    return ArgumentError(f"{what} is {described}, which compiled code cannot take", loc=caller_loc(), hint=hint)


def in_order(tensor: Any) -> Any:
    """The tensor with its elements one after the other in memory: itself, or a copy."""
    return tensor.detach().resolve_neg().contiguous()


def apart(tensor: Any, captures: Iterable[Capture]) -> Any:
    """The tensor, or a copy where a run may write its memory, which it knows by another name."""
    start = tensor.data_ptr()
    stop = start + tensor.numel() * tensor.element_size()
    is_shared = any(start < found + size and found < stop for found, size in map(_extent, captures))
    return tensor.clone() if is_shared else tensor


def _extent(capture: Capture) -> tuple[int, int]:
    type_ = capture.symbol.type
    assert isinstance(type_, BufferType)
    return capture.address(), prod(type_.shape) * type_.dtype.itemsize


def native_value(tensor: Any) -> int | float | bool:
    """What native code is given for a tensor: where its elements lie, or the number of one without dimensions."""
    value: int | float | bool = tensor.data_ptr() if tensor.dim() else tensor.item()
    return value
