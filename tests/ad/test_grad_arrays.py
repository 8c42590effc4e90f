"""`grad` by NumPy arrays: elements, views, whole-array operations, changes in place; against finite differences."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from pylms import grad, lms, stage, staged, value_and_grad
from pylms.errors import NotSupportedYetError

VECTOR = np.array([0.3, -0.7, 1.2, 0.5, 0.9])
MATRIX = np.arange(9.0).reshape(3, 3) / 7 + 0.1


def slopes(function, array, step=1e-6):
    """Central finite differences by each element; the function may change its argument."""
    found = np.zeros_like(array)
    for place in np.ndindex(array.shape):
        ends = []
        for sign in (1, -1):
            moved = array.copy()
            moved[place] += sign * step
            ends.append(function(moved))
        found[place] = (ends[0] - ends[1]) / (2 * step)
    return found


@lms
def elements(a):
    s = 0.0
    for i in range(len(a)):
        s += a[i] * a[i] * i * math.sin(a[0])
    return s


@lms
def in_place(a):
    for i in range(1, len(a)):
        a[i] = a[i] * a[i - 1] + math.sin(a[i])
    return a[len(a) - 1] * a[1]


@lms
def whole(a):
    b = np.exp(a) * a + 1.0
    b[1:] += b[:-1] * a[1:]
    return (b * b).sum() + np.max(b) + b.prod() * 0.01 - b[::2].min() + np.maximum(b, 1.1).sum()


@lms
def overlapping(a):
    """An update that reads what it has written, were it done element by element."""
    a[1:] = a[:-1] * a[1:]
    a[:-1] += a[1:] * 0.5
    return (a * a).sum()


@lms
def scratch(a):
    t = np.zeros(len(a))
    for k in range(3):
        for i in range(len(a)):
            t[i] = t[i] * 0.5 + a[i] * a[(i + k) % len(a)]
    return t.sum()


@lms
def rebound(a):
    x = a
    for _ in range(4):
        x = x * np.cos(a) + 0.1 * x * x
    return x.sum()


@lms
def until_large(a):
    y, k = a, 0
    while y.sum() < 50.0 and k < 20:
        y = y * 1.3 + a * a * 0.1
        k += 1
    return (y * y).sum()


@lms
def on_either_side(a):
    b = a
    if a[0] > 0.5:
        b = a * 2.0
        b[1] = a[0] * a[1]
    else:
        b = np.sin(a)
    return (b * b).sum()


@lms
def over_a_tree(a):
    def go(low, high):
        if high - low < 2:
            return a[low] * a[low]
        middle = (low + high) // 2
        x = go(low, middle)
        y = go(middle, high)
        return math.sin(x) * y + x

    return go(0, len(a))


@lms
def written_in_recursion(a):
    out = np.zeros(len(a))

    def go(i):
        if i >= len(a):
            return 0.0
        out[i] = a[i] * (out[i - 1] if i > 0 else 1.0)
        return go(i + 1) + out[i]

    return go(staged(0)) * out[2]


@lms
def arrays_in_recursion(a):
    def go(b, k):
        if k == 0:
            return b * b
        return go(b * np.sin(a), k - 1) + b

    return go(a, 3).sum()


@lms
def changed_by_calls(a):
    """Calls in a loop change memory that is read between them."""
    out = np.zeros(len(a))

    def fill(k):
        if k >= len(a):
            return 0.0
        out[k] = out[k] * 0.5 + a[k] * out[k - 1] + 0.3
        return fill(k + 1) + out[k] * a[0]

    s = 0.0
    for _ in range(3):
        s += fill(staged(0)) * out[1] * out[1]
        out[2] = s * a[1]
    return s * a[2] + (out * out).sum()


@lms
def products(a):
    b = a @ a.T
    row = b[0]
    c = row * a[:, 1]
    c[0] *= a[1, 1]
    return (c * b[:, 1]).sum() + np.mean(b, axis=0)[1] + a[::2, 0].sum() * b[1, 0] + a.reshape(9)[::-2].sum() ** 2


OF_VECTORS = [
    elements,
    in_place,
    whole,
    overlapping,
    scratch,
    rebound,
    until_large,
    on_either_side,
    over_a_tree,
    written_in_recursion,
    arrays_in_recursion,
    changed_by_calls,
]


@pytest.mark.parametrize("function", OF_VECTORS)
def test_first_and_second_derivatives(function):
    gradient = grad(function)
    weights = np.arange(5.0) - 2

    @stage
    def both(a, w):
        return gradient(a), grad(lambda x: (gradient(x) * w).sum())(a)

    for array in (VECTOR, VECTOR + 0.4):
        before = array.copy()
        first, second = both(array, weights)
        np.testing.assert_allclose(first, slopes(function, array), rtol=1e-6, atol=1e-7)
        expected = slopes(lambda a: (both(a, weights)[0] * weights).sum(), array)
        np.testing.assert_allclose(second, expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(array, before)


def test_matrices_and_views():
    np.testing.assert_allclose(grad(products)(MATRIX), slopes(products, MATRIX), rtol=1e-6)
    fortran = np.asfortranarray(MATRIX)[::-1]
    found = grad(products)(fortran)
    np.testing.assert_allclose(found, slopes(products, fortran.copy()), rtol=1e-6)


def test_elements_that_tie_share_the_derivative():
    assert grad(lms(lambda a: a.max()))(np.array([1.0, 3.0, 3.0])).tolist() == [0.0, 0.5, 0.5]
    assert grad(lms(lambda a: np.minimum(a, 1.0).sum()))(np.array([1.0, 3.0])).tolist() == [0.5, 0.0]


def test_product_with_zeros():
    product = lms(lambda a: a.prod())
    assert grad(product)(np.array([2.0, 0.0, 3.0])).tolist() == [0.0, 6.0, 0.0]
    assert grad(product)(np.array([0.0, 0.0, 3.0])).tolist() == [0.0, 0.0, 0.0]


def test_empty_arrays():
    empty = np.zeros(0)
    for function in (elements, scratch, rebound):
        assert grad(function)(empty).shape == (0,)


def test_dtype_is_that_of_the_argument():
    single = VECTOR.astype(np.float32)
    found = grad(lms(lambda a: (a * a * a).sum()))(single)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, 3 * single * single, rtol=1e-6)


@dataclass(frozen=True)
class Layer:
    weights: np.ndarray
    bias: float


def test_structures_of_arrays_and_numbers():
    @lms
    def loss(layers, x):
        for layer in layers:
            x = np.tanh(layer.weights @ x + layer.bias)
        return (x * x).sum()

    layers = (Layer(MATRIX, 0.3), Layer(MATRIX.T.copy(), -0.1))
    x = np.array([0.5, -1.0, 2.0])
    value, (first, second) = value_and_grad(loss)(layers, x)
    assert value == pytest.approx(loss(layers, x))
    assert type(first) is Layer
    np.testing.assert_allclose(
        first.weights, slopes(lambda w: loss((Layer(w, 0.3), layers[1]), x), MATRIX), rtol=1e-6, atol=1e-9
    )
    step = 1e-6
    ends = [loss((layers[0], Layer(layers[1].weights, -0.1 + change)), x) for change in (step, -step)]
    assert second.bias == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6)


def test_memory_under_several_names_is_refused_where_it_is_written():
    @lms
    def aliased(a, x):
        first, second = a[1:], a[:-1]
        for _ in range(2):

            def inner(y):
                first[0] = y * y
                return second[1] * y

            x = grad(inner)(x)
        return x

    message = "memory that is older than the function and may have several names.*\n.*first\\[0\\] = y \\* y"
    with pytest.raises(NotSupportedYetError, match=message):
        stage(aliased)(VECTOR.copy(), 2.0)


def test_memory_that_is_older_than_the_function():
    table = np.arange(5.0)

    @lms
    def through_memory(a):
        kept = np.zeros(5)
        kept[1] = 7.0

        def inner(x):
            kept[2] = x * x
            view = kept[1:4]
            view[0] = kept[2] * x
            return view[0] + view[1] * table[3]

        return grad(inner)(a[0]) + kept[1]

    def expected(x):
        return 3 * x * x + 6 * x + x**3

    assert stage(through_memory)(VECTOR) == pytest.approx(expected(0.3))
    found = grad(through_memory)(VECTOR)
    np.testing.assert_allclose(found, [6 * 0.3 + 6 + 3 * 0.09, 0, 0, 0, 0], rtol=1e-9)
