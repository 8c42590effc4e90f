"""NumPy's functions of elements on staged arrays: promotion, broadcasting, and what each function gives."""

import numpy as np
import pytest

from tests.harness.array_law import check_array_law

FLOATS = np.array([[3.0, -1.0, 2.5, np.nan], [0.0, -0.0, np.inf, -np.inf], [1e300, -1e-300, 0.5, -7.0]])
INTS = np.arange(-4, 8, dtype=np.int32).reshape(3, 4)
BOOLS = INTS > 1


def of_dtype(dtype):
    """Small numbers, the extreme ones of the type, and zero."""
    if np.dtype(dtype).kind == "f":
        return np.array([1.5, -2.0, 0.0, np.nan, np.inf, 3.0], dtype)
    info = np.iinfo(dtype)
    return np.array([1, 2, 0, info.max, info.min, 5], dtype)


def arithmetic(a, b):
    return a + b, a - b, a * b, a / b, a // b, a % b


def comparisons(a, b):
    return a == b, a != b, a < b, a <= b, a > b, a >= b, np.minimum(a, b), np.maximum(a, b)


PAIRS = [
    (np.int8, np.uint8),
    (np.int8, np.float32),
    (np.int64, np.uint64),
    (np.uint64, np.int16),
    (np.uint64, np.float32),
    (np.float32, np.int32),
    (np.float32, np.float64),
    (np.uint32, np.uint16),
]


@pytest.mark.parametrize("left, right", PAIRS)
def test_types_meet_as_in_numpy(left, right):
    arguments = (lambda: (of_dtype(left), of_dtype(right)[::-1].copy()),)
    check_array_law(arithmetic, *arguments)
    check_array_law(comparisons, *arguments)


def with_numbers(a, x):
    return a + x, x - a, a * 2, a * 2.5, 1 / a, a < x, a > 1, a == 300, a // 3, a**2, 2**a


@pytest.mark.parametrize("dtype", (np.uint8, np.int64, np.float32), ids=lambda dtype: dtype.__name__)
def test_python_numbers_adapt_to_arrays(dtype):
    array = np.array([1, 2, 3, 5], dtype)
    for number in (3, 2.5, True, np.int16(7), np.float64(0.25)):
        check_array_law(with_numbers, lambda number=number: (array, number))


def plus(a, x):
    return a + x


def test_a_python_int_that_does_not_fit_is_an_overflow_error():
    check_array_law(plus, *[lambda x=x: (np.arange(3, dtype=np.int8), x) for x in (100, 127, 128, -129, 2**40)])


def add_all(a, b, c):
    return a + b * c


def test_shapes_meet_as_in_numpy():
    shapes = [((3, 4), (4,), (3, 1)), ((3, 1), (1, 4), (1,)), ((0, 4), (4,), (1,)), ((1, 4), (4,), (0, 1))]
    for shape in shapes:
        check_array_law(add_all, lambda shape=shape: tuple(np.arange(float(np.prod(s))).reshape(s) for s in shape))


def test_shapes_that_do_not_meet_are_a_value_error():
    check_array_law(plus, lambda: (np.zeros(3), np.zeros(4)), lambda: (np.zeros((2, 3)), np.zeros((3, 2))))
    check_array_law(plus, lambda: (np.zeros(0), np.zeros(3)))


def test_strides_do_not_matter():
    check_array_law(
        arithmetic,
        lambda: (FLOATS[:, ::2], FLOATS[:, 1::2]),
        lambda: (FLOATS.T, FLOATS.T[::-1]),
        lambda: (FLOATS[::-1, ::-1], INTS[:, :1]),
    )


def of_reals(a):
    return (
        (np.sqrt(a), np.exp(a), np.log(a), np.sin(a), np.cos(a), np.tanh(a), np.arctan(a), np.log1p(a), np.exp2(a)),
        (np.floor(a), np.ceil(a), np.trunc(a), np.rint(a), np.square(a), np.reciprocal(a), np.sign(a), np.fabs(a)),
        (-a, +a, abs(a), a**0.5, a**-1, a**3, a**2.5, np.isnan(a), np.isinf(a), np.isfinite(a), np.deg2rad(a)),
        (np.hypot(a, 2.0), np.arctan2(a, a), np.copysign(a, -1.0), np.power(a, 2)),
    )


