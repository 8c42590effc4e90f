"""C++ for what only integers have: bit operations, shifts, exact quotients and comparisons, number theory."""

from __future__ import annotations

from ...ir import python_errors as errors
from ...ir.node import Const, Node
from ...ir.ops import integers as ops
from ...ir.ops.arithmetic import is_unchecked
from ...ir.types import INT
from .emit_rules import emit_rules
from .emitter import Emitter
from .literals import Binding, number_type, scalar_c_type

INTEGERS_HEADER = "integers.h"


@emit_rules.define(ops.BIT_AND, ops.BIT_OR, ops.BIT_XOR)
def _emit_bitwise(emitter: Emitter, node: Node) -> None:
    """Operands of integer promotion stay within their type."""
    left, right = (emitter.inline(arg, Binding.UNARY) for arg in node.args)
    emitter.define_pure(node.results[0], f"{left} {node.primitive.spelling} {right}", Binding.OR)


@emit_rules.define(ops.INVERT)
def _emit_inversion(emitter: Emitter, node: Node) -> None:
    text = f"~{emitter.inline(node.args[0], Binding.UNARY)}"
    type_ = number_type(node.args[0].type)
    narrow = type_.bits < 32 and type_.kind == "uint"
    emitter.define_pure(node.results[0], f"({scalar_c_type(type_)}){text}" if narrow else text, Binding.UNARY)


@emit_rules.define(ops.SHIFT_LEFT)
def _emit_left_shift(emitter: Emitter, node: Node) -> None:
    if node.args[0].type != INT or not emitter.checks or is_unchecked(node):
        _emit_shift_in_width(emitter, node, "shift_left")
        return
    emitter.include(INTEGERS_HEADER)
    _emit_count_test(emitter, node)
    left, count = (emitter.expression(arg) for arg in node.args)
    name = emitter.declare(node.results[0])
    failure = emitter.fail("OverflowError", errors.integer_overflow(node.primitive), node.loc)
    emitter.line(f"if (pylms::shift_overflows({left}, {count}, &{name})) {failure}")


@emit_rules.define(ops.SHIFT_RIGHT)
def _emit_right_shift(emitter: Emitter, node: Node) -> None:
    value, count = node.args
    if node.args[0].type == INT and emitter.checks:
        _emit_count_test(emitter, node)
    if isinstance(count, Const) and 0 <= count.value < number_type(value.type).bits:
        text = f"{emitter.operand(value).within(Binding.UNARY)} >> {count.value}"
        emitter.define_pure(node.results[0], text, Binding.RELATIONAL)
    else:
        _emit_shift_in_width(emitter, node, "shift_right")


def _emit_shift_in_width(emitter: Emitter, node: Node, function: str) -> None:
    """NumPy's; on Python's ints this is what is right where the checks have passed, or are not wanted."""
    emitter.include(INTEGERS_HEADER)
    spelled = scalar_c_type(number_type(node.args[0].type))
    operands = ", ".join(emitter.expression(arg) for arg in node.args)
    emitter.define_pure(node.results[0], f"pylms::{function}<{spelled}>({operands})", Binding.POSTFIX)


def _emit_count_test(emitter: Emitter, node: Node) -> None:
    count = node.args[1]
    if not ops.is_known_count(count):
        failure = emitter.fail("ValueError", errors.NEGATIVE_SHIFT, node.loc)
        emitter.line(f"if ({emitter.expression(count)} < 0) {failure}")


@emit_rules.define(ops.BIT_LENGTH, ops.BIT_COUNT)
def _emit_bits(emitter: Emitter, node: Node) -> None:
    """Of the number without its sign."""
    emitter.include(INTEGERS_HEADER)
    wide = "long long" if number_type(node.args[0].type).kind == "int" else "unsigned long long"
    text = f"pylms::{node.primitive.name}(pylms::magnitude(({wide}){emitter.expression(node.args[0])}))"
    emitter.define_pure(node.results[0], text, Binding.POSTFIX)


@emit_rules.define(ops.INT_TRUEDIV)
def _emit_quotient(emitter: Emitter, node: Node) -> None:
    emitter.include(INTEGERS_HEADER)
    left, right = (emitter.expression(arg) for arg in node.args)
    if emitter.checks and not (isinstance(node.args[1], Const) and node.args[1].value != 0):
        failure = emitter.fail("ZeroDivisionError", errors.INT_DIVISION_BY_ZERO, node.loc)
        emitter.line(f"if ({right} == 0) {failure}")
    emitter.define_pure(node.results[0], f"pylms::true_quotient({left}, {right})", Binding.POSTFIX)


@emit_rules.define(*ops.EXACT_COMPARISONS)
def _emit_comparison(emitter: Emitter, node: Node) -> None:
    emitter.include(INTEGERS_HEADER)
    left, right = (emitter.expression(arg) for arg in node.args)
    emitter.define_pure(node.results[0], f"pylms::{node.primitive.name}({left}, {right})", Binding.POSTFIX)


@emit_rules.define(ops.ISQRT)
def _emit_root(emitter: Emitter, node: Node) -> None:
    emitter.include(INTEGERS_HEADER)
    operand = emitter.expression(node.args[0])
    if emitter.checks:
        emitter.line(f"if ({operand} < 0) {emitter.fail('ValueError', errors.NEGATIVE_ROOT, node.loc)}")
    emitter.define_pure(node.results[0], f"pylms::integer_root({operand})", Binding.POSTFIX)


@emit_rules.define(ops.GCD)
def _emit_divisor(emitter: Emitter, node: Node) -> None:
    emitter.include(INTEGERS_HEADER)
    left, right = (emitter.expression(arg) for arg in node.args)
    name = emitter.declare(node.results[0])
    call = f"pylms::divisor_overflows({left}, {right}, &{name})"
    if emitter.checks:
        failure = emitter.fail("OverflowError", errors.integer_overflow(node.primitive), node.loc)
        emitter.line(f"if ({call}) {failure}")
    else:
        emitter.line(f"{call};")


@emit_rules.define(ops.MODULAR_POWER)
def _emit_modular_power(emitter: Emitter, node: Node) -> None:
    """Without checks what cannot be computed is zero."""
    emitter.include(INTEGERS_HEADER)
    base, exponent, modulus = (emitter.expression(arg) for arg in node.args)
    name = emitter.declare(node.results[0])
    call = f"pylms::has_no_modular_power({base}, {exponent}, {modulus}, &{name})"
    if emitter.checks:
        emitter.line(f"if ({modulus} == 0) {emitter.fail('ValueError', errors.ZERO_MODULUS, node.loc)}")
        emitter.line(f"if ({call}) {emitter.fail('ValueError', errors.NOT_INVERTIBLE, node.loc)}")
    else:
        emitter.line(f"if ({modulus} == 0 || {call}) {name} = 0;")
