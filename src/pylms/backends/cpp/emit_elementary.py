"""C++ for the further functions of `math`: the C library's, Python's tests around them."""

from __future__ import annotations

from ...ir import python_errors as errors
from ...ir.node import Node
from ...ir.ops import elementary as ops
from ...ir.primitive import Primitive
from ...ir.types import FLOAT
from .emit_rules import emit_rules
from .emitter import Emitter
from .literals import Binding, number_type

_NAMES = {ops.MATH_POW: "pow"}

# Where a function is not defined, and where only an argument that is infinite may give an infinite result.
_OUTSIDE: dict[Primitive, str] = {
    ops.ASIN: "__builtin_fabs({x}) > 1",
    ops.ACOS: "__builtin_fabs({x}) > 1",
    ops.ACOSH: "{x} < 1",
    ops.ATANH: "__builtin_fabs({x}) >= 1",
    ops.LOG1P: "{x} <= -1",
    ops.LOG2: "{x} <= 0",
    ops.LOG10: "{x} <= 0",
}
_GROWING = frozenset({ops.SINH, ops.COSH, ops.EXPM1, ops.EXP2})


def _call(emitter: Emitter, node: Node) -> str:
    suffix = "f" if number_type(node.args[0].type).bits == 32 else ""
    operands = ", ".join(emitter.expression(arg) for arg in node.args)
    return f"__builtin_{_NAMES.get(node.primitive, node.primitive.name)}{suffix}({operands})"


def _is_checked(emitter: Emitter, node: Node) -> bool:
    return emitter.checks and node.args[0].type == FLOAT


@emit_rules.define(ops.HYPOT)
def _emit_length(emitter: Emitter, node: Node) -> None:
    """Python's rounds better than the C library's, which is NumPy's."""
    if node.args[0].type != FLOAT:
        _emit_function(emitter, node)
        return
    emitter.include("math_functions.h")
    operands = ", ".join(emitter.expression(arg) for arg in node.args)
    emitter.define_pure(node.results[0], f"pylms::hypot({operands})", Binding.POSTFIX)


@emit_rules.define(*(set(ops.UNARY) | {ops.ATAN2, ops.COPYSIGN}))
def _emit_function(emitter: Emitter, node: Node) -> None:
    if node.primitive in _OUTSIDE and _is_checked(emitter, node):
        test = _OUTSIDE[node.primitive].format(x=emitter.expression(node.args[0]))
        emitter.line(f"if ({test}) {emitter.fail('ValueError', errors.MATH_DOMAIN, node.loc)}")
    if node.primitive not in _GROWING or not _is_checked(emitter, node):
        emitter.define_pure(node.results[0], _call(emitter, node), Binding.POSTFIX)
        return
    emitter.define(node.results[0], _call(emitter, node))
    result, operand = emitter.name_of(node.results[0]), emitter.expression(node.args[0])
    failure = emitter.fail("OverflowError", errors.MATH_RANGE, node.loc)
    emitter.line(f"if (__builtin_isinf({result}) && __builtin_isfinite({operand})) {failure}")


@emit_rules.define(ops.FMOD, ops.REMAINDER)
def _emit_remainder(emitter: Emitter, node: Node) -> None:
    if not _is_checked(emitter, node):
        _emit_function(emitter, node)
        return
    emitter.define(node.results[0], _call(emitter, node))
    result = emitter.name_of(node.results[0])
    x, y = (emitter.expression(arg) for arg in node.args)
    failure = emitter.fail("ValueError", errors.MATH_DOMAIN, node.loc)
    emitter.line(f"if ({result} != {result} && {x} == {x} && {y} == {y}) {failure}")


@emit_rules.define(ops.MATH_POW)
def _emit_power(emitter: Emitter, node: Node) -> None:
    if not _is_checked(emitter, node):
        _emit_function(emitter, node)
        return
    emitter.define(node.results[0], _call(emitter, node))
    result = emitter.name_of(node.results[0])
    x, y = (emitter.expression(arg) for arg in node.args)
    domain = emitter.error_number("ValueError", errors.MATH_DOMAIN, node.loc)
    overflow = emitter.error_number("OverflowError", errors.MATH_RANGE, node.loc)
    emitter.declaration_line(
        f"if (!__builtin_isfinite({result}) && __builtin_isfinite({x}) && __builtin_isfinite({y}))"
    )
    emitter.line(f"  {emitter.leave(f'{result} != {result} || {x} == 0 ? {domain} : {overflow}')}")
