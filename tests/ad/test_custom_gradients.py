"""`custom_gradient` and `checkpoint`: the user's rule, and recomputation instead of keeping."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pylms import checkpoint, custom_gradient, grad, hessian, lms, stage, value_and_grad
from pylms.errors import NotSupportedYetError, StagedTypeError

VECTOR = np.array([0.3, -0.7, 1.2])


@custom_gradient
@lms
def clipped(x):
    """At most 1; its slope is what we say."""
    value = min(x, 1.0)
    if x > 2.0:
        factor = 0.5
    else:
        factor = 3.0
    return value, lambda d: d * factor


@lms
def summed(x, n):
    s = x
    for _ in range(n):
        s = clipped(s * x) + s
    return s


def test_a_rule_takes_the_place_of_the_derivative():
    assert summed(1.5, 3) == 4.5
    assert value_and_grad(summed)(1.5, 3) == (4.5, 11.59375)
    assert value_and_grad(summed)(0.1, 1) == (pytest.approx(0.11), pytest.approx(1 + 3 * 0.2))


def test_a_rule_has_derivatives_itself():
    @custom_gradient
    @lms
    def exponential(x):
        y = math.exp(x)
        return y, lambda d: d * y

    @lms
    def composed(x):
        return exponential(x * x)

    x = 0.7
    assert grad(composed)(x) == pytest.approx(2 * x * math.exp(x * x))
    assert grad(grad(composed))(x) == pytest.approx((2 + 4 * x * x) * math.exp(x * x))


def test_rules_of_arrays_and_of_arguments_without_derivatives():
    @custom_gradient
    @lms
    def scaled(a, x, k):
        def pull_back(d):
            changed = d * 7.0
            changed[0] = 0.0
            return changed, (d * a).sum(), None

        return a * x * k, pull_back

    by_a, by_x = grad(lms(lambda a, x: (scaled(a, x, 2) * a).sum()), argnums=(0, 1))(VECTOR, 3.0)
    np.testing.assert_allclose(by_a, 6 * VECTOR + 7 * VECTOR * [0, 1, 1])
    assert by_x == pytest.approx((VECTOR * VECTOR).sum())


def test_rules_that_do_not_fit():
    def refused(function, message):
        with pytest.raises(StagedTypeError, match=message):
            grad(lms(lambda x: custom_gradient(lms(function))(x, x)))(1.0)

    refused(lambda x, y: x * y, "must give a pair under custom_gradient")
    refused(lambda x, y: (x * y, lambda d: d), "gives 1 gradients for 2 arguments")
    refused(lambda x, y: (x * y, lambda d: (d, (d, d))), "the gradients of a rule must have the structure")


@lms
def step(x, a):
    for k in range(len(a)):
        x = x * math.cos(x) + a[k] * x
    return x


@lms
def kept(a, x, n):
    for _ in range(n):
        x = step(x, a)
    return x


@lms
def recomputed(a, x, n):
    for _ in range(n):
        x = checkpoint(step)(x, a)
    return x


def test_recomputing_changes_no_derivative():
    assert recomputed(VECTOR, 0.7, 4) == kept(VECTOR, 0.7, 4)
    for transform in (grad, hessian):
        found, expected = (transform(function)(VECTOR, 0.7, 3) for function in (recomputed, kept))
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_recomputing_keeps_less():
    """Of each round one number is kept, and not one for each step within."""
    gradient = stage(grad(recomputed))
    gradient(VECTOR, 0.7, 3)
    forward = gradient.Ccode[: gradient.Ccode.index("pylms::pop")]
    assert forward.count("pylms::push") == 1


def test_recomputed_arrays():
    @lms
    def layer(x, w):
        y = np.tanh(w @ x)
        y[0] += x[1]
        return y * x

    def network(wrap):
        @lms
        def run(w, x):
            for _ in range(3):
                x = wrap(layer)(x, w)
                x[2] = x[1] * 0.5
            return x.sum()

        return run

    w = np.arange(9.0).reshape(3, 3) / 9
    expected = grad(network(lambda f: f), (0, 1))(w, VECTOR)
    for found, each in zip(grad(network(checkpoint), (0, 1))(w, VECTOR), expected, strict=True):
        np.testing.assert_allclose(found, each, rtol=1e-12)


def test_what_cannot_be_done_again_is_refused():
    @lms
    def printing(x):
        print(x)
        return x * x

    @lms
    def writing(a):
        a[0] = a[1] * a[2]
        return a.sum()

    with pytest.raises(NotSupportedYetError, match="this one prints or calls Python"):
        grad(lms(lambda x: checkpoint(printing)(x)))(2.0)
    with pytest.raises(NotSupportedYetError, match="this one gives a part of an argument"):
        grad(lms(lambda a: checkpoint(lms(lambda b: b[1:]))(a).sum()))(VECTOR)
    with pytest.raises(NotSupportedYetError, match="this one changes memory that is older"):
        grad(lms(lambda a: checkpoint(writing)(a)))(VECTOR)
