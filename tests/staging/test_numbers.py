"""Arithmetic on numbers under the law, at the values where Python, NumPy and C++ differ if they do."""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pytest

from pylms import stage
from tests.harness.law import check_law
from tests.property.checked_python import checked_program
from tests.virtualize.sources import define

INTS = (0, 1, -1, 2, 7, -5, 63, 64, 2**31, 2**53 + 1, -(2**53) - 1, 2**62, 2**63 - 1, -(2**63))
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 1e16, 2.0**53, 2.0**63, -(2.0**63), 1e308, 5e-324)
FLOATS += (math.inf, -math.inf, math.nan)


def check_expression(expression: str, *columns, within_64_bits=True):
    """The law for an expression of `a`, `b`, ... whose values are all combinations of the columns'."""
    names = "abc"[: len(columns)]
    source = f"def program({', '.join(names)}):\n    return {expression}\n"
    program = define(source, "program", f"<{expression}>", math=math, np=np)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_law(
            program, *itertools.product(*columns), reference=checked_program(source) if within_64_bits else program
        )


@pytest.mark.parametrize("expression", ["a & b", "a | b", "a ^ b", "a >> b", "a << b", "a & 12 | b", "(a ^ b) >> 3"])
def test_bit_operations_on_ints(expression):
    check_expression(expression, INTS, INTS)


@pytest.mark.parametrize("expression", ["~a", "a << 3", "a << 62", "a << 64", "a >> 70", "1 << a", "-1 << a", "a >> 1"])
def test_bit_operations_with_a_known_operand(expression):
    check_expression(expression, INTS)


@pytest.mark.parametrize("expression", ["a & b", "a | b", "a ^ b", "~a", "a << b", "a >> 1", "a & 3", "5 ^ a"])
def test_bit_operations_on_bools(expression):
    check_expression(expression, (False, True), (False, True))


def test_bit_operations_on_bools_and_ints():
    check_expression("(a & b) + (b | a) + (a ^ 7)", (False, True), INTS)


def edges(kind):
    info = np.iinfo(kind)
    return [kind(v) for v in sorted({info.min, info.min + 1, 0, 1, 3, 7, 8, info.bits - 1, info.max - 1, info.max})]


INTEGERS = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]


@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("expression", ["a & b", "a ^ b", "~a | b", "a << b", "a >> b", "a << 3", "a >> 9", "a + 7"])
def test_bit_operations_on_numpy_integers(kind, expression):
    check_expression(expression, edges(kind), edges(kind))


@pytest.mark.parametrize("pair", [(np.int8, np.uint8), (np.uint32, np.int64), (np.uint16, np.int8)])
def test_bit_operations_on_two_widths(pair):
    check_expression("(a & b) ^ (a | b)", edges(pair[0]), edges(pair[1]))


@pytest.mark.parametrize("expression", ["a / b", "a / 3", "1 / a", "a / 2**62"])
def test_ints_divide_exactly(expression):
    more = (3, 10**18 + 1, 9007199254740993, -9007199254740995, 6148914691236517205)
    check_expression(expression, INTS + more, INTS + more)


RELATIONS = ("<", "<=", ">", ">=", "==", "!=")


@pytest.mark.parametrize("relation", RELATIONS)
def test_ints_and_floats_compare_exactly(relation):
    floats = (*FLOATS, 2.0**53 + 2, -(2.0**53) - 2, 2.0**62, 9.3e18, -9.3e18)
    check_expression(f"a {relation} b", INTS, floats)
    check_expression(f"b {relation} a", INTS, floats)


@pytest.mark.parametrize("relation", RELATIONS)
def test_comparisons_with_known_numbers_are_exact(relation):
    for known in ("2.5", "3.0", "2.0**53", "1e19", "-1e19", "float('nan')", "-0.0"):
        check_expression(f"a {relation} {known}", INTS)
    for known in ("2**53 + 1", "-(2**53) - 1", "10**30", "10**400", "-10**400", "3"):
        check_expression(f"a {relation} {known}", FLOATS, within_64_bits=False)
        check_expression(f"{known} {relation} a", INTS, within_64_bits=False)


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("pair", [(np.uint64, np.int64), (np.int8, np.uint8), (np.uint8, np.int32)])
def test_numpy_integers_compare_exactly(relation, pair):
    check_expression(f"a {relation} b", edges(pair[0]), edges(pair[1]))
    check_expression(f"a {relation} 300", edges(pair[0]))
    check_expression(f"-1 {relation} a", edges(pair[0]))


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64, np.uint64])
@pytest.mark.parametrize("operator", ["+", "-", "*", "//", "%", "/", "**", "&", "<"])
def test_python_ints_adapt_to_numpy_integers(kind, operator):
    check_expression(f"a {operator} b", edges(kind), (0, 1, 3, 100))
    check_expression(f"b {operator} a", edges(kind)[:6], (0, 1, 3, 100))


@pytest.mark.parametrize("operator", ["+", "//", "&"])
def test_python_ints_that_do_not_fit_overflow(operator):
    for known in ("300", "-1"):
        program = define(f"def program(a):\n    return a {operator} {known}\n", "program", f"<{operator} {known}>")
        for function in (program, stage(program)):
            with pytest.raises(OverflowError, match=f"Python integer {eval(known)} out of bounds for uint8"):
                function(np.uint8(3))
    check_expression(f"a {operator} b", edges(np.uint8), (300, -1, 5))
    check_expression("(a * 0x9E3779B97F4A7C15) >> 29", edges(np.uint64))


@pytest.mark.parametrize("expression", ["a ** b", "a ** 2", "a ** 3", "2 ** a"])
def test_powers_of_numpy_numbers(expression):
    check_expression(expression, edges(np.int8), edges(np.int8))


@pytest.mark.parametrize("expression", ["a % b", "a // b", "a % 1.0", "divmod(a, b)[1]", "-a % b", "a - b * (a // b)"])
def test_float_remainders(expression):
    check_expression(expression, FLOATS, FLOATS)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("operator", ["+", "-", "*", "/", "//", "%", "<", "=="])
def test_numpy_floats_and_python_numbers(kind, operator):
    with np.errstate(all="ignore"):
        floats = [kind(value) for value in FLOATS]
    check_expression(f"a {operator} b", floats, FLOATS)
    check_expression(f"b {operator} a", floats, (0, 3, -7))
