"""Python's arithmetic on staged scalars: which types meet, what they become, which primitive is built.

Python numbers meet as in Python (bool is an int; an int meets a float as a float); a fixed-width type meets a
Python number as in NumPy 2 (the Python number adapts), and another fixed-width type by NumPy's promotion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from ..errors import NotSupportedYetError, StagedTypeError
from ..ir.node import Atom, Const
from ..ir.ops import arithmetic as ops
from ..ir.ops.control import CHECK
from ..ir.primitive import Primitive
from ..ir.types import BOOL, FLOAT, FLOAT32, FLOAT64, INT, SCALAR_TYPES, ScalarType, Type
from ..loc import caller_loc
from .values import describe_static

if TYPE_CHECKING:
    from .rep import Rep


def binary(rep: Rep, primitive: Primitive, left: object, right: object) -> object:
    """`left op right` where one of them is `rep`; NotImplemented for what may know itself how to meet a `rep`."""
    operands = _numeric_operands(rep, left, right)
    if operands is None:
        return _other_operand(rep, primitive, left, right)
    target = arithmetic_type(_scalar(operands[0]), _scalar(operands[1]))
    if target == BOOL:
        target = INT
    return _emit(rep, primitive, [convert(rep, atom, target) for atom in operands])


def true_division(rep: Rep, left: object, right: object) -> object:
    """`left / right`: Python ints divide as floats."""
    operands = _numeric_operands(rep, left, right)
    if operands is None:
        return _other_operand(rep, ops.TRUEDIV, left, right)
    target = arithmetic_type(_scalar(operands[0]), _scalar(operands[1]))
    if not target.is_float:
        target = FLOAT if target.python else FLOAT64
    return _emit(rep, ops.TRUEDIV, [convert(rep, atom, target) for atom in operands])


def bitwise(rep: Rep, symbol: str, primitive: Primitive, left: object, right: object) -> object:
    """`left & right` and the like on bools, where they are logic."""
    operands = _numeric_operands(rep, left, right)
    if operands is None:
        return NotImplemented
    if operands[0].type != BOOL or operands[1].type != BOOL:
        type_ = operands[0].type if operands[0].type != BOOL else operands[1].type
        refuse_operation(symbol, type_)
    return _emit(rep, primitive, list(operands))


def power(rep: Rep, left: object, right: object) -> object:
    """`left ** right`. An int power of ints needs an exponent that is not negative: known, or checked."""
    operands = _numeric_operands(rep, left, right)
    if operands is None:
        return _other_operand(rep, ops.POW, left, right)
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


def refuse_operation(name: str, type_: Type) -> NoReturn:
    """The error of an operation on numbers that staged code does not have."""
    raise NotSupportedYetError(
        f"`{name}` of a staged {type_} is not supported yet",
        loc=caller_loc(),
        hint="write it with what there is: + - * / // % **, abs, min, max, int, math.floor",
    )


def comparison(rep: Rep, primitive: Primitive, left: object, right: object) -> object:
    """`left op right`; with something that is not a number, == and != are known now as in Python."""
    operands = _numeric_operands(rep, left, right)
    if operands is None:
        return _compared_with_huge_int(rep, primitive, right)
    target = arithmetic_type(_scalar(operands[0]), _scalar(operands[1]))
    return _emit(rep, primitive, [convert(rep, atom, target) for atom in operands])


def _compared_with_huge_int(rep: Rep, primitive: Primitive, other: object) -> object:
    """A staged int compared with an int that 64 bits cannot hold is known now; Python swaps such operands to here."""
    if type(other) is not int or _scalar(rep.atom).is_float:
        return NotImplemented
    return {ops.EQ: False, ops.NE: True, ops.LT: other > 0, ops.LE: other > 0, ops.GT: other < 0, ops.GE: other < 0}[
        primitive
    ]


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
    is_float = _scalar(rep.atom).is_float
    atoms = [trace.try_lift(float(each) if is_float and type(each) is int else each) for each in (left, right)]
    if atoms[0] is None or atoms[1] is None:
        return None
    if not isinstance(atoms[0].type, ScalarType) or not isinstance(atoms[1].type, ScalarType):
        return None
    return atoms[0], atoms[1]


# They know nothing of staged values: Python's own message would show the user a name of ours.
_PLAIN_TYPES = (str, bytes, bytearray, list, tuple, dict, set, frozenset, complex, type(None))


def _other_operand(rep: Rep, primitive: Primitive, left: object, right: object) -> object:
    """What to do with an operand that is no number: leave it to the operand, if it may know."""
    other = right if left is rep else left
    if type(other) is int:
        rep.trace.lift(other)  # says that it does not fit
    if type(other) in _PLAIN_TYPES:
        raise StagedTypeError(
            f"unsupported operands for {primitive.spelling}: {_named(left)} and {_named(right)}",
            loc=caller_loc(),
            hint="staged arithmetic takes numbers",
        )
    return NotImplemented


def _named(value: object) -> str:
    atom = getattr(value, "atom", None)
    return describe_static(value) if atom is None else f"a staged {atom.type}"


def _scalar(atom: Atom) -> ScalarType:
    assert isinstance(atom.type, ScalarType)
    return atom.type


def _emit(rep: Rep, primitive: Primitive, operands: list[Atom]) -> object:
    return rep.trace.wrap(rep.trace.emit(primitive, operands)[0])
