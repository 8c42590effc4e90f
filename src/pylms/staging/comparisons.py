"""Comparisons of staged numbers, exact as Python's and NumPy's: no int is rounded to a float on the way.

What a comparison with a number that is known while staging gives may be known at once: then it is a plain bool.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..ir.node import Atom, Const
from ..ir.ops import arithmetic as ops
from ..ir.ops import integers
from ..ir.primitive import Primitive
from ..ir.types import BOOL, FLOAT, INT, UINT64
from ..late import late_module
from .promotion import arithmetic_type, convert, numeric_operands, scalar_type
from .raising import always_raise
from .values import is_maybe

if TYPE_CHECKING:
    from . import maybe
    from .context import Trace
    from .rep import Rep
else:
    maybe = late_module("pylms.staging.maybe")

_MIRRORED = {ops.EQ: ops.EQ, ops.NE: ops.NE, ops.LT: ops.GT, ops.LE: ops.GE, ops.GT: ops.LT, ops.GE: ops.LE}
_WITH_FLOAT = {
    ops.EQ: integers.INT_EQ_FLOAT,
    ops.NE: integers.INT_NE_FLOAT,
    ops.LT: integers.INT_LT_FLOAT,
    ops.LE: integers.INT_LE_FLOAT,
    ops.GT: integers.INT_GT_FLOAT,
    ops.GE: integers.INT_GE_FLOAT,
}
_EQUALITY = (ops.EQ, ops.NE)
_ABOVE = {ops.EQ: False, ops.NE: True, ops.LT: True, ops.LE: True, ops.GT: False, ops.GE: False}
"""What a comparison gives whose right side is larger."""


def comparison(rep: Rep, primitive: Primitive, other: object) -> object:
    """`rep op other`; NotImplemented for what is no number: then == and != are known now as in Python."""
    if type(other) is int:
        return _with_plain_int(rep, primitive, other)
    if type(other) is float and scalar_type(rep.atom).is_integer and scalar_type(rep.atom).python:
        rep.require_trace(rep.trace)
        return _with_plain_float(rep, primitive, other)
    if other is None or is_maybe(other):
        return _with_none(rep, primitive, other)
    alike = rep.trace.alike(rep.atom.type, rep, other)
    if alike is not None:
        return rep.trace.number(primitive, alike)
    operands = numeric_operands(rep, rep, other)
    if operands is None:
        return NotImplemented
    result = compared(rep.trace, primitive, *operands)
    return result.value if isinstance(result, Const) else rep.trace.wrap(result)


def _with_none(rep: Rep, primitive: Primitive, other: object) -> object:
    if primitive in _EQUALITY:
        return NotImplemented  # what may be None knows; None is equal to no number
    if is_maybe(other):
        return maybe.ordered(rep, primitive.spelling, other)
    names = maybe.python_name(rep), maybe.python_name(other)
    always_raise(rep.trace, "TypeError", maybe.not_ordered(primitive.spelling, *names))


def compared(trace: Trace, primitive: Primitive, left: Atom, right: Atom) -> Atom:
    """The truth of `left op right`, two numbers."""
    types = scalar_type(left), scalar_type(right)
    if types == (INT, FLOAT):
        return trace.emit(_WITH_FLOAT[primitive], [left, right])[0]
    if types == (FLOAT, INT):
        return trace.emit(_WITH_FLOAT[_MIRRORED[primitive]], [right, left])[0]
    target = arithmetic_type(*types)
    if all(not type_.is_float for type_ in types):
        if UINT64 in types and types[0] != types[1]:
            return _with_uint64(trace, primitive, left, right)
        target = types[0] if types[0] == types[1] else INT
    return trace.emit(primitive, [convert(trace, atom, target) for atom in (left, right)])[0]


def _with_uint64(trace: Trace, primitive: Primitive, left: Atom, right: Atom) -> Atom:
    """What is below zero is below any uint64; what is not, is one."""
    if left.type != UINT64:
        return _with_uint64(trace, _MIRRORED[primitive], right, left)
    small = convert(trace, right, INT)
    (is_negative,) = trace.emit(ops.LT, [small, Const(0, INT)])
    (result,) = trace.emit(primitive, [left, convert(trace, small, UINT64)])
    return trace.emit(ops.SELECT, [is_negative, Const(_known(primitive, other_is_larger=False), BOOL), result])[0]


def _known(primitive: Primitive, *, other_is_larger: bool) -> bool:
    return _ABOVE[primitive] if other_is_larger else _ABOVE[_MIRRORED[primitive]]


def _with_plain_int(rep: Rep, primitive: Primitive, other: int) -> object:
    """An int of any size, beside the type that `rep` has."""
    rep.require_trace(rep.trace)
    type_ = scalar_type(rep.atom)
    if type_ == FLOAT:
        return _float_with_plain_int(rep, primitive, other)
    if type_.is_float:
        return _emit(rep, primitive, Const(float(other), type_))
    wide = type_ if type_ == UINT64 else INT
    if not wide.smallest <= other <= wide.largest:
        return _known(primitive, other_is_larger=other > 0)
    atom = convert(rep.trace, rep.atom, wide)
    return rep.trace.number(primitive, [atom, Const(other, wide)])


def _float_with_plain_int(rep: Rep, primitive: Primitive, other: int) -> object:
    """An int that is no float lies between two of them: the nearest one, and on which side, decides."""
    try:
        nearest = float(other)
    except OverflowError:
        nearest = math.inf if other > 0 else -math.inf
    if nearest != other:
        if primitive in _EQUALITY:
            return primitive is ops.NE
        with_nearest = (ops.LE, ops.GT) if nearest < other else (ops.LT, ops.GE)
        primitive = with_nearest[primitive in (ops.GT, ops.GE)]
    return _emit(rep, primitive, Const(nearest, FLOAT))


def _with_plain_float(rep: Rep, primitive: Primitive, other: float) -> object:
    """The same question about an int: the next whole number on the side that counts."""
    if math.isnan(other):
        return primitive is ops.NE
    if math.isinf(other):
        return _known(primitive, other_is_larger=other > 0)
    if primitive in _EQUALITY and not other.is_integer():
        return primitive is ops.NE
    whole = math.ceil(other) if primitive in (ops.LT, ops.GE) else math.floor(other)
    return _with_plain_int(rep, primitive, whole)


def _emit(rep: Rep, primitive: Primitive, constant: Const) -> object:
    return rep.trace.number(primitive, [rep.atom, constant])
