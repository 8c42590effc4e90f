"""The truth value of a staged value, as a bool atom."""

from __future__ import annotations

from ..errors import StagedTypeError
from ..ir.node import Atom, Const
from ..ir.ops.arithmetic import NE
from ..ir.ops.tensors import ELEMENT, RESHAPE
from ..ir.types import BOOL, ScalarType, TensorType
from ..loc import caller_loc
from .context import Trace


def truth(trace: Trace, value: object) -> Atom:
    """`bool(value)` as an atom: numbers are true unless zero; a tensor must have one element."""
    if not trace.is_staged(value):
        return Const(bool(value), BOOL)
    atom = trace.lift(value)
    if isinstance(atom.type, TensorType):
        atom = _only_element(trace, atom, atom.type)
    assert isinstance(atom.type, ScalarType)
    if atom.type == BOOL:
        return atom
    zero = Const(0.0 if atom.type.is_float else 0, atom.type)
    return trace.emit(NE, [atom, zero])[0]


def _only_element(trace: Trace, atom: Atom, type_: TensorType) -> Atom:
    if type_.size != 1:
        raise StagedTypeError(
            f"the truth value of a tensor of shape {list(type_.shape)} is not defined",
            loc=caller_loc(),
            hint="compare or reduce it to one element first",
        )
    if type_.shape:
        (atom,) = trace.emit(RESHAPE, [atom], attrs={"shape": ()})
    return trace.emit(ELEMENT, [atom])[0]
