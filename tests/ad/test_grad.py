"""`grad` of functions of numbers: loops, branches, any order, and derivatives within derivatives."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pylms import grad, lms, stage, value_and_grad
from pylms.errors import ArgumentError, NotSupportedYetError, StagedTypeError

ROUNDS = (0, 1, 2, 5, 9)


def slope(function, x, *rest, step=1e-6):
    """The central finite difference."""
    return (function(x + step, *rest) - function(x - step, *rest)) / (2 * step)


@lms
def power(x, n):
    y = 1.0
    i = 0
    while i < n:
        y = y * x
        i += 1
    return y


@lms
def nested(x, n):
    s = 0.1
    for i in range(n):
        for j in range(i):
            if j % 2 == 0:
                s = s + math.sin(s) * x
            else:
                s += x * i
        if s > 100.0:
            break
    return s


@lms
def stepping(x, first, last, by):
    s = 1.0
    for i in range(first, last, by):
        s = s * x + i
    return s


@lms
def swapping(x, n):
    """Carried values that change places, one of them unused in the end."""
    a, b, c = x, 1.0, 2.0
    for _ in range(n):
        a, b, c = b * x, a + b, c * a
    return a + b


@lms
def until(x, n):
    """A break in a `while`, and a continue."""
    s, i = x, 0
    while i < n:
        i += 1
        if i % 3 == 0:
            continue
        s = s * 1.5 + math.cos(x)
        if s > 20.0:
            break
    return s * s


@pytest.mark.parametrize("function", [power, nested, swapping, until])
def test_loops(function):
    gradient = stage(value_and_grad(function))
    for n in ROUNDS:
        value, found = gradient(0.7, n)
        assert value == function(0.7, n)
        assert found == pytest.approx(slope(function, 0.7, n), rel=1e-7, abs=1e-7)


def test_ranges():
    gradient = stage(grad(stepping))
    for bounds in [
        (0, 5, 1),
        (5, 0, 1),
        (3, 9, 2),
        (3, 10, 2),
        (9, 2, -3),
        (9, 3, -3),
        (2, 2, 1),
        (-4, 4, 3),
        (2, 9, -1),
    ]:
        assert gradient(0.7, *bounds) == pytest.approx(slope(stepping, 0.7, *bounds), rel=1e-7, abs=1e-7)
    least = -(2**63)
    assert gradient(0.7, 0, least, 1) == 0.0
    assert gradient(0.7, least, least + 2, 1) == pytest.approx(1.4 + least)


def test_second_and_third_derivatives():
    second, third = stage(grad(grad(power))), stage(grad(grad(grad(power))))
    for n in ROUNDS:
        assert second(2.0, n) == pytest.approx(n * (n - 1) * 2.0 ** (n - 2))
        assert third(2.0, n) == pytest.approx(n * (n - 1) * (n - 2) * 2.0 ** (n - 3))
    first, second = stage(grad(nested)), stage(grad(grad(nested)))
    for n in (0, 3, 5):
        assert second(0.3, n) == pytest.approx(slope(first, 0.3, n), rel=1e-6, abs=1e-6)


def test_each_variable_is_one_of_its_own_derivative():
    """The perturbation of an outer derivative is not taken for that of an inner one."""

    @lms
    def constant_slope(x):
        return x * grad(lambda y: x + y)(1.0)

    @lms
    def same_value(x):
        return x * grad(lambda y: x * y)(x)

    @lms
    def through_both(x):
        return grad(lambda y: x * y * y)(x)

    assert grad(constant_slope)(3.0) == 1.0
    assert grad(same_value)(3.0) == 6.0
    assert grad(through_both)(3.0) == 12.0


def test_derivative_in_a_loop_of_staged_code():
    @stage
    def newton(x, n):
        for _ in range(n):
            value, derivative = value_and_grad(lambda y: power(y, 3) - 2.0)(x)
            x = x - value / derivative
        return x

    assert newton(1.0, 20) == pytest.approx(2 ** (1 / 3))


def test_gradients_by_several_arguments():
    @lms
    def weighted(x, y, k):
        for _ in range(k):
            x, y = x * y, y + 0.5
        return x

    by_x, by_y = grad(weighted, argnums=(0, 1))(2.0, 3.0, 3)
    assert by_x == pytest.approx(3 * 3.5 * 4)
    assert by_y == pytest.approx(2 * (3.5 * 4 + 3 * 4 + 3 * 3.5))
    assert grad(weighted, argnums=1)(2.0, 3.0, 3) == by_y
    by_pair = grad(lambda pair, k: weighted(pair[0], pair[1], k))((2.0, 3.0), 3)
    assert by_pair == (by_x, by_y)


def test_precision_is_that_of_the_argument():
    found = grad(power)(np.float32(1.1), 3)
    assert type(found) is np.float32
    assert found == pytest.approx(3.63, rel=1e-6)


def test_where_there_is_no_derivative_it_is_pytorchs():
    assert grad(lms(lambda x: abs(x)))(0.0) == 0.0
    assert grad(lms(lambda x: max(x, 0.0)))(0.0) == 1.0  # a branch, of which one side is taken
    assert grad(lms(lambda x: math.sqrt(x)))(0.0) == math.inf
    assert grad(lms(lambda x: x**2.0))(0.0) == 0.0


def test_arguments_without_derivatives():
    with pytest.raises(StagedTypeError, match="argument 0 of power is of type int, and has no derivatives"):
        grad(power)(3, 2)
    with pytest.raises(ArgumentError, match="argnums names argument 2, and power is called with 2"):
        grad(power, argnums=2)(3.0, 2)


def test_what_derivatives_do_not_go_through():
    @lms
    def through_a_list(x, n):
        values = [x]
        for i in range(n):
            values.append(values[i] * x)
        return values[n]

    @lms
    def through_python(x, n):
        return math.gamma(x) * n

    message = "the derivative of `list_get` is not defined\n.*return values\\[n\\]\n.*\nhelp: .*custom_gradient"
    with pytest.raises(NotSupportedYetError, match=message):
        grad(through_a_list)(1.5, 3)
    with pytest.raises(NotSupportedYetError, match="depends on the result of a call into Python"):
        grad(through_python)(1.5, 3)
    assert grad(lms(lambda x, n: x * math.gamma(n + 1.0)))(1.5, 3) == 6.0


def test_functions_of_math_and_methods():
    assert grad(math.sqrt)(4.0) == 0.25
    assert grad(math.sqrt)(0.0) == math.inf

    class Spring:
        stiffness = 3.0

        def energy(self, x):
            return self.stiffness * x * x / 2

    assert grad(Spring().energy)(2.0) == 6.0


def test_errors_and_prints_are_those_of_the_function(capsys):
    @lms
    def careful(x, n):
        if n > 3:
            raise ValueError("too many")
        for i in range(n):
            print("round", i, x)
            x = x * x
        return x / n

    with pytest.raises(ZeroDivisionError):
        grad(careful)(1.5, 0)
    with pytest.raises(ValueError, match="too many"):
        grad(careful)(1.5, 4)
    assert grad(careful)(1.5, 2) == pytest.approx(6.75)
    assert capsys.readouterr().out == "round 0 1.5\nround 1 2.25\n"


def test_a_result_without_a_gradient():
    @lms
    def pair(x):
        return x, x

    @lms
    def number(x):
        return int(x)

    with pytest.raises(StagedTypeError, match="pair gives a tuple, and only a floating-point number has a gradient"):
        grad(pair)(1.0)
    with pytest.raises(StagedTypeError, match="number gives a value of type int"):
        grad(number)(1.0)
