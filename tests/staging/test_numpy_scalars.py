"""NumPy's functions, types and promotion on staged numbers, against NumPy itself."""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pytest

from pylms import lms, stage
from pylms.errors import PylmsError
from pylms.staging.numpy_scalars import NUMPY_FUNCTIONS
from tests.staging.test_numbers import INTEGERS, check_expression, edges
from tests.virtualize.sources import define

FLOATS = (0.0, -0.0, 1.0, -2.5, 3.5, 0.3, 1e10, math.inf, -math.inf, math.nan)
WHOLE = ("floor", "ceil", "trunc", "absolute", "sign", "square", "negative", "positive", "isnan", "isinf")
WHOLE += ("isfinite", "logical_not")
REAL = (
    "rint",
    "sqrt",
    "exp",
    "log",
    "sin",
    "cos",
    "tan",
    "tanh",
    "arcsin",
    "arccos",
    "arctan",
    "sinh",
    "cosh",
    "arcsinh",
)
REAL += ("arcsinh", "arccosh", "arctanh", "expm1", "exp2", "log1p", "log2", "log10", "cbrt", "fabs", "deg2rad")
REAL += ("rad2deg", "radians", "degrees", "reciprocal", "signbit")
BINARY = ("add", "subtract", "multiply", "floor_divide", "remainder", "minimum", "maximum", "fmin", "fmax", "equal")
BINARY += ("not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_xor")
BITS = ("bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift")
OF_FLOATS = ("divide", "power", "arctan2", "hypot", "copysign", "fmod")


def staged_and_plain(expression, arity):
    names = ", ".join("abc"[:arity])
    program = define(f"def program({names}):\n    return {expression}\n", "program", f"<{expression}>", np=np)
    return stage(program), program


def agree(expression, *columns, places=4):
    """Staged and plain give one type, and values that differ in the last places at most."""
    staged, program = staged_and_plain(expression, len(columns))
    for arguments in itertools.product(*columns):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected, found = program(*arguments), staged(*arguments)
        if isinstance(expected, np.ndarray):
            expected = expected[()]
        if isinstance(expected, np.bool_):
            assert found == bool(expected), (expression, arguments)
            continue
        assert type(found) is type(expected), (expression, arguments, found, expected)
        if isinstance(expected, np.floating) and np.isfinite(expected):
            tolerance = places * np.spacing(np.abs(expected))
            assert np.isfinite(found) and abs(found - expected) <= tolerance, (expression, arguments, found, expected)
            same_sign = math.copysign(1, found) == math.copysign(1, expected)
            assert same_sign or "np.fm" in expression, (expression, arguments)  # NumPy's fmin takes either zero
        else:
            assert repr(found) == repr(expected), (expression, arguments)


@pytest.mark.parametrize("name", REAL + WHOLE)
@pytest.mark.parametrize("kind", [float, np.float32, np.float64])
def test_functions_of_one_float(name, kind):
    agree(f"np.{name}(a)", [kind(value) for value in FLOATS])


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("kind", [np.int8, np.uint16, np.int64])
def test_functions_of_one_integer(name, kind):
    agree(f"np.{name}(a)", edges(kind))


def test_functions_of_python_ints():
    for name in ("sqrt", "exp", "absolute", "square", "sign", "floor"):
        agree(f"np.{name}(a)", (0, 1, 5, 81))
    agree("np.sqrt(a)", [np.int16(4)])


@pytest.mark.parametrize("name", BINARY + OF_FLOATS)
@pytest.mark.parametrize("kind", [float, np.float32, np.float64])
def test_functions_of_two_floats(name, kind):
    agree(f"np.{name}(a, b)", [kind(value) for value in FLOATS], [kind(value) for value in FLOATS])


@pytest.mark.parametrize("name", BINARY + BITS + ("divide",))
@pytest.mark.parametrize("kind", [int, np.int8, np.uint8, np.int64])
def test_functions_of_two_integers(name, kind):
    values = (0, 1, 3, 7, 100) if kind in (int, np.uint8) else (0, 1, -1, -7, 100)
    agree(f"np.{name}(a, b)", [kind(value) for value in values], [kind(value) for value in values])


@pytest.mark.parametrize("name", ["add", "multiply", "maximum", "minimum", "logical_xor", "bitwise_and", "equal"])
def test_functions_of_bools(name):
    agree(f"np.{name}(a, b)", (False, True), (False, True))


