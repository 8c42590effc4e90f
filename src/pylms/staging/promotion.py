"""Which type two numbers meet in, and how they come to be of it.

Python numbers meet as in Python (bool is an int; an int meets a float as a float); a fixed-width type meets a
Python number as in NumPy 2 (the Python number adapts, an int that does not fit raising OverflowError), and
another fixed-width type by NumPy's promotion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from ..errors import NotSupportedYetError, StagedTypeError
from ..ir.node import Atom, Const
from ..ir.ops import arithmetic as ops
from ..ir.ops.control import CHECK
from ..ir.types import FLOAT, FLOAT32, FLOAT64, INT, INT64, SCALAR_TYPES, ContainerType, ScalarType, Type
from ..late import late_module
from ..loc import caller_loc
from .raising import always_raise
from .values import describe_static, is_maybe

if TYPE_CHECKING:
    from . import maybe
    from .context import Trace
    from .rep import Rep
else:
    maybe = late_module("pylms.staging.maybe")


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


def convert(trace: Trace, atom: Atom, target: ScalarType) -> Atom:
    """The atom as that type, as C has it (an integer wraps): constants at once, others by a node."""
    source = scalar_type(atom)
    if source == target:
        return atom
    if source == INT and target == FLOAT32:
        atom = convert(trace, atom, FLOAT)  # as Python's ints come to NumPy: rounded twice
    if isinstance(atom, Const) and target.is_float:
        return Const(float(atom.value), target)
    if isinstance(atom, Const) and target.is_integer and not source.is_float and _is_in_range(atom.value, target):
        return Const(int(atom.value), target)
    return trace.emit(ops.CONVERT, [atom], attrs={"dtype": target})[0]


def _is_in_range(value: float, type_: ScalarType) -> bool:
    return type_.smallest <= value <= type_.largest


def adapt(trace: Trace, atom: Atom, target: ScalarType) -> Atom:
    """An operand as the type it meets the other in; OverflowError when the run finds that a Python int does not fit."""
    if scalar_type(atom) == INT and target.is_integer and not target.python and target != INT64:
        require_in_range(trace, atom, target)
    return convert(trace, atom, target)


def require_in_range(trace: Trace, atom: Atom, target: ScalarType) -> None:
    """OverflowError at run time where an int is no value of the fixed-width type."""
    message = f"Python integer out of bounds for {target}"
    fits: list[Atom] = [trace.emit(ops.GE, [atom, Const(target.smallest, INT)])[0]]
    if target.largest <= INT64.largest:
        fits.append(trace.emit(ops.LE, [atom, Const(target.largest, INT)])[0])
    for holds in fits:
        trace.emit(CHECK, [holds], attrs={"error": "OverflowError", "message": message})


def numeric_operands(rep: Rep, left: object, right: object) -> tuple[Atom, Atom] | None:
    """Two operands, one of which is `rep`, as numbers; None where the other is none."""
    trace = rep.trace
    rep.require_trace(trace)
    type_ = scalar_type(rep.atom)
    if is_maybe(left) or is_maybe(right):
        return None
    atoms = [trace.try_lift(_plain_operand(each, type_)) for each in (left, right)]
    if atoms[0] is None or atoms[1] is None:
        return None
    if not isinstance(atoms[0].type, ScalarType) or not isinstance(atoms[1].type, ScalarType):
        return None
    return atoms[0], atoms[1]


def _plain_operand(value: object, type_: ScalarType) -> object:
    """A plain int, of any size, as what it is beside a float."""
    return float(value) if type_.is_float and type(value) is int else value


def fixed_width_constant(value: object, type_: ScalarType) -> Const | None:
    """A plain int beside a fixed-width integer, as NumPy takes it; None for anything else.

    Raises OverflowError where it does not fit.
    """
    if type(value) is not int or type_.python or not type_.is_integer:
        return None
    if not _is_in_range(value, type_):
        raise OverflowError(f"Python integer {value} out of bounds for {type_}")
    return Const(value, type_)


def scalar_type(atom: Atom) -> ScalarType:
    """The type of an atom that is a number."""
    assert isinstance(atom.type, ScalarType)
    return atom.type


# They know nothing of staged values: Python's own message would show the user a name of ours.
_PLAIN_TYPES = (str, bytes, bytearray, list, tuple, dict, set, frozenset, complex)


def other_operand(rep: Rep, spelling: str, left: object, right: object) -> object:
    """What to do with an operand that is no number: leave it to the operand, if it may know."""
    other = right if left is rep else left
    if is_maybe(other):
        return NotImplemented
    if other is None:
        names = maybe.python_name(left), maybe.python_name(right)
        always_raise(rep.trace, "TypeError", maybe.unsupported_operands(spelling, *names))
    if type(other) is int:
        rep.trace.lift(other)  # says that it does not fit
    if spelling == "*" and type(other) is str:
        return rep.trace.wrap(rep.trace.lift(other)) * rep
    if spelling == "*" and isinstance(other, list) and type(other) is not list:
        return NotImplemented  # a list of a traced function repeats itself
    is_container = isinstance(getattr(getattr(other, "atom", None), "type", None), ContainerType)
    if isinstance(other, _PLAIN_TYPES) or (is_container and spelling != "*"):
        refuse_operands(spelling, left, right)
    return NotImplemented


def refuse_operands(spelling: str, left: object, right: object) -> NoReturn:
    """The error of operands that an operation does not take."""
    raise StagedTypeError(
        f"unsupported operands for {spelling}: {_named(left)} and {_named(right)}",
        loc=caller_loc(),
        hint="staged arithmetic takes numbers",
    )


def _named(value: object) -> str:
    atom = getattr(value, "atom", None)
    return describe_static(value) if atom is None else f"a staged {atom.type}"


def refuse_operation(name: str, type_: Type) -> NoReturn:
    """The error of an operation on numbers that staged code does not have."""
    raise NotSupportedYetError(
        f"`{name}` of a staged {type_} is not supported yet",
        loc=caller_loc(),
        hint="write it with the operators, the functions of math, and abs, min, max, round, int, float, bool",
    )
