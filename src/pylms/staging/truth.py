"""The truth value of a staged value, as a bool atom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from ..errors import StagedTypeError
from ..ir.builder import BlockScope
from ..ir.node import Atom, Const
from ..ir.ops.arithmetic import LOGICAL_AND, NE
from ..ir.primitive import Primitive
from ..ir.types import BOOL, INT, ArrayType, ScalarType, TensorType
from ..late import late_module
from ..loc import Loc, caller_loc
from .context import Trace
from .kinds import has_staged_length, is_staged_array
from .rep import Rep
from .values import is_maybe

if TYPE_CHECKING:
    from ..ir.ops import tensors
else:
    tensors = late_module("pylms.ir.ops.tensors")


def truth(trace: Trace, value: object) -> Atom:
    """`bool(value)` as an atom: numbers are true unless zero; a tensor must have one element."""
    if type(value) is Rep and value.atom.type is BOOL:
        return trace.usable(value)
    if isinstance(value, MixedTruth):
        return value.truth_atom
    if not trace.is_staged(value):
        return Const(bool(value), BOOL)
    if is_maybe(value):
        return value.truth()
    if has_staged_length(value):
        value = value.length()
    if is_staged_array(value):
        bool(value)  # says that an array has no truth value
    atom = scalar_of(trace, value, "the truth value")
    assert isinstance(atom.type, ScalarType)
    if atom.type == BOOL:
        return atom
    return trace.emit(NE, [atom, _zero(atom.type)])[0]


def truth_in(trace: Trace, scope: BlockScope, value: object, atoms: Sequence[Atom]) -> Atom:
    """The truth of a value that a block just traced gives, and that these atoms stand for; it goes into the block."""
    if isinstance(value, MixedTruth):
        return value.truth_atom
    if not trace.is_staged(value):
        return Const(bool(value), BOOL)
    if is_maybe(value):
        return _truth_of_maybe(trace, scope, atoms)
    if has_staged_length(value):
        return _truth_of_length(trace, scope, atoms, value.LENGTH)
    (atom,) = atoms
    if not isinstance(atom.type, ScalarType):
        _refuse_mixed("tensors together with tensors only", "make the tensor a number first: x.item()")
    return _truth_of_number(trace, scope, atom, atom.type)


def _truth_of_number(trace: Trace, scope: BlockScope, atom: Atom, type_: ScalarType) -> Atom:
    if type_ == BOOL:
        return atom
    node = trace.builder.node(NE, [atom, _zero(type_)], loc=caller_loc())
    scope.nodes.append(node)
    return node.results[0]


def _truth_of_length(trace: Trace, scope: BlockScope, atoms: Sequence[Atom], length: Primitive) -> Atom:
    node = trace.builder.node(length, atoms, loc=caller_loc())
    scope.nodes.append(node)
    return _truth_of_number(trace, scope, node.results[0], INT)


def _truth_of_maybe(trace: Trace, scope: BlockScope, atoms: Sequence[Atom]) -> Atom:
    present, *value = atoms
    if len(value) != 1 or not isinstance(value[0].type, ScalarType):
        _refuse_mixed("numbers that may be None together with numbers only", "test `is not None`")
    is_true = _truth_of_number(trace, scope, value[0], value[0].type)
    node = trace.builder.node(LOGICAL_AND, [present, is_true], loc=caller_loc())
    scope.nodes.append(node)
    return node.results[0]


def _refuse_mixed(what: str, hint: str) -> NoReturn:
    raise StagedTypeError(f"`and` and `or` take {what}", loc=caller_loc(), hint=hint)


class MixedTruth(Rep):
    """What `and` or `or` gives whose operands have different types: it can be tested, and nothing else."""

    __slots__ = ("left", "loc", "right", "truth_atom")

    def __init__(self, truth_atom: Atom, trace: Trace, *, left: str, right: str, loc: Loc) -> None:
        super().__init__(truth_atom, trace)
        self.truth_atom = truth_atom
        self.left = left
        self.right = right
        self.loc = loc

    def require_trace(self, trace: Trace) -> None:
        """Asked for whenever the value itself is wanted."""
        super().require_trace(trace)
        self.refuse()

    def refuse(self) -> NoReturn:
        """The error of using the value."""
        raise StagedTypeError(
            f"a staged `and` or `or` gives {self.left} on one path and {self.right} on the other",
            loc=self.loc,
            hint="both operands must have one type where the value is used; as a condition they may differ",
        )


def _zero(type_: ScalarType) -> Const:
    return Const(0.0 if type_.is_float else 0, type_)


def scalar_of(trace: Trace, value: object, use: str) -> Atom:
    """The atom of a staged number, or of the one element of a tensor. `use` is what an error says is not defined."""
    atom = trace.lift(value)
    type_ = atom.type
    if isinstance(type_, ArrayType):
        raise StagedTypeError(f"{use} of an array is not defined", loc=caller_loc(), hint="use one of its elements")
    if not isinstance(type_, TensorType):
        return atom
    if type_.size != 1:
        raise StagedTypeError(
            f"{use} of a tensor of shape {list(type_.shape)} is not defined",
            loc=caller_loc(),
            hint="compare or reduce it to one element first",
        )
    if type_.shape:
        (atom,) = trace.emit(tensors.RESHAPE, [atom], attrs={"shape": ()})
    return trace.emit(tensors.ELEMENT, [atom])[0]
