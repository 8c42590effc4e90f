"""`grad` of functions that call themselves: direct, mutual and captured recursion, with loops within, to any order."""

from __future__ import annotations

import math

import pytest

from pylms import grad, lms, rep_fun, stage, value_and_grad
from tests.ad.test_grad import slope

DEPTHS = (0, 1, 2, 5)


@lms
def power(x, n):
    if n == 0:
        return 1.0
    return x * power(x, n - 1)


@lms
def two_ways(x, n):
    if n < 2:
        return x + n
    return math.sin(two_ways(x, n - 1)) * x + two_ways(x, n - 2)


@lms
def even(x, n):
    if n == 0:
        return x
    return odd(x, n - 1) * 1.1


@lms
def odd(x, n):
    if n == 0:
        return x * x
    s = 0.0
    for i in range(n):
        s += math.cos(even(x, n - 1) + i)
    return s * x


@lms
def captured(x, n):
    """The variable is not passed but captured, and an accumulator is assigned."""
    total = 0.0

    def go(k):
        nonlocal total
        total += x * k
        if k == 0:
            return x
        return go(k - 1) * x + total

    return go(n)


@lms
def pairs(x, n):
    """Several results and parameters, of which some do not vary."""

    def go(a, k, label):
        if k <= 0:
            return a, 1.0, label
        b, c, other = go(a * x, k - 1, label + 1)
        return b + c * k, c * a, other

    a, b, label = go(x, n, n)
    return a * b + label


@pytest.mark.parametrize("function", [power, two_ways, even, captured, pairs])
def test_derivatives(function):
    gradient, second = stage(value_and_grad(function)), stage(grad(grad(function)))
    for n in DEPTHS:
        value, found = gradient(0.7, n)
        assert value == function(0.7, n)
        assert found == pytest.approx(slope(function, 0.7, n), rel=1e-7, abs=1e-7)
        assert second(0.7, n) == pytest.approx(slope(lambda x: gradient(x, n)[1], 0.7), rel=1e-6, abs=1e-6)


def test_third_derivative():
    third = grad(grad(grad(power)))
    for n in DEPTHS:
        assert third(2.0, n) == pytest.approx(n * (n - 1) * (n - 2) * 2.0 ** (n - 3))


def test_a_native_function_that_takes_derivatives_itself():
    @rep_fun
    def curvature(x, n):
        return grad(grad(lambda y: power(y, n)))(x)

    @lms
    def through(x, n):
        return curvature(x, n) * x

    for n in DEPTHS:
        assert stage(through)(2.0, n) == pytest.approx(n * (n - 1) * 2.0 ** (n - 1))
        assert grad(through)(2.0, n) == pytest.approx(n * (n - 1) * (n - 1) * 2.0 ** (n - 2))


def test_deep_recursion_grows_the_tape():
    assert grad(power)(1.0, 5000) == pytest.approx(5000)