@pytest.mark.parametrize(
    "expression",
    [
        "np.where(a > b, a, b)",
        "np.clip(a, b, c)",
        "np.minimum(np.maximum(a, b), c)",
        "np.add(a, 1)",
        "2.5 * np.sqrt(np.abs(a)) + b",
        "np.round(a, 1)",
        "np.round(a)",
        "np.float64(2) * a - np.float64(1) / np.abs(b) + np.int8(3)",
        "np.float64(3) < a",
    ],
)
def test_expressions(expression):
    values = (0.0, 1.0, -2.5, 3.45)
    arity = 3 if "c" in expression.replace("clip", "") else 2 if "b" in expression.replace("abs", "") else 1
    for kind in (float, np.float32, np.float64):
        agree(expression, *[[kind(value) for value in values]] * arity)


@pytest.mark.parametrize("target", ["int8", "uint8", "int32", "int64", "uint64", "float32", "float64"])
def test_conversions(target):
    """A Python int that does not fit overflows, NumPy's integers wrap."""
    check_expression(f"np.{target}(a)", (0, 1, -1, 127, 128, 255, 256, 2**31, 2**62 + 1, 2**63 - 1, -(2**63)))
    for kind in INTEGERS:
        check_expression(f"np.{target}(a)", edges(kind))
    check_expression(f"np.{target}(a)", (0.0, 1.5, 100.25))
    check_expression(f"np.{target}(a)", (False, True))


@pytest.mark.parametrize("expression", ["a + b", "a * b", "a / b", "a // b", "a < b", "a - b"])
def test_promotion_of_all_pairs_of_types(expression):
    """In one program for each first type: what `a op b` is for any second type."""
    kinds = [*INTEGERS, np.float32, np.float64]
    for first in kinds:
        source = f"def program(a, {', '.join(f'b{k}' for k in range(len(kinds)))}):\n    return "
        source += ", ".join(expression.replace("b", f"b{k}") for k in range(len(kinds))) + "\n"
        program = define(source, "program", f"<{expression} {first.__name__}>")
        arguments = [first(5), *[kind(3) for kind in kinds]]
        found, expected = stage(program)(*arguments), program(*arguments)
        for ours, theirs in zip(found, expected, strict=True):
            assert ours == theirs and (type(ours) is type(theirs) or isinstance(theirs, np.bool_))


def test_methods_of_numpy_numbers():
    for expression in ("a.astype(np.float32)", "a.astype('int8')", "a.astype(float)", "a.item()", "a.real", "a.imag"):
        check_expression(expression, [np.int16(value) for value in (0, 5, -300)])
        check_expression(expression, [np.float64(value) for value in (0.5, 3.0, -2.25)])
    for kind in INTEGERS:
        check_expression("a.bit_count()", edges(kind))


def test_names_from_imports_work():
    source = """
from math import sqrt, hypot as length
import math as m
from numpy import float64 as f8, maximum

def program(x):
    from math import floor
    import numpy as numbers
    return sqrt(x) + length(x, 2.0) + m.exp(x) + floor(x) + f8(x) + maximum(x, 1) + numbers.sqrt(x)
"""
    program = define(source, "program", "<imports>")
    assert stage(program)(2.25) == pytest.approx(program(2.25), rel=1e-15)
    assert "__call(sqrt, x)" in lms(program).src and "__call(m.exp, x)" in lms(program).src


def test_an_undecorated_helper_calls_numpy():
    def helper(x):
        return np.sqrt(x) + np.float64(1.5) * x

    assert stage(lambda_of(helper))(2.0) == helper(2.0)


def lambda_of(helper):
    def program(x):
        return helper(x)

    return program


def test_arrays_of_generation_time_hold_staged_numbers():
    weights = np.array([1.0, 2.0, 3.0])

    def program(x):
        if (weights > x)[1]:
            return (weights * x)[2] + (x - weights)[0]
        return weights[0] * x

    assert stage(program)(0.5) == program(0.5)


def test_what_is_not_there_is_a_located_error():
    for expression in ("np.unwrap([a, a])", "np.spacing(a)", "np.float16(a)", "np.sqrt(np.int8(a))"):
        staged, _ = staged_and_plain(expression, 1)
        with pytest.raises(PylmsError):
            staged(2.0)


def test_the_table_knows_functions_by_the_names_they_bear():
    assert [name for name in NUMPY_FUNCTIONS if getattr(np, name).__name__ != name and name != "where"] == []
