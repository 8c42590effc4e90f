"""`& | ^ ~ << >>` on staged numbers: logic on bools, bits on integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..ir.node import Atom
from ..ir.ops import arithmetic as ops
from ..ir.ops import integers
from ..ir.primitive import Primitive
from ..ir.types import BOOL, INT
from .arithmetic import operands_of
from .promotion import adapt, arithmetic_type, convert, other_operand, refuse_operands, refuse_operation, scalar_type

if TYPE_CHECKING:
    from .rep import Rep

_OF_BOOLS = {integers.BIT_AND: ops.LOGICAL_AND, integers.BIT_OR: ops.LOGICAL_OR, integers.BIT_XOR: ops.NE}


def bitwise(rep: Rep, primitive: Primitive, left: object, right: object) -> object:
    """`left & right` and the like; bools stay bools among themselves."""
    alike = rep.trace.alike(INT, left, right)
    if alike is not None:
        return rep.trace.number(primitive, alike)
    operands = operands_of(rep, left, right)
    if operands is None:
        return other_operand(rep, primitive.spelling, left, right)
    if operands[0].type == operands[1].type == BOOL:
        return rep.trace.number(_OF_BOOLS[primitive], list(operands))
    return rep.trace.number(primitive, _as_integers(rep, primitive, operands, left, right))


def shift(rep: Rep, primitive: Primitive, left: object, right: object) -> object:
    """`left << right` or `left >> right`: an int, or what the fixed-width types have in common."""
    alike = rep.trace.alike(INT, left, right)
    if alike is not None:
        return rep.trace.number(primitive, alike)
    operands = operands_of(rep, left, right)
    if operands is None:
        return other_operand(rep, primitive.spelling, left, right)
    return rep.trace.number(primitive, _as_integers(rep, primitive, operands, left, right))


def invert(rep: Rep) -> object:
    """`~x`; of a bool, as of the int it is."""
    type_ = scalar_type(rep.atom)
    if type_.is_float:
        refuse_operation("~", type_)
    return rep.trace.number(integers.INVERT, [convert(rep.trace, rep.atom, INT if type_ == BOOL else type_)])


def _as_integers(
    rep: Rep, primitive: Primitive, operands: tuple[Atom, Atom], left: object, right: object
) -> list[Atom]:
    target = arithmetic_type(scalar_type(operands[0]), scalar_type(operands[1]))
    if target.is_float:
        refuse_operands(primitive.spelling, left, right)
    return [adapt(rep.trace, atom, INT if target == BOOL else target) for atom in operands]
