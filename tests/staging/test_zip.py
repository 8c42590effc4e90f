"""`zip`, `reversed` and `len` of what only the run knows: arrays, lists, strings and ranges."""

import numpy as np
import pytest

from pylms import PylmsError, stage
from tests.harness.array_law import check_array_law
from tests.harness.law import check_law

FLOATS = np.arange(5.0)


def dot(x, y):
    total = 0.0
    for a, b in zip(x, y):
        total += a * b
    return total


def test_arrays():
    check_array_law(
        dot,
        lambda: (FLOATS, FLOATS[::-1]),
        lambda: (FLOATS, FLOATS[:2]),
        lambda: (FLOATS[:0], FLOATS),
        lambda: (FLOATS, np.arange(9)),
    )


def rows(a, b):
    total = 0.0
    for k, (row, other) in enumerate(zip(a, b), start=3):
        total += k * (row * other).sum()
        row += 1
    return total


def test_rows_and_numbers():
    check_array_law(rows, lambda: (FLOATS.repeat(3).reshape(5, 3), np.ones((4, 3))))


def comprehended(x, y):
    return sum(a * b for a, b in zip(x, y)) + max(a - b for a, b in zip(x, y))


def test_generator_expressions():
    check_array_law(comprehended, lambda: (FLOATS, FLOATS * 3))


def mixed(n, text):
    total = 0
    for k, (c, weight, step) in enumerate(zip(text, (5, 7, 11, 13), range(n, 100, 3))):
        if step > 20:
            break
        total += k * weight * step + ord(c)
    else:
        total = -total
    return total


def test_strings_ranges_and_what_is_known():
    check_law(mixed, (0, "abcdef"), (0, "ab"), (18, "abcd"), (99, "abcd"), (200, "abcd"), (0, ""))


def growing(xs, ys):
    out = []
    for x, y in zip(xs, ys):
        out.append(x - y)
        if len(xs) < 6:
            xs.append(x + y)
        if y == 9:
            xs.clear()
    return out


@pytest.mark.parametrize(
    ("xs", "ys"), [([1, 2, 3], [4, 5, 6, 7, 8]), ([], [4]), ([4], []), ([1, 2, 3, 4], [1, 9, 2, 3]), ([5], [1] * 9)]
)
def test_lists_that_change_meanwhile(xs, ys):
    ours, theirs = (list(xs), list(ys)), (list(xs), list(ys))
    assert stage(growing)(*ours) == growing(*theirs)
    assert ours == theirs


def backwards(n, m):
    seen = 0
    for i in reversed(range(n)):
        seen = (seen * 31 + i) % 1000003
    for i in reversed(range(m, n, 3)):
        seen = (seen * 31 + i) % 1000003
    for i in reversed(range(n, m, -2)):
        seen = (seen * 31 + i) % 1000003
    return seen, len(range(n)), len(range(m, n, 4)), len(range(n, m, -5))


def test_ranges_backwards():
    check_law(backwards, *[(n, m) for n in (-7, -1, 0, 1, 2, 9, 10) for m in (-5, 0, 3, 10)])


def listed(n, text):
    counts = {}
    for c in text:
        counts[c] = counts.get(c, 0) + n
    pairs = list(zip(text, range(n)))
    return list(range(n)), list(range(n, 0, -2)), list(text), sorted(text), list(counts.items()), pairs


def test_lists_of_what_loops_run_over():
    check_law(listed, (0, ""), (5, "hello"), (2, "abc"))


@pytest.mark.parametrize(
    ("function", "arguments", "text"),
    [
        (lambda x: tuple(zip(x, x)), (FLOATS,), "a zip over values of the run cannot be iterated over here"),
        (lambda x, n: [k for k, _ in zip(x, {1: 2})], (FLOATS, 1), "zip() of dict and values of the run"),
        (lambda x: [k for k, _ in zip(x, x, strict=True)], (FLOATS,), "zip(strict=True) of values of the run"),
        (lambda n: len(range(0, 9, n)), (2,), "a range with a staged step is not counted yet"),
    ],
)
def test_what_is_refused(function, arguments, text):
    with pytest.raises(PylmsError) as caught:
        stage(function)(*arguments)
    assert text in str(caught.value)
    assert "test_zip.py:" in str(caught.value)
