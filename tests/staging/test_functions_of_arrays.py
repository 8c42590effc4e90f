"""Native functions that take arrays, read them and write them."""

from __future__ import annotations

import numpy as np
import pytest

from pylms import rep_fun, stage
from pylms.errors import NotSupportedYetError


def quicksort(a, lo, hi):
    if lo < hi:
        pivot = a[hi]
        i = lo
        for j in range(lo, hi):
            if a[j] < pivot:
                t = a[i]
                a[i] = a[j]
                a[j] = t
                i += 1
        t = a[i]
        a[i] = a[hi]
        a[hi] = t
        quicksort(a, lo, i - 1)
        quicksort(a, i + 1, hi)


@pytest.mark.parametrize("size", [0, 1, 2, 200])
def test_an_array_is_sorted_in_place(size):
    values = np.random.default_rng(size).random(size)
    expected = np.sort(values)
    compiled = stage(quicksort)
    compiled(values, 0, size - 1)
    assert np.array_equal(values, expected)
    assert "(call quicksort " in compiled.code


def position(a, x):
    def search(lo, hi):
        if lo >= hi:
            return lo
        mid = (lo + hi) // 2
        if a[mid] < x:
            return search(mid + 1, hi)
        return search(lo, mid)

    return search(0, len(a))


@pytest.mark.parametrize("x", [-1.0, 0.0, 10.0, 99.0, 500.0])
def test_a_captured_array_is_passed_on(x):
    values = np.arange(0.0, 100.0, 3.0)
    assert stage(position)(values, x) == np.searchsorted(values, x)


@rep_fun
def dot(a, b):
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


def test_one_function_serves_arrays_of_one_layout():
    values = np.linspace(0.0, 1.0, 10)
    compiled = stage(lambda a, b: dot(a, b) + dot(b, a))
    assert compiled(values, values + 1) == pytest.approx(2 * values.dot(values + 1))


def test_an_index_error_in_a_native_function_leaves_what_was_written():
    values = np.zeros(4)
    with pytest.raises(IndexError):
        stage(lambda a: fill_up(a, 2))(values)
    assert values.tolist() == [0, 0, 1, 1]


def fill_up(a, k):
    a[k] = 1.0
    return k if k > 100 else fill_up(a, k + 1)


def test_a_list_that_each_call_would_change_is_refused():
    def run(n):
        seen = []

        def visit(k):
            if k > 0:
                seen.append(k)
                visit(k - 1)

        visit(n)
        return len(seen)

    with pytest.raises(NotSupportedYetError, match="is changed"):
        stage(run)(3)
