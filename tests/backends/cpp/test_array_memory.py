"""The memory of arrays that loops make: taken again where no round leaves them behind, and only there."""

from __future__ import annotations

import numpy as np

from pylms import stage
from tests.harness.array_law import check_array_law


def smoothed(a, n):
    for _ in range(n):
        a[1:-1] = (a[:-2] + a[2:]) * 0.5
    return a.sum()


def kept(n):
    last = np.zeros(1)
    for k in range(n):
        last = np.ones(k + 1) * k
    return last


def handed_out(a, n):
    best = a * 0.0
    for k in range(n):
        rows = a * (k + 1)
        if rows.sum() > best.sum():
            best = rows[::-1]
        total = rows + best
        a[:] = total[::-1] - rows
    return best


def growing(n):
    total = 0.0
    for k in range(n):
        scratch = np.zeros(k)
        for i in range(k):
            scratch[i] = i
        total += scratch.sum()
    return total


def test_rounds_take_the_same_memory():
    staged = stage(smoothed)
    staged(np.arange(5.0), 2)
    assert "new_array_in" in staged.Ccode
    check_array_law(smoothed, lambda: (np.arange(7.0), 4), lambda: (np.arange(7.0), 0), lambda: (np.zeros(0), 2))


def test_what_a_variable_holds_has_memory_of_its_own():
    staged = stage(kept)
    staged(3)
    assert "new_array_in" not in staged.Ccode
    check_array_law(kept, lambda: (4,), lambda: (0,))
    check_array_law(handed_out, lambda: (np.arange(4.0), 4), lambda: (np.arange(4.0) - 2, 3))


def test_arrays_of_other_sizes_in_each_round():
    check_array_law(growing, lambda: (6,), lambda: (0,), lambda: (40,))
