"""Python's arithmetic on staged scalars: which types meet, what they become, which primitive is built.

Python numbers meet as in Python (bool is an int; an int meets a float as a float); a fixed-width type meets a
Python number as in NumPy 2 (the Python number adapts), and another fixed-width type by NumPy's promotion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..ir.node import Atom, Const
from ..ir.ops import arithmetic as ops
from ..ir.ops.control import CHECK
from ..ir.primitive import Primitive
from ..ir.types import BOOL, FLOAT, FLOAT32, FLOAT64, INT, SCALAR_TYPES, ScalarType

if TYPE_CHECKING:
    from .rep import Rep


def binary(rep: Rep, primitive: Primitive, left: object, right: object) -> object:
    """`left op right` where one of them is `rep`; NotImplemented for operands that are not numbers."""
    operands = _numeric_operands(rep, left, right)
    if operands is None:
        return NotImplemented
    target = arithmetic_type(_scalar(operands[0]), _scalar(operands[1]))
    if target == BOOL:
        target = INT
    return _emit(rep, primitive, [convert(rep, atom, target) for atom in operands])


def true_division(rep: Rep, left: object, right: object) -> object:
    """`left / right`: Python ints divide as floats."""
    operands = _numeric_operands(rep, left, right)
    if operands is None:
        return NotImplemented
    target = arithmetic_type(_scalar(operands[0]), _scalar(operands[1]))
    if not target.is_float:
        target = FLOAT if target.python else FLOAT64
    return _emit(rep, ops.TRUEDIV, [convert(rep, atom, target) for atom in operands])


def power(rep: Rep, left: object, right: object) -> object:
    """`left ** right`. An int power of ints needs an exponent that is not negative: known, or checked."""
    operands = _numeric_operands(rep, left, right)
    if operands is None:
        return NotImplemented
    base, exponent = operands
    target = arithmetic_type(_scalar(base), _scalar(exponent))
    if target == BOOL:
        target = INT
    if target == INT:
        if isinstance(exponent, Const) and exponent.value < 0:
            target = FLOAT
        elif not isinstance(exponent, Const):
            zero = Const(0, INT)
            (fits,) = rep.trace.emit(ops.GE, [convert(rep, exponent, INT), zero])
            message = "a staged int power with a negative exponent would be a float; write float(base) ** exponent"
            rep.trace.emit(CHECK, [fits], attrs={"error": "ValueError", "message": message})
    return _emit(rep, ops.POW, [convert(rep, atom, target) for atom in (base, exponent)])


def comparison(rep: Rep, primitive: Primitive, left: object, right: object) -> object:
    """`left op right`; with something that is not a number, == and != are known now as in Python."""
    operands = _numeric_operands(rep, left, right)
    if operands is None:
        return NotImplemented
    target = arithmetic_type(_scalar(operands[0]), _scalar(operands[1]))
    return _emit(rep, primitive, [convert(rep, atom, target) for atom in operands])


def unary(rep: Rep, primitive: Primitive) -> object:
    """A one-operand primitive; a bool counts as an int."""
    type_ = _scalar(rep.atom)
    return _emit(rep, primitive, [convert(rep, rep.atom, INT if type_ == BOOL else type_)])


def positive(rep: Rep) -> object:
    """`+x`: x, or an int where x is a bool."""
    return rep if _scalar(rep.atom) != BOOL else rep.trace.wrap(convert(rep, rep.atom, INT))


def arithmetic_type(left: ScalarType, right: ScalarType) -> ScalarType:
    """The type two operands meet in."""
    if left == right:
        return left
    if left.python and right.python:
        return FLOAT if FLOAT in (left, right) else INT
    if left.python or right.python:
        weak, strong = (left, right) if left.python else (right, left)
        return FLOAT64 if weak == FLOAT and not strong.is_float else strong
    return _fixed_width_type(left, right)


def _fixed_width_type(left: ScalarType, right: ScalarType) -> ScalarType:
    """NumPy's promotion among fixed-width types."""
    if left.is_float or right.is_float:
        if left.is_float and right.is_float:
            return left if left.bits >= right.bits else right
        floating, integer = (left, right) if left.is_float else (right, left)
        return FLOAT32 if floating == FLOAT32 and integer.bits <= 16 else FLOAT64
    if left.kind == right.kind:
        return left if left.bits >= right.bits else right
    unsigned, signed = (left, right) if left.kind == "uint" else (right, left)
    if signed.bits > unsigned.bits:
        return signed
    return SCALAR_TYPES[f"int{unsigned.bits * 2}"] if unsigned.bits < 64 else FLOAT64


def convert(rep: Rep, atom: Atom, target: ScalarType) -> Atom:
    """The atom as that type: constants at once, others by a node."""
    if atom.type == target:
        return atom
    if isinstance(atom, Const):
        return Const(float(atom.value) if target.is_float else int(atom.value), target)
    return rep.trace.emit(ops.CONVERT, [atom], attrs={"dtype": target})[0]


def _numeric_operands(rep: Rep, left: object, right: object) -> tuple[Atom, Atom] | None:
    trace = rep.trace
    rep.require_trace(trace)
    atoms = (trace.try_lift(left), trace.try_lift(right))
    if atoms[0] is None or atoms[1] is None:
        return None
    if not isinstance(atoms[0].type, ScalarType) or not isinstance(atoms[1].type, ScalarType):
        return None
    return atoms[0], atoms[1]


def _scalar(atom: Atom) -> ScalarType:
    assert isinstance(atom.type, ScalarType)
    return atom.type


def _emit(rep: Rep, primitive: Primitive, operands: list[Atom]) -> object:
    return rep.trace.wrap(rep.trace.emit(primitive, operands)[0])
