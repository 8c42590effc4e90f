"""C++ expressions for operations on numbers that raise nothing: pure text out of the operands' text.

On Python's numbers these are only the results; `emit_arithmetic` writes the tests for Python's errors before them.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import InternalError
from ...ir.ops import arithmetic as ops
from ...ir.primitive import Primitive
from ...ir.types import FLOAT, ScalarType
from .emitter import Emitter
from .literals import Binding, Expression, scalar_c_type

NUMBERS_HEADER = "python_numbers.h"

_INFIX = {
    ops.ADD: ("+", Binding.ADDITIVE),
    ops.SUB: ("-", Binding.ADDITIVE),
    ops.MUL: ("*", Binding.MULTIPLICATIVE),
    ops.TRUEDIV: ("/", Binding.MULTIPLICATIVE),
}
_RELATIONS = {
    ops.EQ: ("==", Binding.EQUALITY),
    ops.NE: ("!=", Binding.EQUALITY),
    ops.LT: ("<", Binding.RELATIONAL),
    ops.LE: ("<=", Binding.RELATIONAL),
    ops.GT: (">", Binding.RELATIONAL),
    ops.GE: (">=", Binding.RELATIONAL),
}
_CONNECTIVES = {ops.LOGICAL_AND: ("&&", Binding.AND), ops.LOGICAL_OR: ("||", Binding.OR)}
_ROUNDING = {ops.FLOORDIV: "floor_divide", ops.MOD: "modulo"}
_LIBRARY = {
    ops.EXP: "exp",
    ops.LOG: "log",
    ops.SQRT: "sqrt",
    ops.SIN: "sin",
    ops.COS: "cos",
    ops.TAN: "tan",
    ops.TANH: "tanh",
    ops.FLOOR: "floor",
    ops.CEIL: "ceil",
}

# These write an operand more than once, so it must be a name or a literal.
REPEATS_OPERANDS = frozenset({ops.MINIMUM, ops.MAXIMUM, ops.ABS})


def formula(emitter: Emitter, primitive: Primitive, type_: ScalarType, operands: Sequence[Expression]) -> Expression:
    """The result of an arithmetic primitive, `convert` and `select` excepted, on operands of one type."""
    if primitive in _RELATIONS:
        sign, binding = _RELATIONS[primitive]
        left, right = (operand.within(Binding.ADDITIVE) for operand in operands)
        return Expression(f"{left} {sign} {right}", binding)
    if primitive in _CONNECTIVES:
        return _connective(primitive, operands)
    if primitive is ops.LOGICAL_NOT:
        return negated(operands[0])
    if primitive in (ops.MINIMUM, ops.MAXIMUM):
        return _extreme(primitive, type_, operands)
    if type_.is_float:
        return _float_formula(emitter, primitive, type_, operands)
    return _integer_formula(emitter, primitive, type_, operands)


def _connective(primitive: Primitive, operands: Sequence[Expression]) -> Expression:
    sign, binding = _CONNECTIVES[primitive]
    left, right = (_within_connective(operand, binding) for operand in operands)
    return Expression(f"{left} {sign} {right}", binding)


def _within_connective(operand: Expression, binding: Binding) -> str:
    """`&&` inside `||`, and the other way about, in parentheses for the reader."""
    other = Binding.AND if binding is Binding.OR else Binding.OR
    return f"({operand.text})" if operand.binding is other else operand.within(binding)


def _infix(primitive: Primitive, operands: Sequence[Expression]) -> Expression:
    """Python's grouping is kept: an equally binding operand on the right is in parentheses."""
    sign, binding = _INFIX[primitive]
    left, right = operands
    return Expression(f"{left.within(binding)} {sign} {right.within(Binding(binding + 1))}", binding)


def _extreme(primitive: Primitive, type_: ScalarType, operands: Sequence[Expression]) -> Expression:
    left, right = (operand.within(Binding.POSTFIX) for operand in operands)
    test = f"{left} {'<' if primitive is ops.MINIMUM else '>'} {right}"
    if type_.is_float:
        test = f"{test} || {left} != {left}"
    return Expression(f"{test} ? {left} : {right}", Binding.CONDITIONAL)


def _call(function: str, operands: Sequence[Expression]) -> Expression:
    return Expression(f"{function}({', '.join(operand.text for operand in operands)})", Binding.POSTFIX)


