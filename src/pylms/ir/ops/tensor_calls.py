"""Calls of Python with tensors.

`tensor_call(x...) {callback, reverse, dtypes, shapes}`: calls Python callback number `callback` of the staged function
with tensors, for tensors of these dtypes and shapes. The callback gets addresses: of the results, which it writes, and
then of the arguments. `reverse` is the number of the callback that takes the arguments and the adjoints of the
floating-point results, and gives the adjoints of the floating-point arguments; None where there is no derivative.
"""

from __future__ import annotations

from ...errors import StagedTypeError
from ..effects import Effect
from ..node import Atom, Block
from ..primitive import Primitive
from ..rules import effect_rules, type_rules
from ..types import ScalarType, TensorType, Type
from .tensors import Attrs, integers

TENSOR_CALL = Primitive("tensor_call")
PRIMITIVES = (TENSOR_CALL,)


@type_rules.define(TENSOR_CALL)
def _tensor_call_type(args: tuple[Type, ...], attrs: Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    dtypes, shapes = attrs["dtypes"], attrs["shapes"]
    assert isinstance(dtypes, tuple) and isinstance(shapes, tuple)
    if not all(isinstance(arg, TensorType) for arg in args) or len(dtypes) != len(shapes):
        raise StagedTypeError("a call with tensors takes tensors, and gives one of each dtype and shape")
    types = []
    for dtype, shape in zip(dtypes, shapes, strict=True):
        assert isinstance(dtype, ScalarType)
        types.append(TensorType(dtype, integers({"shapes": shape}, "shapes")))
    return tuple(types)


@effect_rules.define(TENSOR_CALL)
def _tensor_call_effect(_args: tuple[Atom, ...], _attrs: Attrs, _blocks: tuple[Block, ...]) -> Effect:
    """What Python does is not known, and may fail."""
    return Effect(io=True, raises=True)
