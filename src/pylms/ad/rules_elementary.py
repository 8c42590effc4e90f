"""Derivatives of the further functions of `math`. What is constant almost everywhere (rounding) has none."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..ir.node import Atom, Node
from ..ir.ops import arithmetic as op
from ..ir.ops import elementary
from ..ir.primitive import Primitive
from .sweep import Sweep, derivative_rules

_Slope = Callable[[Sweep, Atom, Atom], Atom]


def _times(sweep: Sweep, atom: Atom, factor: float) -> Atom:
    return sweep.emit(op.MUL, atom, sweep.constant(atom.type, factor))


def _plus(sweep: Sweep, atom: Atom, offset: float) -> Atom:
    return sweep.emit(op.ADD, atom, sweep.constant(atom.type, offset))


def _over(sweep: Sweep, numerator: float, atom: Atom) -> Atom:
    return sweep.emit(op.TRUEDIV, sweep.constant(atom.type, numerator), atom)


def _square(sweep: Sweep, atom: Atom) -> Atom:
    return sweep.emit(op.MUL, atom, atom)


def _root_of_one_minus_square(sweep: Sweep, x: Atom) -> Atom:
    return sweep.emit(op.SQRT, _plus(sweep, _times(sweep, _square(sweep, x), -1), 1))


def _bell(sweep: Sweep, x: Atom, height: float) -> Atom:
    return _times(sweep, sweep.emit(op.EXP, sweep.emit(op.NEG, _square(sweep, x))), height)


# From the argument and the result.
_SLOPES: dict[Primitive, _Slope] = {
    elementary.ASIN: lambda s, x, _: _over(s, 1, _root_of_one_minus_square(s, x)),
    elementary.ACOS: lambda s, x, _: _over(s, -1, _root_of_one_minus_square(s, x)),
    elementary.ATAN: lambda s, x, _: _over(s, 1, _plus(s, _square(s, x), 1)),
    elementary.SINH: lambda s, x, _: s.emit(elementary.COSH, x),
    elementary.COSH: lambda s, x, _: s.emit(elementary.SINH, x),
    elementary.ASINH: lambda s, x, _: _over(s, 1, s.emit(op.SQRT, _plus(s, _square(s, x), 1))),
    elementary.ACOSH: lambda s, x, _: _over(s, 1, s.emit(op.SQRT, _plus(s, _square(s, x), -1))),
    elementary.ATANH: lambda s, x, _: _over(s, 1, _plus(s, _times(s, _square(s, x), -1), 1)),
    elementary.EXPM1: lambda s, _, result: _plus(s, result, 1),
    elementary.EXP2: lambda s, _, result: _times(s, result, math.log(2)),
    elementary.LOG1P: lambda s, x, _: _over(s, 1, _plus(s, x, 1)),
    elementary.LOG2: lambda s, x, _: _over(s, 1 / math.log(2), x),
    elementary.LOG10: lambda s, x, _: _over(s, 1 / math.log(10), x),
    elementary.CBRT: lambda s, _, result: _over(s, 1 / 3, _square(s, result)),
    elementary.ERF: lambda s, x, _: _bell(s, x, 2 / math.sqrt(math.pi)),
    elementary.ERFC: lambda s, x, _: _bell(s, x, -2 / math.sqrt(math.pi)),
}


def _unary_rule(slope: _Slope) -> Callable[[Sweep, Node], None]:
    def rule(sweep: Sweep, node: Node) -> None:
        (operand,), (result,) = node.args, node.results
        sweep.accumulate(operand, sweep.emit(op.MUL, sweep.adjoint(result), slope(sweep, operand, result)))

    return rule


for _primitive, _slope in _SLOPES.items():
    derivative_rules.define(_primitive)(_unary_rule(_slope))


def _accumulate_parts(sweep: Sweep, node: Node, left: Callable[[], Atom], right: Callable[[], Atom]) -> None:
    adjoint = sweep.adjoint(node.results[0])
    for operand, slope in zip(node.args, (left, right), strict=True):
        if sweep.wants(operand):
            sweep.accumulate(operand, sweep.emit(op.MUL, adjoint, slope()))


@derivative_rules.define(elementary.HYPOT)
def _hypot(sweep: Sweep, node: Node) -> None:
    x, y = node.args
    length = node.results[0]
    _accumulate_parts(sweep, node, lambda: sweep.emit(op.TRUEDIV, x, length), lambda: sweep.emit(op.TRUEDIV, y, length))


@derivative_rules.define(elementary.ATAN2)
def _atan2(sweep: Sweep, node: Node) -> None:
    y, x = node.args
    squares = sweep.emit(op.ADD, _square(sweep, x), _square(sweep, y))
    _accumulate_parts(
        sweep,
        node,
        lambda: sweep.emit(op.TRUEDIV, x, squares),
        lambda: sweep.emit(op.NEG, sweep.emit(op.TRUEDIV, y, squares)),
    )


@derivative_rules.define(elementary.COPYSIGN)
def _copysign(sweep: Sweep, node: Node) -> None:
    size, sign = node.args
    one = sweep.constant(size.type, 1)
    zero = sweep.constant(size.type, 0)
    _accumulate_parts(
        sweep,
        node,
        lambda: sweep.emit(
            op.MUL, sweep.emit(elementary.COPYSIGN, one, size), sweep.emit(elementary.COPYSIGN, one, sign)
        ),
        lambda: zero,
    )


@derivative_rules.define(elementary.FMOD, elementary.REMAINDER)
def _remainder(sweep: Sweep, node: Node) -> None:
    dividend, divisor = node.args
    rounding = elementary.TRUNC if node.primitive is elementary.FMOD else elementary.RINT

    def by_divisor() -> Atom:
        whole = sweep.emit(rounding, sweep.emit(op.TRUEDIV, dividend, divisor))
        return sweep.emit(op.NEG, whole)

    _accumulate_parts(sweep, node, lambda: sweep.constant(dividend.type, 1), by_divisor)


@derivative_rules.define(elementary.MATH_POW)
def _power(sweep: Sweep, node: Node) -> None:
    derivative_rules[op.POW](sweep, node)