@pytest.mark.parametrize("dtype", (np.float32, np.float64), ids=lambda dtype: dtype.__name__)
def test_functions_of_real_numbers(dtype):
    with np.errstate(over="ignore"):
        array = FLOATS.astype(dtype)
    check_array_law(of_reals, lambda: (array,), lambda: (array[:0],), rtol=1e-5 if dtype == np.float32 else 1e-13)


def of_integers(a):
    return -a, +a, abs(a), a**2, np.sign(a), np.square(a), np.floor(a), ~a, a & 3, a | 4, a ^ a, a << 1, a >> 1


@pytest.mark.parametrize("dtype", (np.int8, np.uint16, np.int64, np.uint64), ids=lambda dtype: dtype.__name__)
def test_functions_of_integers(dtype):
    check_array_law(of_integers, lambda: (of_dtype(dtype),))


def roots(a):
    return np.sqrt(a), np.exp(a)


def test_integers_become_the_floats_that_hold_them():
    check_array_law(roots, lambda: (np.arange(4, dtype=np.int16),), lambda: (INTS,), rtol=1e-6)


def of_bools(a, b):
    return a & b, a | b, a ^ b, ~a, a + b, a * b, a == b, a / b, a // b, np.logical_and(a, b), np.logical_not(a)


def test_bools():
    check_array_law(of_bools, lambda: (BOOLS, ~BOOLS), lambda: (BOOLS, BOOLS.T.copy().T))


def chosen(a, b):
    return np.where(a > b, a, b), np.where(a, 1, 2), np.where(a > 0, a, 0.5), np.clip(a, -1, 2), a.clip(0)


def test_where_and_clip():
    check_array_law(chosen, lambda: (FLOATS, FLOATS[::-1]), lambda: (FLOATS, FLOATS[:1]))
    check_array_law(chosen, lambda: (INTS, INTS[::-1].copy()))


def powers(a, b):
    return a**b


def test_negative_powers_of_integers_are_a_value_error():
    check_array_law(powers, lambda: (INTS, INTS * 0 + 2), lambda: (INTS, INTS), lambda: (INTS[:0], INTS[:0]))


def converted(a):
    return a.astype(np.int64), a.astype(np.float32), a.astype(bool), a.astype("uint8"), a.astype(float), a.copy()


def test_conversions():
    check_array_law(converted, lambda: (INTS + 4,), lambda: (BOOLS,), lambda: (np.array([0.0, 1.7, 200.9]),))


TABLE = np.arange(4.0)
TABLE_VIEW = np.arange(12)[::3]


def with_known_arrays(a, i):
    return a + TABLE, TABLE * a, np.maximum(a, TABLE_VIEW), a * [1, 2, 3, 4], TABLE[i], TABLE_VIEW[i]


def test_arrays_known_while_staging_are_shared():
    check_array_law(with_known_arrays, lambda: (FLOATS, 2), lambda: (FLOATS, -1), lambda: (INTS, 4))
    TABLE[1] = 7.0
    check_array_law(with_known_arrays, lambda: (FLOATS, 1))


PRIMES = [2, 3, 5, 7]


def looked_up(i):
    return PRIMES[i], (0.5, 1.5)[i - 2], [True, False, True][i - 1]


def test_lists_of_numbers_are_tables():
    check_array_law(looked_up, *[lambda i=i: (i,) for i in (2, 3, 1, -4, 4)])


def column_of_no_columns(a, n):
    best = 0.0
    for _ in range(n):
        best = float(a[:, 1].max())
    return best


def test_a_column_that_is_not_there_matters_where_it_is_read():
    check_array_law(
        column_of_no_columns,
        lambda: (np.zeros((3, 0)), 0),
        lambda: (np.zeros((3, 1)), 2),
        lambda: (np.ones((3, 2)), 2),
        lambda: (np.zeros((0, 2)), 1),
    )
