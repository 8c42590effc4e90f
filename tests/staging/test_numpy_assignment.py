"""Assigning whole arrays: slices, masks, in-place operators, and what overlaps."""

import numpy as np
import pytest

from pylms import PylmsError, stage
from tests.harness.array_law import check_array_law


def matrix(dtype=np.float64):
    return np.arange(12, dtype=dtype).reshape(3, 4)


def filled(a, x):
    a[1:-1] = x
    a[:, 0] = 2
    a[0, ::2] = x + 1


def test_numbers_fill_slices():
    check_array_law(filled, lambda: (matrix(), 2.5), lambda: (matrix(np.int8), 7), lambda: (matrix()[:, ::-1], 1.0))
    check_array_law(filled, lambda: (matrix(np.uint8), 255), lambda: (matrix(np.uint8), 256))
    check_array_law(filled, lambda: (matrix(), True))


def copied(a, b):
    a[...] = b
    a[1] = b[0]
    a[:, 1:] = b[:, :-1]


def test_arrays_go_into_slices():
    check_array_law(copied, lambda: (matrix(), -matrix()), lambda: (matrix(), matrix(np.int16)))
    check_array_law(copied, lambda: (matrix(np.int32), matrix() + 0.7), lambda: (matrix(), np.zeros((3, 3))))
    check_array_law(copied, lambda: (matrix() > 5, matrix() % 2))


def shifted(a):
    a[1:] = a[:-1]
    a[:-1] += a[1:]
    a[::-1] = a * 2


def test_what_overlaps_is_computed_before_it_is_stored():
    check_array_law(shifted, lambda: (np.arange(6.0),), lambda: (matrix(),), lambda: (np.arange(0.0),))


def moved(a, b):
    a[:] = b
    b += a * 2
    a[1:] = a[:-1] + b[1:]


def test_arguments_that_overlap():
    base = np.arange(10.0)

    def overlapping():
        mine = base.copy()
        return mine[2:], mine[:-2]

    check_array_law(moved, overlapping, lambda: (base.copy(), base + 1))


def in_place(a, b):
    a += b
    a *= 2
    a[1] -= a[0]
    a[a > 5] = 5
    a[:2] **= 2


def test_in_place_operators_write_into_the_array():
    check_array_law(in_place, lambda: (matrix(), matrix()[0]), lambda: (matrix(np.int64), 3))
    check_array_law(in_place, lambda: (matrix(np.float32), np.ones((3, 1))), lambda: (matrix(), np.ones((2, 3, 4))))
    check_array_law(in_place, lambda: (np.ones((1, 4)), matrix()))


def masked(a, mask):
    a[mask] = -1
    a[(a > 3) & ~mask] = 0


def test_masks():
    check_array_law(masked, lambda: (matrix(), matrix() > 7), lambda: (matrix(np.int8), matrix() % 2 == 0))
    check_array_law(masked, lambda: (matrix(), matrix()[:2] > 1), lambda: (matrix()[:0], matrix()[:0] > 0))


def in_a_loop(a, b, n):
    for k in range(n):
        b[1:-1] = (a[:-2] + a[2:]) * 0.5
        a[:] = b
        a[0] += k
    return a.sum()


def test_assignments_in_loops():
    check_array_law(in_a_loop, lambda: (np.arange(6.0), np.zeros(6), 4), lambda: (np.arange(2.0), np.zeros(2), 2))


def rebound(a, n):
    total = a * 0.0
    for k in range(n):
        total = total + a * k
    return total


def test_arrays_in_variables_of_loops():
    check_array_law(rebound, lambda: (np.arange(4.0), 3), lambda: (np.arange(4.0), 0))


def filled_by_methods(a):
    a.fill(3)
    b = a.copy()
    b[0] = 1
    return a, b, np.concatenate([a, b]), np.diff(b), np.zeros_like(b), np.full_like(b, 7), np.ones_like(b)


def test_methods_and_copies():
    check_array_law(filled_by_methods, lambda: (matrix(),), lambda: (matrix(np.int16),))


SHARED = np.arange(5.0)


def from_captured(a):
    a[1:] = SHARED[:-1]
    a += SHARED[::-1]


def test_an_argument_may_be_an_array_that_is_captured():
    expected = np.array([3.0, 2.0, 2.0, 2.0, 3.0])
    staged = stage(from_captured)
    for _ in range(2):
        SHARED[:] = np.arange(5.0)
        staged(SHARED)
        assert SHARED.tolist() == expected.tolist()


KNOWN = np.zeros(3)


def test_a_staged_array_does_not_go_into_one_of_generation_time():
    @stage
    def stored(v):
        KNOWN[1:] = v[:2]
        return 1

    with pytest.raises(PylmsError, match="a staged array cannot be turned into a plain array") as caught:
        stored(np.ones(3))
    assert "KNOWN[1:] = v[:2]" in str(caught.value)


def test_a_mask_without_elements_selects_none():
    def cleared(a, m):
        a[m] = 0.0
        return a.sum()

    def make(count, mask):
        return lambda: (np.arange(1.0, count + 1.0), np.array(mask, dtype=bool))

    check_array_law(cleared, make(3, []), make(0, []), make(3, [True, False, True]), make(3, [False]))


def stepped(a, start, stop, step):
    part = a[start:stop:step]
    part += 1
    a[::step] -= 2
    return part


ENDS = (0, 2, 9, -3, -11, 2**63 - 1, -(2**63))


def test_slices_go_by_a_staged_step():
    check_array_law(
        stepped,
        *[
            lambda start=start, stop=stop, step=step: (np.arange(10), start, stop, step)
            for start in ENDS
            for stop in ENDS
            for step in (1, 3, -1, -4, 2**63 - 1, -(2**63))
        ],
        lambda: (np.arange(10), 0, 3, 0),
        lambda: (np.arange(0), 0, 3, -2),
    )


def sieve(limit):
    is_prime = np.ones(limit + 1, dtype=bool)
    is_prime[:2] = False
    i = 2
    while i * i <= limit:
        if is_prime[i]:
            is_prime[i * i :: i] = False
        i += 1
    return is_prime


def test_a_sieve():
    check_array_law(sieve, lambda: (1,), lambda: (2,), lambda: (60,))
