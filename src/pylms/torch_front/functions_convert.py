"""Conversions of a tensor's elements: `float`, `long`, `to`, `type_as`."""

from __future__ import annotations

import torch

from ..ir.types import BOOL, INT64, element_type
from .context import Operand, TorchContext
from .dtypes import scalar_type
from .functions_arithmetic import truths
from .table import functions, methods, refuse_options
from .tensor import StagedTensor


def _define_conversion(name: str, dtype: torch.dtype) -> None:
    @functions.define(getattr(torch.Tensor, name))
    def convert(context: TorchContext, input: Operand) -> object:
        return converted(context, input, dtype)


for _name, _dtype in {
    "float": torch.float32,
    "double": torch.float64,
    "int": torch.int32,
    "long": torch.int64,
    "short": torch.int16,
    "char": torch.int8,
    "bool": torch.bool,
    "byte": torch.uint8,
}.items():
    _define_conversion(_name, _dtype)


def converted(context: TorchContext, input: Operand, dtype: torch.dtype) -> StagedTensor:
    """The tensor with other elements; what is known of an integer tensor's elements stays known."""
    bounds = input.bounds if isinstance(input, StagedTensor) else None
    target = scalar_type(dtype)
    atom = context.atom(input)
    if target == BOOL and element_type(atom.type) != BOOL:
        return context.wrap(truths(context, input, context.type_of(input).shape))
    return context.wrap(context.convert(atom, target), bounds=bounds if target == INT64 else None)


@functions.define(torch.Tensor.to, torch.Tensor.type)
def _to(context: TorchContext, input: Operand, *targets: object, **options: object) -> object:
    """Conversions of dtype; the CPU is the only device."""
    dtype = options.pop("dtype", None)
    device = options.pop("device", None)
    for name in ("non_blocking", "copy", "memory_format"):
        options.pop(name, None)
    refuse_options("to", **{name: (value, None) for name, value in options.items()})
    for target in targets:
        if isinstance(target, torch.dtype):
            dtype = target
        elif isinstance(target, torch.Tensor):
            dtype = target.dtype
        elif isinstance(target, (str, torch.device)):
            device = target
    if device is not None and torch.device(str(device)).type != "cpu":
        refuse_options("to", device=(device, "cpu"))
    if not isinstance(dtype, torch.dtype):
        return input
    return converted(context, input, dtype)


@functions.define(*methods("type_as"))
def _type_as(context: TorchContext, input: Operand, other: Operand) -> object:
    assert isinstance(other, torch.Tensor)
    return converted(context, input, other.dtype)
