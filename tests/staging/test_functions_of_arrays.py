"""Native functions that take arrays, lists and dicts, read them and write them."""

from __future__ import annotations

import numpy as np
import pytest

from pylms import rep_fun, stage
from pylms.errors import NotSupportedYetError
from tests.harness.law import check_law


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


def collects(n):
    seen = []

    def visit(k):
        if k > 0:
            seen.append(k)
            visit(k - 1)

    visit(n)
    return len(seen)


def remembers(n):
    known = {}

    def fib(k):
        if k < 2:
            return k
        if k in known:
            return known[k]
        result = fib(k - 1) + fib(k - 2)
        known[k] = result
        return result

    return fib(n)


def test_lists_and_dicts_of_the_run_are_shared_by_all_calls():
    check_law(collects, (0,), (5,), (-1,))
    check_law(remembers, (0,), (1,), (30,))


def test_an_object_that_each_call_would_change_is_refused():
    class Box:
        def __init__(self):
            self.count = 0

    def run(n):
        box = Box()

        def visit(k):
            box.count += 1
            return 0 if k <= 0 else visit(k - 1)

        visit(n)
        return box.count

    with pytest.raises(NotSupportedYetError, match="a Box that is older than this staged function is changed in it"):
        stage(run)(3)
