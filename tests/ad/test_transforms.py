"""`jvp`, `vjp`, `hvp`, `jacobian`, `hessian`: against differences, and against each other; plain and in staged code."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pylms import grad, hessian, hvp, jacobian, jvp, lms, stage, vjp
from pylms.errors import StagedTypeError

VECTOR = np.array([0.3, -0.7, 1.2])
CHANGE = np.array([1.0, 0.5, -2.0])
MATRIX = np.arange(6.0).reshape(2, 3)
STEP = 1e-6


@lms
def layers(a, m, n):
    x = a
    for _ in range(n):
        x = np.tanh(m.T @ (m @ x)) * a[0] + a
    return x


@lms
def energy(a, scale):
    s = 0.0
    for i in range(len(a)):
        s += math.sin(a[i]) * a[len(a) - 1 - i] * scale
    return s * a[0] + scale * scale


def test_jvp_and_vjp_are_each_others_transposes():
    value, change = jvp(lambda a, m: layers(a, m, 3), (VECTOR, MATRIX), (CHANGE, np.ones((2, 3))))
    np.testing.assert_allclose(value, layers(VECTOR, MATRIX, 3))
    ends = [layers(VECTOR + step * CHANGE, MATRIX + step, 3) for step in (STEP, -STEP)]
    np.testing.assert_allclose(change, (ends[0] - ends[1]) / (2 * STEP), rtol=1e-6, atol=1e-8)
    _, pull_back = vjp(lambda a, m: layers(a, m, 3), VECTOR, MATRIX)
    by_vector, by_matrix = pull_back(CHANGE)
    assert (by_vector * CHANGE).sum() + by_matrix.sum() == pytest.approx((change * CHANGE).sum())


def test_results_of_several_parts():
    @lms
    def parts(x, a):
        return x * a, (x, math.exp(x) * a[1])

    _, change = jvp(parts, (2.0, VECTOR), (1.0, CHANGE))
    np.testing.assert_allclose(change[0], VECTOR + 2.0 * CHANGE)
    assert change[1] == (1.0, pytest.approx(math.exp(2) * (VECTOR[1] + CHANGE[1])))
    _, pull_back = vjp(parts, 2.0, VECTOR)
    by_x, by_a = pull_back((CHANGE, (3.0, 1.0)))
    assert by_x == pytest.approx((CHANGE * VECTOR).sum() + 3.0 + math.exp(2) * VECTOR[1])
    np.testing.assert_allclose(by_a, 2.0 * CHANGE + [0, math.exp(2), 0])


def test_second_order():
    gradient = grad(energy, argnums=(0, 1))
    by_vector, by_scale = hvp(energy, (VECTOR, 0.7), (CHANGE, -1.0))
    ends = [gradient(VECTOR + step * CHANGE, 0.7 - step) for step in (STEP, -STEP)]
    np.testing.assert_allclose(by_vector, (ends[0][0] - ends[1][0]) / (2 * STEP), rtol=1e-6)
    assert by_scale == pytest.approx((ends[0][1] - ends[1][1]) / (2 * STEP), rel=1e-6)
    matrix = stage(hessian(energy))(VECTOR, 0.7)
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-12)
    np.testing.assert_allclose(matrix @ CHANGE, hvp(energy, (VECTOR, 0.7), (CHANGE, 0.0))[0], rtol=1e-12)
    assert hessian(energy, 1)(VECTOR, 0.7) == pytest.approx(2.0)


def test_jacobians():
    by_vector, by_matrix = jacobian(lambda a, m: layers(a, m, 2), (0, 1))(VECTOR, MATRIX)
    assert by_vector.shape == (3, 3) and by_matrix.shape == (3, 2, 3)
    for column, unit in enumerate(np.eye(3)):
        ends = [layers(VECTOR + step * unit, MATRIX, 2) for step in (STEP, -STEP)]
        np.testing.assert_allclose(by_vector[:, column], (ends[0] - ends[1]) / (2 * STEP), rtol=1e-6, atol=1e-8)
    assert jacobian(lms(lambda x: np.array([x, x * x, 2.0])))(3.0).tolist() == [1.0, 6.0, 0.0]
    assert jacobian(lms(lambda x: x * x))(3.0) == 6.0


def test_in_staged_code():
    @stage
    def newton(a, n):
        """Minimise a function of two numbers, whose Hessian is inverted by hand."""
        for _ in range(n):
            g = grad(well)(a)
            h = hessian(well)(a)
            d = h[0, 0] * h[1, 1] - h[0, 1] * h[1, 0]
            a = a - np.array([h[1, 1] * g[0] - h[0, 1] * g[1], h[0, 0] * g[1] - h[1, 0] * g[0]]) / d
        return a, jvp(well, (a,), (np.ones(2),))[1]

    @lms
    def well(a):
        return (a[0] - 1.0) ** 4.0 + a[0] * a[0] + (a[1] + a[0]) ** 2.0

    found, slope = newton(np.array([2.0, 1.0]), 20)
    assert slope == pytest.approx(0.0, abs=1e-9)
    assert found[1] == pytest.approx(-found[0])


def test_what_does_not_fit():
    with pytest.raises(StagedTypeError, match="the tangents must be like what they belong to"):
        jvp(energy, (VECTOR, 1.0), (1.0, 1.0))
    with pytest.raises(StagedTypeError, match="structure of what they belong to: 2 numbers or arrays, not 1"):
        jvp(energy, (VECTOR, 1.0), (CHANGE,))
    with pytest.raises(StagedTypeError, match="argument 0 of pair is neither a number, an array nor a tensor"):
        jacobian(lms(pair))((1.0, 2.0))


def pair(x):
    return x[0] * x[1]
