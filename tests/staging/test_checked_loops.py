"""Loops whose checks are proven away, or tested before them: at the edges they do what Python does."""

import numpy as np
import pytest

from pylms import stage
from tests.harness.array_law import check_array_law

LARGEST = 2**63 - 1


def numbers(*values):
    return np.array(values, np.int64)


def test_a_sum_over_some_of_an_array():
    def total(a, start, stop):
        s = 0.0
        for i in range(start, stop):
            s += a[i]
        return s

    bounds = ((0, 4), (0, 5), (-4, 4), (-5, 0), (3, 1), (-4, -1), (4, 4), (2**62, 2**62 + 1), (-(2**63), -(2**63) + 1))
    check_array_law(total, *[lambda pair=pair: (np.arange(4.0) + 1, *pair) for pair in bounds])


def test_writes_before_an_error_are_there():
    def fill(a, n, m):
        for i in range(n):
            for j in range(m):
                a[i * m + j] = i + 10 * j

    sizes = ((2, 3), (3, 2), (3, 3), (0, 9), (-1, -8), (7, 1), (1, 7), (2**40, 2**40), (1, -3))
    check_array_law(fill, *[lambda pair=pair: (np.zeros(6, np.int64), *pair) for pair in sizes])


def test_a_product_of_matrices_that_may_not_fit():
    def product(a, b, c):
        for i in range(a.shape[0]):
            for j in range(b.shape[1]):
                t = 0.0
                for k in range(a.shape[1]):
                    t += a[i, k] * b[k, j]
                c[i, j] = t

    shapes = (((2, 3), (3, 4), (2, 4)), ((2, 3), (2, 4), (2, 4)), ((2, 3), (3, 4), (2, 3)), ((0, 3), (3, 4), (1, 1)))
    check_array_law(
        product,
        *[
            lambda shapes=shapes: tuple(np.arange(float(np.prod(shape))).reshape(shape) for shape in shapes)
            for shapes in shapes
        ],
    )


def test_a_sieve_by_while_and_by_range():
    def sieve(flags, n):
        i = 2
        while i * i <= n:
            if flags[i]:
                j = i * i
                while j <= n:
                    flags[j] = False
                    j += i
            i += 1

    def sieve_of_ranges(flags, n):
        for i in range(2, n):
            if flags[i]:
                for j in range(i * i, n, i):
                    flags[j] = False

    for program in (sieve, sieve_of_ranges):
        check_array_law(program, *[lambda n=n: (np.ones(30, np.bool_), n) for n in (29, 30, 31, 40, 4, 0, -5, 4000)])


def test_sorting_and_searching():
    def insertion(a):
        for i in range(1, len(a)):
            key = a[i]
            j = i - 1
            while j >= 0 and a[j] > key:
                a[j + 1] = a[j]
                j -= 1
            a[j + 1] = key

    def position(a, x):
        low = 0
        high = len(a)
        while low < high:
            middle = (low + high) // 2
            if a[middle] < x:
                low = middle + 1
            else:
                high = middle
        return low

    check_array_law(insertion, lambda: (numbers(3, 1, 2, 2, -5),), lambda: (numbers(),), lambda: (numbers(7),))
    check_array_law(position, *[lambda x=x: (numbers(1, 3, 3, 8), x) for x in (0, 1, 3, 4, 8, 9, -(2**63), LARGEST)])


def test_two_indices_that_go_together():
    def merge(a, b, c):
        i = 0
        j = 0
        for k in range(len(c)):
            if j >= len(b) or (i < len(a) and a[i] <= b[j]):
                c[k] = a[i]
                i += 1
            else:
                c[k] = b[j]
                j += 1

    def keep(a, b):
        k = 0
        for i in range(len(a)):
            if a[i] > 0:
                b[k] = a[i]
                k += 1
        return k

    check_array_law(
        merge,
        lambda: (numbers(1, 4, 6), numbers(2, 3, 9), numbers(*[0] * 6)),
        lambda: (numbers(), numbers(2), numbers(0)),
        lambda: (numbers(1), numbers(2), numbers(0, 0, 0)),
    )
    check_array_law(
        keep,
        lambda: (numbers(1, -1, 2), numbers(0, 0, 0)),
        lambda: (numbers(1, 1), numbers(0)),
        lambda: (numbers(),) * 2,
    )


def test_backwards_and_by_steps():
    def backwards(a, n, step):
        s = 0
        for i in range(n, -1, -1):
            s += int(a[i])
        for i in range(0, n, step):
            a[i] = s
        return s

    cases = ((3, 1), (4, 1), (-1, 1), (3, 2), (3, 3), (3, LARGEST), (3, -1), (0, 5))
    check_array_law(backwards, *[lambda case=case: (numbers(5, 6, 7, 8), *case) for case in cases])


def test_edit_distance():
    def distance(s, t, d):
        for i in range(len(s) + 1):
            d[i, 0] = i
        for j in range(len(t) + 1):
            d[0, j] = j
        for i in range(1, len(s) + 1):
            for j in range(1, len(t) + 1):
                cost = 0 if s[i - 1] == t[j - 1] else 1
                d[i, j] = min(d[i - 1, j] + 1, d[i, j - 1] + 1, d[i - 1, j - 1] + cost)
        return d[len(s), len(t)]

    check_array_law(
        distance,
        lambda: (numbers(1, 2, 3), numbers(2, 3, 3, 4), np.zeros((4, 5), np.int64)),
        lambda: (numbers(1, 2, 3), numbers(2, 3, 3, 4), np.zeros((4, 4), np.int64)),
        lambda: (numbers(), numbers(), np.zeros((1, 1), np.int64)),
    )


@pytest.mark.parametrize(("n", "begin", "wanted"), [(5, 0, 30), (5, LARGEST - 30, LARGEST), (0, LARGEST, LARGEST)])
def test_a_running_sum_up_to_the_largest_int(n, begin, wanted):
    @stage
    def total(n: int, begin: int) -> int:
        s = begin
        for i in range(n + 1):
            s += i * 2
        return s

    assert total(n, begin) == wanted


@pytest.mark.parametrize(("n", "begin"), [(5, LARGEST - 29), (2**62, 0), (2**33, 0), (LARGEST - 1, LARGEST)])
def test_a_running_sum_beyond_the_largest_int(n, begin):
    @stage
    def total(n: int, begin: int) -> int:
        s = begin
        for i in range(n + 1):
            s += i * 2000000000000
        return s

    with pytest.raises(OverflowError):
        total(n, begin)


def test_the_checked_copy_is_only_there_for_loops_that_need_it():
    @stage
    def total(a: np.ndarray) -> float:
        s = 0.0
        for i in range(len(a)):
            s += a[i]
        return s

    @stage
    def some(a: np.ndarray, n: int) -> float:
        s = 0.0
        for i in range(n):
            s += a[i]
        return s

    assert total(np.arange(4.0)) == 6.0
    assert "IndexError" not in total.inspect_c()
    assert some(np.arange(4.0), 3) == 3.0
    assert some.inspect_c().count("IndexError") == 1
