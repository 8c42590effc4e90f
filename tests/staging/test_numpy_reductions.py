"""NumPy's reductions, products and running sums of staged arrays."""

import numpy as np

from tests.harness.array_law import check_array_law

FLOATS = np.arange(12.0).reshape(3, 4) - 5
INTS = np.arange(-4, 8, dtype=np.int8).reshape(3, 4)
BOOLS = INTS > 1
ARRAYS = (FLOATS, FLOATS.T, FLOATS[:, ::2], FLOATS.astype(np.float32), INTS, INTS.astype(np.uint16), BOOLS)
CLOSE = 1e-6


def each(*arrays):
    return [lambda array=array: (array,) for array in arrays]


def totals(a):
    return a.sum(), a.sum(axis=0), np.sum(a, axis=1, keepdims=True), a.prod(), np.prod(a, axis=-1), a.sum(axis=(0, 1))


def test_sums_and_products():
    check_array_law(totals, *each(*ARRAYS, FLOATS[:0], INTS[:, :0]), rtol=CLOSE)


def test_long_sums_are_as_exact_as_numpys():
    array = np.full(100_000, 0.1, np.float32)
    check_array_law(lambda a: np.sum(a), lambda: (array[:5000],), rtol=3e-6)


def averages(a):
    return a.mean(), a.mean(axis=0), np.mean(a, axis=1, keepdims=True), a.var(), a.std(axis=0), a.var(ddof=1)


def test_averages():
    check_array_law(averages, *each(*ARRAYS), rtol=CLOSE)


def extremes(a):
    return a.min(), a.max(), a.min(axis=0), np.max(a, axis=1, keepdims=True), np.ptp(a, axis=0)


def places(a):
    return a.argmin(), a.argmax(), np.argmin(a, axis=0), a.argmax(axis=1), np.argmax(a, axis=0, keepdims=True)


WITH_NAN = np.array([[1.0, np.nan, 3.0], [np.nan, 0.0, 3.0]])


def test_extremes():
    check_array_law(extremes, *each(*ARRAYS[:6], WITH_NAN, FLOATS[:0], FLOATS[:, :0]))
    check_array_law(lambda a: (a.min(), a.max(axis=0)), *each(BOOLS))
    check_array_law(places, *each(*ARRAYS[:6], WITH_NAN, FLOATS[:0]))


def of_nothing(a):
    return a.max(axis=1), a.sum(axis=1), a.argmax(axis=1)


def test_extremes_of_nothing_are_an_error_even_where_there_are_no_results():
    check_array_law(of_nothing, *each(np.zeros((0, 3)), np.zeros((3, 0)), np.zeros((0, 0))))


def truths(a):
    return a.any(), a.all(), np.any(a, axis=0), np.all(a, axis=1), np.count_nonzero(a), np.count_nonzero(a, axis=0)


def test_truths():
    check_array_law(truths, *each(BOOLS, ~BOOLS, FLOATS, WITH_NAN, BOOLS[:0], INTS))


def products(a, b):
    return a @ b, np.dot(a, b), a.dot(b)


def test_products():
    rows, column = FLOATS, np.arange(4.0)
    pairs = [(rows, rows.T), (rows, column), (column[:3], rows), (column, column), (INTS, INTS.T), (rows, INTS.T)]
    pairs += [(rows[:0], rows.T), (rows[:, :0], rows.T[:0]), (rows, rows), (column, column[:3])]
    check_array_law(products, *[lambda pair=pair: pair for pair in pairs], rtol=CLOSE)


def of_vectors(a, b):
    return np.outer(a, b), np.inner(a, a), np.trace(np.outer(a, b)), np.dot(a, 2.0), (a @ a) * b


def test_products_of_vectors():
    check_array_law(of_vectors, lambda: (np.arange(4.0), np.arange(3)), rtol=CLOSE)


def running(a):
    return a.cumsum(axis=0), np.cumsum(a, axis=1), np.cumprod(a, axis=-1)


def test_running_sums():
    check_array_law(running, *each(FLOATS, INTS, BOOLS, FLOATS[:0]))
    check_array_law(lambda a: np.cumsum(a), *each(np.arange(5.0)))


def normalised(a):
    centred = a - a.mean(axis=0)
    return centred / np.sqrt((centred * centred).sum(axis=0)), np.abs(a).max()


def test_expressions():
    check_array_law(normalised, *each(FLOATS), rtol=CLOSE)
