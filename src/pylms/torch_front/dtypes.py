"""PyTorch's dtypes and the IR's scalar types, either way."""

from __future__ import annotations

import struct

import torch

from ..errors import TorchFeatureError
from ..ir.node import Const
from ..ir.types import (
    BOOL,
    FLOAT32,
    FLOAT64,
    INT8,
    INT16,
    INT32,
    INT64,
    UINT8,
    ScalarType,
)
from ..loc import caller_loc

_SCALAR_TYPES: dict[torch.dtype, ScalarType] = {
    torch.bool: BOOL,
    torch.uint8: UINT8,
    torch.int8: INT8,
    torch.int16: INT16,
    torch.int32: INT32,
    torch.int64: INT64,
    torch.float32: FLOAT32,
    torch.float64: FLOAT64,
}
_DTYPES = {scalar: dtype for dtype, scalar in _SCALAR_TYPES.items()}


def scalar_type(dtype: torch.dtype) -> ScalarType:
    """The IR's type for the elements of a tensor. TorchFeatureError for dtypes that cannot be staged."""
    found = _SCALAR_TYPES.get(dtype)
    if found is None:
        known = ", ".join(str(known_dtype) for known_dtype in _SCALAR_TYPES)
        raise TorchFeatureError(
            f"tensors of {dtype} cannot be staged", loc=caller_loc(), hint=f"convert it to one of {known}"
        )
    return found


def torch_dtype(scalar: ScalarType) -> torch.dtype:
    """The dtype of tensors whose elements have that type."""
    return _DTYPES[scalar]


def constant(value: float, dtype: ScalarType) -> Const:
    """A plain number as a constant of that type, rounded as a tensor of it would round."""
    if dtype == BOOL:
        return Const(bool(value), dtype)
    if not dtype.is_float:
        wrapped = int(value) % 2**dtype.bits
        signed = dtype.kind == "int" and wrapped >= 2 ** (dtype.bits - 1)
        return Const(wrapped - 2**dtype.bits if signed else wrapped, dtype)
    number = float(value)
    if dtype == FLOAT32 and number == number and abs(number) <= 3.4028234663852886e38:
        (number,) = struct.unpack("f", struct.pack("f", number))
    return Const(number, dtype)
