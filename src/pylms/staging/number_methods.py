"""The methods and attributes that Python's and NumPy's numbers have, on staged ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NoReturn

from ..errors import StagedTypeError
from ..ir.node import Atom, Const
from ..ir.ops import arithmetic as ops
from ..ir.ops import integers
from ..ir.types import BOOL, FLOAT, FLOAT64, INT, INT64, SCALAR_TYPES, ScalarType
from ..loc import caller_loc
from .numpy_scalars import numpy_type, to_numpy_type
from .promotion import convert, scalar_type

if TYPE_CHECKING:
    from .rep import Rep


def bit_length(rep: Rep) -> object:
    """`n.bit_length()`: Python's ints have it, NumPy's do not."""
    if not scalar_type(rep.atom).python or scalar_type(rep.atom).is_float:
        refuse_attribute(rep, "bit_length")
    return rep.trace.wrap(rep.trace.emit(integers.BIT_LENGTH, [_without_bool(rep)])[0])


def bit_count(rep: Rep) -> object:
    """`n.bit_count()`, of any integer."""
    if scalar_type(rep.atom).is_float:
        refuse_attribute(rep, "bit_count")
    return rep.trace.wrap(rep.trace.emit(integers.BIT_COUNT, [_without_bool(rep)])[0])


def is_integer(rep: Rep) -> object:
    """`x.is_integer()`: whether it is finite and whole."""
    type_ = scalar_type(rep.atom)
    if not type_.is_float:
        return True
    trace = rep.trace
    (size,) = trace.emit(ops.ABS, [convert(trace, rep.atom, FLOAT)])
    (finite,) = trace.emit(ops.LT, [size, Const(math.inf, FLOAT)])
    (below,) = trace.emit(ops.FLOOR, [size])
    (whole,) = trace.emit(ops.EQ, [below, size])
    return trace.wrap(trace.emit(ops.LOGICAL_AND, [finite, whole])[0])


def real(rep: Rep) -> object:
    """`x.real`: the number itself; of a bool, the int it is."""
    return rep.trace.wrap(_without_bool(rep))


def imaginary(rep: Rep) -> object:
    """`x.imag`: zero of the number's type."""
    type_ = scalar_type(_without_bool(rep))
    return rep.trace.wrap(Const(0.0 if type_.is_float else 0, type_))


def numerator(rep: Rep) -> object:
    """`n.numerator`: an int is its own."""
    if scalar_type(rep.atom).is_float:
        refuse_attribute(rep, "numerator")
    return real(rep)


def denominator(rep: Rep) -> object:
    """`n.denominator`: of an int, one."""
    if scalar_type(rep.atom).is_float:
        refuse_attribute(rep, "denominator")
    return rep.trace.wrap(Const(1, scalar_type(_without_bool(rep))))


def item(rep: Rep) -> object:
    """`x.item()`: a NumPy number as Python's."""
    type_ = scalar_type(rep.atom)
    if type_.python:
        refuse_attribute(rep, "item")
    return rep.trace.wrap(convert(rep.trace, rep.atom, FLOAT if type_.is_float else INT))


def as_type(rep: Rep, dtype: object) -> object:
    """`x.astype(np.float32)`: a NumPy number as another type, as C converts."""
    if scalar_type(rep.atom).python:
        refuse_attribute(rep, "astype")
    target = _OF_PYTHON.get(dtype) or numpy_type(dtype) or SCALAR_TYPES.get(str(getattr(dtype, "name", dtype)))
    if target is None or (target.python and target != BOOL):
        raise StagedTypeError(
            f"a staged number cannot become a {dtype}", loc=caller_loc(), hint="pass a NumPy type such as np.float64"
        )
    return rep.trace.wrap(to_numpy_type(rep.trace, rep.atom, target))


_OF_PYTHON: dict[object, ScalarType] = {int: INT64, float: FLOAT64, bool: BOOL}


def refuse_attribute(rep: Rep, name: str) -> NoReturn:
    """The error of a method or attribute that numbers of this type do not have, or that cannot be staged."""
    raise StagedTypeError(
        f"a staged {rep.atom.type} has no `{name}`",
        loc=caller_loc(),
        hint="convert it first (int(x), float(x)), or compute what you need with operators and math",
    )


def _without_bool(rep: Rep) -> Atom:
    type_: ScalarType = scalar_type(rep.atom)
    return convert(rep.trace, rep.atom, INT if type_ == BOOL else type_)
