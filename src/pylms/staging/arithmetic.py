"""Python's arithmetic on staged scalars: which primitive an operator becomes on which types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..ir.node import Atom, Const
from ..ir.ops import arithmetic as ops
from ..ir.ops import integers
from ..ir.ops.control import CHECK
from ..ir.primitive import Primitive
from ..ir.types import BOOL, FLOAT, FLOAT64, INT, ScalarType
from .promotion import (
    adapt,
    arithmetic_type,
    convert,
    fixed_width_constant,
    numeric_operands,
    other_operand,
    refuse_operands,
    scalar_type,
)

if TYPE_CHECKING:
    from .rep import Rep


def binary(rep: Rep, primitive: Primitive, left: object, right: object) -> object:
    """`left op right` where one of them is `rep`; NotImplemented for what may know itself how to meet a `rep`."""
    type_ = rep.atom.type
    alike = None if type_ is BOOL else rep.trace.alike(type_, left, right)
    if alike is not None:
        return rep.trace.number(primitive, alike)
    operands = operands_of(rep, left, right)
    if operands is None:
        return other_operand(rep, primitive.spelling, left, right)
    return rep.trace.number(primitive, _in_common_type(rep, operands))


def true_division(rep: Rep, left: object, right: object) -> object:
    """`left / right`: Python ints divide exactly to the nearest float."""
    alike = rep.trace.alike(FLOAT, left, right)
    if alike is not None:
        return rep.trace.number(ops.TRUEDIV, alike)
    operands = numeric_operands(rep, left, right)
    if operands is None:
        return other_operand(rep, ops.TRUEDIV.spelling, left, right)
    target = arithmetic_type(*map(scalar_type, operands))
    if not target.is_float and target.python:
        return rep.trace.number(integers.INT_TRUEDIV, [convert(rep.trace, atom, INT) for atom in operands])
    if not target.is_float:
        target = FLOAT64
    return rep.trace.number(ops.TRUEDIV, [convert(rep.trace, atom, target) for atom in operands])


def power(rep: Rep, left: object, right: object) -> object:
    """`left ** right`. An int power of ints needs an exponent that is not negative: known, or checked."""
    operands = operands_of(rep, left, right)
    if operands is None:
        return other_operand(rep, ops.POW.spelling, left, right)
    base, exponent = operands
    target = arithmetic_type(scalar_type(base), scalar_type(exponent))
    if target in (INT, BOOL) and isinstance(exponent, Const) and exponent.value < 0:
        return rep.trace.number(ops.POW, [convert(rep.trace, atom, FLOAT) for atom in operands])
    base, exponent = _in_common_type(rep, operands)
    if target == INT:
        _require_exponent(rep, exponent, _FLOAT_POWER)
    elif target.kind == "int" and not target.python:
        _require_exponent(rep, exponent, "Integers to negative integer powers are not allowed.")
    return rep.trace.number(ops.POW, [base, exponent])


_FLOAT_POWER = "a staged int power with a negative exponent would be a float; write float(base) ** exponent"


def _require_exponent(rep: Rep, exponent: Atom, message: str) -> None:
    """ValueError at run time where an exponent is negative."""
    if isinstance(exponent, Const) and exponent.value >= 0:
        return
    (fits,) = rep.trace.emit(ops.GE, [exponent, Const(0, scalar_type(exponent))])
    rep.trace.emit(CHECK, [fits], attrs={"error": "ValueError", "message": message})


def unary(rep: Rep, primitive: Primitive) -> object:
    """A one-operand primitive; a bool counts as an int."""
    type_ = scalar_type(rep.atom)
    return rep.trace.number(primitive, [convert(rep.trace, rep.atom, INT if type_ == BOOL else type_)])


def positive(rep: Rep) -> object:
    """`+x`: x, or an int where x is a bool."""
    return rep if scalar_type(rep.atom) != BOOL else rep.trace.wrap(convert(rep.trace, rep.atom, INT))


def no_product(rep: Rep, left: object, right: object) -> object:
    """`left @ right`, which numbers do not have; NotImplemented for what may know itself how to meet a `rep`."""
    if numeric_operands(rep, left, right) is not None:
        refuse_operands("@", left, right)
    return other_operand(rep, "@", left, right)


def operands_of(rep: Rep, left: object, right: object) -> tuple[Atom, Atom] | None:
    """As `numeric_operands`; a plain int beside a fixed-width integer is one."""
    type_ = scalar_type(rep.atom)
    adapted = [fixed_width_constant(each, type_) for each in (left, right)]
    if adapted[0] is not None:
        return adapted[0], rep.atom
    if adapted[1] is not None:
        return rep.atom, adapted[1]
    return numeric_operands(rep, left, right)


def _in_common_type(rep: Rep, operands: tuple[Atom, Atom]) -> list[Atom]:
    target: ScalarType = arithmetic_type(scalar_type(operands[0]), scalar_type(operands[1]))
    return [adapt(rep.trace, atom, INT if target == BOOL else target) for atom in operands]
