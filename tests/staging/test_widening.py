"""Variables and branches that meet a Python number first and a NumPy number then: the Python number adapts (D2)."""

import math

import numpy as np
import pytest

from pylms import stage
from pylms.errors import StagedTypeError
from tests.harness.law import check_law


def total(x, n):
    s = 0.0
    count = 0
    for i in range(n):
        s += x
        count = count + x
    return s, count


def side(x, y):
    if x > 0:
        r = 0.0
    else:
        r = x
    z = 0 if x > 0 else x
    return r + x, z + x, (y if x > 1 else x)


def early(x):
    if x < 0:
        return 0.0 * x
    return x


def after_a_branch(x, n, c):
    s = 0.0
    if c:
        s = 1.0
    p = (0, 0.0)
    for i in range(n):
        s = s + x
        p = (i, p[1] + x)
    return s, p[0], p[1]


def literal_inside(x, n):
    best = x
    for i in range(n):
        if best > 10:
            best = 0.0
        best = best * 2 + x
    return best


def from_math(x, n):
    best = x
    for i in range(n):
        best = math.sqrt(2.0) * x
    return best


def twice(x, n):
    s = 0
    for i in range(n):
        s = s + 1
        s = s + 0.5
        s = s + x
    return s


def in_while(x, n):
    s, k = 0.0, 0
    while k < n and s < 100:
        s, k = s * 2 + x, k + 1
    return s, k


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int32, np.uint8])
def test_a_literal_takes_the_type_it_meets_in_a_loop(kind):
    check_law(total, (kind(3), 4), (kind(0), 1), (kind(7), 2))


@pytest.mark.parametrize("function", [literal_inside, from_math, twice, in_while])
def test_variables_of_loops_widen(function):
    check_law(function, (np.float64(1.5), 3), (np.float64(-0.25), 1), (np.float64(math.inf), 2))


def test_a_variable_that_an_earlier_branch_assigned_widens():
    check_law(after_a_branch, (np.float64(1.5), 3, True), (np.float64(-1.5), 1, False))


def test_python_floats_of_the_run_become_float64():
    staged = stage(total)
    assert staged(np.float64(2), 0) == (0.0, 0.0)
    assert [type(each) for each in staged(np.float64(2), 2)] == [np.float64, np.float64]


def test_the_sides_of_a_branch_widen():
    check_law(early, (np.float64(2.5),), (np.float64(-2.5),))
    staged = stage(side)
    for x in (2.5, 0.5, -2.5):
        assert staged(np.float64(x), 7.5) == side(np.float64(x), 7.5)


def too_large(x, n):
    s = 300
    for i in range(n):
        s = x
    return s


def two_widths(x, y, n):
    s = 0
    for i in range(n):
        s = s + x
        s = s + y
    return s


def test_what_does_not_fit_is_an_error():
    with pytest.raises(StagedTypeError, match="`s` is int before the loop, uint8 after"):
        stage(too_large)(np.uint8(1), 2)
    with pytest.raises(StagedTypeError, match="`s` is int8 before the loop, int32 after"):
        stage(two_widths)(np.int8(1), np.int32(1), 2)


def largest(values):
    best = -math.inf
    for value in values:
        best = max(best, value)
    return best


def rows(starts):
    count = 0
    for i in range(starts[0], starts[1]):
        count += i
    return count


def test_loops_over_arrays_widen_what_they_begin_with():
    for kind in (np.float32, np.float64):
        values = np.array([1.5, -2.0, 7.25], kind)
        found = stage(largest)(values)
        assert found == 7.25 and type(found) is kind
    assert stage(rows)(np.array([2, 5], np.int32)) == 9
