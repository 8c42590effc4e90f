"""The builtins that work on numbers (`round`, `min`, `max`, `pow`, `divmod`, `sum`, `any`, `all`) on staged ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from ...errors import StagedTypeError
from ...ir.node import Atom, Const
from ...ir.ops import arithmetic as ops
from ...ir.ops import elementary, integers
from ...ir.primitive import Primitive
from ...ir.types import BOOL, FLOAT, FLOAT32, INT, ScalarType
from ...late import late_module
from ...loc import caller_loc
from ..comparisons import compared
from ..context import Trace
from ..fitting import as_widened
from ..promotion import convert, scalar_type
from ..rep import Rep
from ..truth import truth
from ..values import is_maybe
from ..widening import widens
from .boolean import run_and, run_or
from .math_functions import as_int, through_python

if TYPE_CHECKING:
    from .. import maybe
else:
    maybe = late_module("pylms.staging.maybe")

Handler = Callable[..., object]


def _round(trace: Trace, number: object, ndigits: object = None) -> object:
    """Half to even. To decimal places Python rounds as nothing else does, and is called back; NumPy scales."""
    atom = trace.lift(number)
    type_ = scalar_type(atom)
    if not type_.is_float:
        return _round_integer(trace, atom, type_, ndigits)
    if ndigits is None:
        return trace.wrap(convert(trace, trace.emit(elementary.RINT, [atom])[0], INT))
    if type_ == FLOAT:
        return through_python(trace, round, [atom, as_int(trace, ndigits, "round")], FLOAT)[0]
    if type(ndigits) is not int:
        raise StagedTypeError(
            "rounding a NumPy float to a number of digits that depends on the run is not supported",
            loc=caller_loc(),
            hint="round a Python float: round(float(x), n)",
        )
    return scaled_rounding(trace, atom, ndigits)


def scaled_rounding(trace: Trace, atom: Atom, digits: int) -> object:
    """A float of fixed width to decimal places, as NumPy computes it."""
    type_ = scalar_type(atom)
    scale = Const(10.0 ** abs(digits), type_)
    forth, back = (ops.MUL, ops.TRUEDIV) if digits >= 0 else (ops.TRUEDIV, ops.MUL)
    (scaled,) = trace.emit(forth, [atom, scale])
    (whole,) = trace.emit(elementary.RINT, [scaled])
    return trace.wrap(trace.emit(back, [whole, scale])[0])


def _round_integer(trace: Trace, atom: Atom, type_: ScalarType, digits: object) -> object:
    if digits is None or type_.python:
        atom = convert(trace, atom, INT)
    if digits is None or (type(digits) is int and digits >= 0):
        return trace.wrap(atom)
    if not type_.python:
        raise StagedTypeError(
            f"rounding a {type_} to tens or hundreds is not supported", loc=caller_loc(), hint="round int(x)"
        )
    return through_python(trace, round, [atom, as_int(trace, digits, "round")], INT)[0]


def _extreme(
    primitive: Primitive,
    trace: Trace,
    *args: object,
    key: Callable[[object], object] | None = None,
    default: object = None,
) -> object:
    """`min` or `max` as Python has them: the first extreme one; comparisons with NaN are false.

    Without items something is staged, as in every call that comes here: the default.
    """
    items = list(cast(Iterable[object], args[0])) if len(args) == 1 else list(args)
    if not items:
        return default
    best, *others = items
    if key is None:
        for item in others:
            best = _better_of(primitive, trace, item, best)
        return best
    best_key = key(best)
    for item in others:
        item_key = key(item)
        better = item_key < best_key if primitive is ops.LT else item_key > best_key  # type: ignore[operator]
        best = _chosen(trace, better, item, best)
        best_key = _chosen(trace, better, item_key, best_key)
    return best


def _better_of(primitive: Primitive, trace: Trace, candidate: object, best: object) -> object:
    is_number = isinstance(candidate, Rep) or isinstance(best, Rep)
    if not is_number or is_maybe(candidate) or is_maybe(best):
        return _chosen(trace, maybe.ordered(candidate, primitive.spelling, best), candidate, best)
    left, right = trace.lift(candidate), trace.lift(best)
    return _chosen(trace, trace.wrap(compared(trace, primitive, left, right)), candidate, best)


def _chosen(trace: Trace, condition: object, left: object, right: object) -> object:
    """`left if condition else right`, of two values that are known already."""
    test = truth(trace, condition)
    if isinstance(test, Const):
        return left if test.value else right
    if isinstance(left, tuple) and isinstance(right, tuple) and len(left) == len(right):
        return tuple(_chosen(trace, condition, a, b) for a, b in zip(left, right, strict=True))
    chosen, other = trace.lift(left), trace.lift(right)
    if FLOAT32 in (chosen.type, other.type) and FLOAT in (chosen.type, other.type):
        # As wherever else they meet; a variable that begins as a literal is then traced again as float32.
        chosen, other = convert(trace, chosen, FLOAT32), convert(trace, other, FLOAT32)
    if widens(chosen, other.type):
        chosen = as_widened(trace, chosen, other.type)
    elif widens(other, chosen.type):
        other = as_widened(trace, other, chosen.type)
    else:
        raise StagedTypeError(
            f"min and max of a staged {chosen.type} and a staged {other.type}: which it gives depends on the run",
            loc=caller_loc(),
            hint="convert one of them: float(x), int(x)",
        )
    return trace.wrap(trace.emit(ops.SELECT, [test, chosen, other])[0])


def _pow(trace: Trace, base: object, exp: object, mod: object = None) -> object:
    if mod is None:
        return base**exp  # type: ignore[operator]
    atoms = [trace.lift(value) for value in (base, exp, mod)]
    if not all(atom.type in (INT, BOOL) for atom in atoms):
        raise StagedTypeError(
            "pow() with a modulus takes Python ints",
            loc=caller_loc(),
            hint="convert them: pow(int(a), int(b), int(m))",
        )
    numbers = [convert(trace, atom, INT) for atom in atoms]
    return trace.wrap(trace.emit(integers.MODULAR_POWER, numbers)[0])


def _sum(_trace: Trace, items: Iterable[object], start: object = 0) -> object:
    for item in items:
        start = start + item  # type: ignore[operator]
    return start


def _divmod(_trace: Trace, left: object, right: object) -> object:
    return divmod(left, right)  # type: ignore[operator]


def _abs(_trace: Trace, value: object) -> object:
    return abs(value)  # type: ignore[arg-type]


def _any(trace: Trace, items: Iterable[object]) -> object:
    return run_or(False, *[partial(lambda item: trace.wrap(truth(trace, item)), item) for item in items])


def _all(trace: Trace, items: Iterable[object]) -> object:
    return run_and(True, *[partial(lambda item: trace.wrap(truth(trace, item)), item) for item in items])


NUMBER_BUILTINS: dict[object, Handler] = {
    abs: _abs,
    round: _round,
    min: partial(_extreme, ops.LT),
    max: partial(_extreme, ops.GT),
    pow: _pow,
    divmod: _divmod,
    sum: _sum,
    any: _any,
    all: _all,
}
"""From builtins to what they are on staged numbers."""

TAKE_ITERABLES = frozenset({min, max, sum, any, all, math.prod, math.fsum})
"""Those whose only argument may be anything to iterate over."""


def as_sequence(trace: Trace, function: Callable[..., object], items: object) -> object:
    """What a generator gives, all at once, so that one can see whether staged values are among it.

    `any` and `all` stop early: an error where what they would not have come to may fail when the code runs.
    """
    if not isinstance(items, Iterator):
        return items
    scope = trace.builder.scope
    before = len(scope.nodes)
    found: list[object] = []
    for item in items:
        found.append(item)
        if function in (any, all) and not trace.is_staged(item) and bool(item) == (function is any):
            break
    may_fail = any(not node.effect.is_pure for node in scope.nodes[before:])
    if function in (any, all) and may_fail and len(found) > 1:
        raise StagedTypeError(
            f"{function.__name__}() stops early, and what comes later here may raise an error, or print",
            loc=caller_loc(),
            hint="write a loop that breaks, or an `and` or `or` of the conditions",
        )
    return tuple(found)