def _float_formula(
    emitter: Emitter, primitive: Primitive, type_: ScalarType, operands: Sequence[Expression]
) -> Expression:
    suffix, one = ("f", "1.0f") if type_.bits == 32 else ("", "1.0")
    if primitive in _INFIX:
        result = _infix(primitive, operands)
        if primitive is ops.MUL and type_ == FLOAT and emitter.has_tensors:
            emitter.include(NUMBERS_HEADER)
            return _call("pylms::rounded", [result])
        return result
    if primitive in _LIBRARY:
        return _call(f"__builtin_{_LIBRARY[primitive]}{suffix}", operands)
    if primitive in _ROUNDING:
        emitter.include(NUMBERS_HEADER)
        return _call(f"pylms::{_ROUNDING[primitive]}<{scalar_c_type(type_)}>", operands)
    if primitive is ops.NEG:
        return Expression(f"-{operands[0].within(Binding.POSTFIX)}", Binding.UNARY)
    if primitive is ops.ABS:
        return _call(f"__builtin_fabs{suffix}", operands)
    if primitive is ops.POW:
        return _call(f"__builtin_pow{suffix}", operands)
    if primitive is ops.SIGMOID:
        negated = f"-{operands[0].within(Binding.POSTFIX)}"
        return Expression(f"{one} / ({one} + __builtin_exp{suffix}({negated}))", Binding.MULTIPLICATIVE)
    raise InternalError(f"`{primitive}` is not an operation on {type_}", loc=emitter.loc)


def _integer_formula(
    emitter: Emitter, primitive: Primitive, type_: ScalarType, operands: Sequence[Expression]
) -> Expression:
    """Wraps; C++ computes what is narrower than int as int, so that is brought back to its width."""
    spelled = scalar_c_type(type_)
    if primitive in _ROUNDING or primitive is ops.POW:
        emitter.include(NUMBERS_HEADER)
        return _call(f"pylms::{_ROUNDING.get(primitive, 'power')}<{spelled}>", operands)
    if primitive in _INFIX and primitive is not ops.TRUEDIV:
        result = _infix(primitive, operands)
    elif primitive is ops.NEG:
        result = Expression(f"-{operands[0].within(Binding.POSTFIX)}", Binding.UNARY)
    elif primitive is ops.ABS:
        if type_.kind == "uint":
            return operands[0]
        name = operands[0].within(Binding.POSTFIX)
        result = Expression(f"{name} < 0 ? -{name} : {name}", Binding.CONDITIONAL)
    else:
        raise InternalError(f"`{primitive}` is not an operation on {type_}", loc=emitter.loc)
    if type_.kind == "int":
        emitter.require_flag("-fwrapv")
    return result if type_.bits >= 32 else Expression(f"({spelled})({result.text})", Binding.UNARY)


def natural_division(primitive: Primitive, operands: Sequence[Expression]) -> Expression:
    """Quotient or remainder of 64-bit ints that are not negative: without signs, division by constants is a shift."""
    sign = "/" if primitive is ops.FLOORDIV else "%"
    dividend, divisor = (operand.within(Binding.UNARY) for operand in operands)
    # A small literal takes the type of the other side.
    divisor = divisor if divisor.isdigit() else f"(unsigned long long){divisor}"
    return Expression(f"(long long)((unsigned long long){dividend} {sign} {divisor})", Binding.UNARY)


def selection(condition: Expression, left: Expression, right: Expression, *, is_bool: bool) -> Expression:
    """One of two values; of two conditions, one of which is known, a connective."""
    if is_bool and "false" in (left.text, right.text):
        known = left.text == "false"
        return _connective(ops.LOGICAL_AND, [negated(condition) if known else condition, right if known else left])
    if is_bool and "true" in (left.text, right.text):
        known = left.text == "true"
        return _connective(ops.LOGICAL_OR, [condition if known else negated(condition), right if known else left])
    alternatives = f"{left.within(Binding.OR)} : {right.within(Binding.CONDITIONAL)}"
    return Expression(f"{condition.within(Binding.OR)} ? {alternatives}", Binding.CONDITIONAL)


def negated(condition: Expression) -> Expression:
    """The opposite of a condition."""
    return Expression(f"!{condition.within(Binding.UNARY)}", Binding.UNARY)


def converted(operand: Expression, source: ScalarType, target: ScalarType) -> Expression:
    """A number as another type, without Python's tests."""
    spelled = scalar_c_type(target)
    if spelled == scalar_c_type(source):
        return operand
    if target.kind == "bool":
        return Expression(f"{operand.within(Binding.ADDITIVE)} != 0", Binding.EQUALITY)

    return Expression(f"({spelled}){operand.within(Binding.UNARY)}", Binding.UNARY)
