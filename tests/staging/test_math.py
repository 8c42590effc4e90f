"""The functions of `math` and the builtins on numbers, under the law."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from pylms import stage
from tests.harness.law import check_law
from tests.staging.test_numbers import FLOATS, INTS, check_expression

UNARY = ("sqrt", "exp", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh")
UNARY += ("expm1", "log", "log2", "log10", "log1p", "fabs", "erf", "erfc", "degrees", "radians")
UNARY += tuple(name for name in ("exp2", "cbrt") if hasattr(math, name))
ROUNDING = ("floor", "ceil", "trunc", "isnan", "isinf", "isfinite", "modf")
MANY = (*FLOATS, 0.1, -0.7, 0.999, 2.5, 3.5, -3.5, 0.5000001, 710.0, -745.2, 1e-9, 4.5e15, -4503599627370497.5)


@pytest.mark.parametrize("name", UNARY + ROUNDING)
def test_functions_of_one_float(name):
    check_expression(f"math.{name}(a)", MANY, within_64_bits=name != "modf")


@pytest.mark.parametrize("name", ["atan2", "hypot", "copysign", "fmod", "remainder", "pow", "isclose"])
def test_functions_of_two_floats(name):
    check_expression(f"math.{name}(a, b)", MANY, MANY)


@pytest.mark.parametrize("name", ["sqrt", "log", "floor", "ceil", "exp", "isnan", "fabs", "degrees"])
def test_functions_of_ints_and_numpy_numbers(name):
    check_expression(f"math.{name}(a)", INTS)
    check_expression(f"math.{name}(a)", [np.float32(value) for value in (0.1, -2.5, 3.0, math.inf)])
    check_expression(f"math.{name}(a)", [np.float64(value) for value in (0.1, -2.5, 3.0, math.nan)])
    check_expression(f"math.{name}(a)", [np.int32(value) for value in (0, 5, -7)])


@pytest.mark.parametrize("expression", ["math.log(a, 2)", "math.log(a, b)", "math.log(8, a)", "math.hypot(3, a)"])
def test_logarithms_of_a_base(expression):
    check_expression(expression, (8.0, 1.0, 0.0, -1.0, math.inf, math.nan), (2.0, 1.0, 10.0, 0.5))


@pytest.mark.parametrize("name", ["isqrt"])
def test_functions_of_one_int(name):
    squares = tuple(root * root + delta for root in (3037000499, 94906265, 2**26, 2**31 - 1) for delta in (-1, 0, 1))
    check_expression(f"math.{name}(a)", INTS + squares)


@pytest.mark.parametrize("name", ["gcd", "lcm"])
def test_functions_of_two_ints(name):
    values = (*INTS[:-1], 12, -18, 3**20, 2**40)
    check_expression(f"math.{name}(a, b)", values, values)
    check_expression(f"math.{name}(a, 12, 18)", values)


def test_a_divisor_that_64_bits_do_not_hold():
    check_expression("math.gcd(a, b)", (0, -(2**63)), (0, -(2**63)))


@pytest.mark.parametrize("expression", ["pow(a, b, 7)", "pow(a, b, -7)", "pow(2, a, b)", "pow(a, -1, b)"])
def test_modular_powers(expression):
    check_expression(expression, INTS, (0, 1, 2, 3, -3, 10, 2**62, 2**63 - 1, -(2**63)))


@pytest.mark.parametrize("expression", ["round(a)", "round(a) + 1", "int(a)", "bool(a)", "abs(a)", "a.is_integer()"])
def test_rounding(expression):
    check_expression(expression, (*MANY, 1.5, 0.49999999999999994, 2**52 + 0.5, 4503599627370495.5))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("expression", ["round(a)", "round(a, 1)", "round(a, -1)", "round(a, 0)", "int(a)", "float(a)"])
def test_rounding_of_numpy_floats(kind, expression):
    check_expression(expression, [kind(value) for value in (0.25, -2.5, 2.675, 1e6, 15.0, 25.0, -0.1)])


@pytest.mark.parametrize("expression", ["round(a)", "round(a, 2)", "int(a)", "float(a)", "bool(a)", "abs(a)", "+a"])
def test_conversions_of_numpy_integers(expression):
    for kind in (np.int8, np.uint8, np.int64):
        check_expression(expression, [kind(value) for value in (0, 1, 100)] + [np.iinfo(kind).min + kind(0)])


def test_a_large_uint64_is_no_int():
    check_expression("int(a)", [np.uint64(value) for value in (0, 2**63 - 1, 2**63, 2**64 - 1)])


@pytest.mark.parametrize(
    "expression",
    [
        "min(a, b, c)",
        "max(a, b, c)",
        "min((a, b, c))",
        "max([a, b, c], key=lambda x: -x)",
        "min((a, b, c), key=abs, default=0)",
        "max(a * x for x in (1, 2, 3))",
        "sum((a, b, c))",
        "sum((a, b, c), 1)",
        "sum([a, b], start=c)",
        "sum(x * a for x in range(3))",
        "any(x > a for x in (1, 2, 3))",
        "all([a, b, c])",
        "divmod(a, b)[0] + divmod(a, b)[1]",
        "math.prod((a, b, c))",
        "max(a, 3)",
    ],
)
def test_builtins_on_several_numbers(expression):
    values = (0, 1, -1, 5, 2**20)
    check_expression(expression, values, values, (0, 3, -(2**21)))
    if "divmod" not in expression:
        check_expression(expression.replace("max(a, 3)", "max(a, 3.0)"), (0.0, 2.5, -1.0), (1.0, -3.5), (0.5, math.nan))


@pytest.mark.parametrize("expression", ["a.bit_length()", "a.bit_count()", "a.real + a.imag", "a.conjugate()"])
def test_methods_of_ints(expression):
    check_expression(expression, INTS)


def called_back(n, x):
    return math.factorial(n), math.comb(n, 3), math.gamma(x), math.frexp(x), math.ldexp(x, n), math.fsum((x, 1e100, x))


def test_functions_that_are_called_back():
    staged = stage(called_back)
    for n, x in itertools.product((0, 5, 20), (0.5, 3.25)):
        assert staged(n, x) == called_back(n, x)
    with pytest.raises(ValueError, match="factorial"):
        staged(-1, 0.5)
    with pytest.raises(OverflowError):
        staged(21, 0.5)


def test_math_on_tuples():
    def distance(x, y):
        return math.dist((x, y), (1.0, 2.0))

    check_law(distance, (0.1, 0.2), (3.0, -4.0))
