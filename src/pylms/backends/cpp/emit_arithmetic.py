"""C++ for arithmetic on numbers: Python's tests before, the result as an expression (DESIGN D7).

Elementwise operations on arrays never come here: legalisation puts them into loop nests over numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from ...ir import python_errors as errors
from ...ir.node import Atom, Const, Node
from ...ir.ops import arithmetic as ops
from ...ir.types import FLOAT, INT, ScalarType
from .emit_rules import emit_rules
from .emitter import Emitter
from .formulas import NUMBERS_HEADER, REPEATS_OPERANDS, converted, formula, natural_division, selection
from .literals import Binding, Expression, number_type

_OVERFLOW_BUILTINS = {ops.ADD: "add", ops.SUB: "sub", ops.MUL: "mul"}
_SMALLEST = "(-9223372036854775807ll - 1)"


@emit_rules.define(
    ops.MINIMUM,
    ops.MAXIMUM,
    *ops.COMPARISONS,
    *ops.LOGICAL,
    ops.TANH,
    ops.SIGMOID,
    ops.FLOOR,
    ops.CEIL,
)
def _emit_formula(emitter: Emitter, node: Node) -> None:
    """What raises nothing on any type."""
    type_ = number_type(node.args[0].type)
    if node.primitive in REPEATS_OPERANDS:
        for arg in node.args:
            emitter.settle(arg)
    result = formula(emitter, node.primitive, type_, [emitter.operand(arg) for arg in node.args])
    emitter.define_pure(node.results[0], result.text, result.binding)


@emit_rules.define(ops.SELECT)
def _emit_select(emitter: Emitter, node: Node) -> None:
    condition, left, right = (emitter.operand(arg) for arg in node.args)
    is_bool = number_type(node.results[0].type).kind == "bool"
    chosen = selection(condition, left, right, is_bool=is_bool)
    emitter.define_pure(node.results[0], chosen.text, chosen.binding)


@emit_rules.define(ops.ADD, ops.SUB, ops.MUL)
def _emit_sum_or_product(emitter: Emitter, node: Node) -> None:
    if not _is_checked(emitter, node, INT):
        _emit_formula(emitter, node)
        return
    left, right = (emitter.inline(arg) for arg in node.args)
    _emit_overflow_test(emitter, node, f"__builtin_{_OVERFLOW_BUILTINS[node.primitive]}_overflow({left}, {right}, &")


@emit_rules.define(ops.NEG)
def _emit_negation(emitter: Emitter, node: Node) -> None:
    if not _is_checked(emitter, node, INT):
        _emit_formula(emitter, node)
        return
    _emit_overflow_test(emitter, node, f"__builtin_sub_overflow(0, {emitter.inline(node.args[0])}, &")


@emit_rules.define(ops.ABS)
def _emit_absolute(emitter: Emitter, node: Node) -> None:
    if _is_checked(emitter, node, INT):
        failure = emitter.fail("OverflowError", errors.integer_overflow(node.primitive), node.loc)
        emitter.line(f"if ({emitter.expression(node.args[0])} == {_SMALLEST}) {failure}")
    _emit_formula(emitter, node)


def _emit_overflow_test(emitter: Emitter, node: Node, call: str) -> None:
    """`call` is open at the address of the result, and true where that does not fit."""
    (result,) = node.results
    name = emitter.declare(result)
    failure = emitter.fail("OverflowError", errors.integer_overflow(node.primitive), node.loc)
    emitter.line(f"if ({call}{name})) {failure}")


@emit_rules.define(ops.TRUEDIV)
def _emit_division(emitter: Emitter, node: Node) -> None:
    if _is_checked(emitter, node, FLOAT):
        _emit_zero_test(emitter, node, errors.FLOAT_DIVISION_BY_ZERO)
    _emit_formula(emitter, node)


@emit_rules.define(ops.FLOORDIV, ops.MOD)
def _emit_rounding_division(emitter: Emitter, node: Node) -> None:
    dividend, divisor = node.args
    is_quotient = node.primitive is ops.FLOORDIV
    if _is_checked(emitter, node, INT):
        _emit_zero_test(emitter, node, errors.INT_FLOORDIV_BY_ZERO if is_quotient else errors.INT_MOD_BY_ZERO)
        if is_quotient and not _is_known(divisor, lambda value: value != -1):
            failure = emitter.fail("OverflowError", errors.integer_overflow(node.primitive), node.loc)
            left, right = emitter.expression(dividend), emitter.expression(divisor)
            emitter.line(f"if ({left} == {_SMALLEST} && {right} == -1) {failure}")
    if _is_checked(emitter, node, FLOAT):
        _emit_zero_test(emitter, node, errors.FLOAT_FLOORDIV_BY_ZERO if is_quotient else errors.FLOAT_MOD_BY_ZERO)
    # Without checks, what makes the divisor positive may not have been tested.
    if ops.NATURAL in node.attrs and (emitter.checks or isinstance(divisor, Const)):
        result = natural_division(node.primitive, [emitter.operand(arg) for arg in node.args])
        emitter.define_pure(node.results[0], result.text, result.binding)
        return
    _emit_formula(emitter, node)


def _emit_zero_test(emitter: Emitter, node: Node, message: str) -> None:
    divisor = node.args[1]
    if not _is_known(divisor, lambda value: value != 0):
        emitter.line(f"if ({emitter.expression(divisor)} == 0) {emitter.fail('ZeroDivisionError', message, node.loc)}")


@emit_rules.define(ops.POW)
def _emit_power(emitter: Emitter, node: Node) -> None:
    if _is_checked(emitter, node, INT):
        _emit_integer_power(emitter, node)
    elif _is_checked(emitter, node, FLOAT):
        _emit_float_power(emitter, node)
    else:
        _emit_formula(emitter, node)


def _emit_integer_power(emitter: Emitter, node: Node) -> None:
    base, exponent = (emitter.expression(arg) for arg in node.args)
    if not _is_known(node.args[1], lambda value: value >= 0):
        emitter.line(f"if ({exponent} < 0) {emitter.fail('ValueError', errors.NEGATIVE_INT_POWER, node.loc)}")
    emitter.include(NUMBERS_HEADER)
    _emit_overflow_test(emitter, node, f"pylms::power_overflows({base}, {exponent}, &")


def _emit_float_power(emitter: Emitter, node: Node) -> None:
    """Python's cases; where it raises nothing it gives what the C library gives."""
    base, exponent = node.args
    x, y = (emitter.expression(arg) for arg in node.args)
    exponent_is_finite = _Part(f"__builtin_isfinite({y})", exponent, math.isfinite)
    _emit_failure(
        emitter,
        [
            _Part(f"{x} == 0", base, lambda value: value == 0),
            _Part(f"{y} < 0", exponent, lambda value: value < 0),
            exponent_is_finite,
        ],
        partial(emitter.fail, "ZeroDivisionError", errors.ZERO_TO_NEGATIVE_POWER, node.loc),
    )
    _emit_failure(
        emitter,
        [
            _Part(f"{x} < 0", base, lambda value: value < 0),
            _Part(f"__builtin_isfinite({x})", base, math.isfinite),
            exponent_is_finite,
            _Part(f"{y} != __builtin_floor({y})", exponent, lambda value: not float(value).is_integer()),
        ],
        partial(emitter.fail, "ValueError", errors.NEGATIVE_TO_FRACTION, node.loc),
    )
    _emit_formula_settled(emitter, node)
    (result,) = node.results
    _emit_failure(
        emitter,
        [
            _Part(f"__builtin_isinf({emitter.name_of(result)})", result, math.isinf),
            _Part(f"__builtin_isfinite({x})", base, lambda value: math.isfinite(value) and abs(value) != 1),
            exponent_is_finite,
        ],
        partial(emitter.fail, "OverflowError", errors.FLOAT_POWER_OVERFLOW, node.loc),
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """One part of a condition: its C++ text, and what it says of an operand."""

    text: str
    operand: Atom
    holds: Callable[[float], bool]


def _emit_failure(emitter: Emitter, parts: Sequence[_Part], failure: Callable[[], str]) -> None:
    """Leave with an error if all parts hold, those about constants being decided here."""
    known = [part for part in parts if isinstance(part.operand, Const)]
    if all(part.holds(part.operand.value) for part in known if isinstance(part.operand, Const)):
        test = " && ".join(part.text for part in parts if part not in known) or "true"
        emitter.line(f"if ({test}) {failure()}")


def _emit_formula_settled(emitter: Emitter, node: Node) -> None:
    """The result, to be tested: under its name at once."""
    type_ = number_type(node.args[0].type)
    emitter.define(
        node.results[0], formula(emitter, node.primitive, type_, [emitter.operand(arg) for arg in node.args]).text
    )


@emit_rules.define(ops.EXP)
def _emit_exponential(emitter: Emitter, node: Node) -> None:
    if not _is_checked(emitter, node, FLOAT):
        _emit_formula(emitter, node)
        return
    operand = emitter.expression(node.args[0])
    _emit_formula_settled(emitter, node)
    failure = emitter.fail("OverflowError", errors.MATH_RANGE, node.loc)
    result = emitter.name_of(node.results[0])
    emitter.line(f"if (__builtin_isinf({result}) && __builtin_isfinite({operand})) {failure}")


@emit_rules.define(ops.LOG, ops.SQRT, ops.SIN, ops.COS, ops.TAN)
def _emit_partial_function(emitter: Emitter, node: Node) -> None:
    if _is_checked(emitter, node, FLOAT):
        operand = emitter.expression(node.args[0])
        outside = {ops.LOG: f"{operand} <= 0", ops.SQRT: f"{operand} < 0"}
        test = outside.get(node.primitive, f"__builtin_isinf({operand})")
        emitter.line(f"if ({test}) {emitter.fail('ValueError', errors.MATH_DOMAIN, node.loc)}")
    _emit_formula(emitter, node)


@emit_rules.define(ops.CONVERT)
def _emit_conversion(emitter: Emitter, node: Node) -> None:
    (arg,), (result,) = node.args, node.results
    source, target = number_type(arg.type), number_type(result.type)
    if source.is_float and target == INT and emitter.checks:
        _emit_truncation_test(emitter, node)
    if source.is_float and target.kind == "int":
        emitter.include(NUMBERS_HEADER)
        operand = Expression(f"pylms::truncated({emitter.expression(arg)})", Binding.POSTFIX)
        text = converted(operand, INT, target)
    else:
        text = converted(emitter.operand(arg), source, target)
    emitter.define_pure(result, text.text, text.binding)


def _emit_truncation_test(emitter: Emitter, node: Node) -> None:
    operand = emitter.expression(node.args[0])
    not_a_number = emitter.error_number("ValueError", errors.NAN_TO_INT, node.loc)
    infinite = emitter.error_number("OverflowError", errors.INFINITY_TO_INT, node.loc)
    too_large = emitter.error_number("OverflowError", errors.FLOAT_TO_INT_OVERFLOW, node.loc)
    emitter.declaration_line(f"if (!({operand} >= -0x1p63 && {operand} < 0x1p63))")
    status = f"{operand} != {operand} ? {not_a_number} : __builtin_isinf({operand}) ? {infinite} : {too_large}"
    emitter.line(f"  {emitter.leave(status)}")


def _is_checked(emitter: Emitter, node: Node, type_: ScalarType) -> bool:
    """Whether the operands are Python's numbers of that type, and Python's errors are wanted and possible."""
    return emitter.checks and node.args[0].type == type_ and not ops.is_unchecked(node)


def _is_known(atom: Atom, test: Callable[[float], bool]) -> bool:
    """Whether an operand is a constant that passes the test."""
    return isinstance(atom, Const) and test(atom.value)
