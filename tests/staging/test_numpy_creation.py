"""Arrays that staged code makes, further dimensions of arrays, and Python's builtins on arrays."""

import numpy as np

from pylms import stage
from tests.harness.array_law import check_array_law


def filled(n, m):
    return (
        (np.zeros(n), np.ones((n, m)), np.full((m, n), 7), np.full(n, 1.5, dtype=np.float32), np.zeros((2, 3), int)),
        (np.empty((0, n)), np.zeros(n, bool), np.zeros((n, 0, m)), np.ones(3, dtype="int16")),
    )


def test_memory_of_a_shape():
    check_array_law(filled, lambda: (3, 2), lambda: (0, 1), lambda: (-1, 2))


def counted(n):
    return (
        (np.arange(n), np.arange(2, n), np.arange(n, 0, -2), np.arange(0.0, n, 0.5), np.arange(n, dtype=np.int16)),
        (np.eye(n), np.eye(n, 3, k=1), np.identity(n), np.linspace(0, 1, n), np.linspace(0.0, n, 5, endpoint=False)),
    )


def test_ranges_and_diagonals():
    check_array_law(counted, *[lambda n=n: (n,) for n in (4, 1, 0, 7)])


def collected(x, y):
    return np.array([x, y, 1]), np.array([[x, 1], [y, 2.5]]), np.array([x, x], dtype=np.float32)


def test_arrays_of_numbers():
    check_array_law(collected, lambda: (2, 3), lambda: (2.5, 1), lambda: (np.int8(4), np.float32(0.5)))


def copies(a):
    b = np.array(a)
    b[0] = 1
    c = np.asarray(a)
    c[1] = 5
    return b, np.copy(a)


def test_copies_and_the_array_itself():
    check_array_law(copies, lambda: (np.arange(4.0),), lambda: (np.arange(6, dtype=np.uint8)[::2],))


def squares(n):
    found = np.zeros(n)
    table = np.zeros((n, n))
    for i in range(n):
        found[i] = i * i
        table[i] = np.arange(n) * i
    table[:, 0] = 1
    return found, table


def test_arrays_are_filled_in_loops():
    check_array_law(squares, lambda: (4,), lambda: (0,))


def outer_differences(a, b):
    apart = a[:, None] - b[None, :]
    return apart, (apart * apart).sum(axis=-1), a[None] + 1, a[..., None] @ b[np.newaxis], np.expand_dims(b, 1)


def test_further_dimensions():
    check_array_law(
        outer_differences,
        lambda: (np.arange(3.0), np.arange(4.0)),
        lambda: (np.arange(6.0)[::2], np.arange(4)),
        lambda: (np.arange(3.0), np.arange(1.0)),
    )


def by_builtins(a):
    return sum(a), max(a), min(a), sum(a, 5), len(a)


def test_builtins_of_vectors():
    arrays = (np.array([1, 2, 3], np.int8), np.array([1.5, np.nan, 3.0]), np.array([np.nan, 1.0]), np.array([True]))
    check_array_law(by_builtins, *[lambda a=a: (a,) for a in (*arrays, np.zeros(0))])
    check_array_law(lambda a: (any(a), all(a)), lambda: (np.array([1, 0, 2]),), lambda: (np.zeros(0),))


WEIGHTS = np.array([1.0, 2.0, 3.0])


def weighted(x):
    return WEIGHTS * x, np.where(x > 0, WEIGHTS, 0), np.maximum(WEIGHTS, x), np.sum(WEIGHTS * x), (WEIGHTS > x).any()


def test_known_arrays_meet_staged_numbers():
    check_array_law(weighted, lambda: (2.5,), lambda: (-1.0,))


def add_into(a):
    np.add(a, WEIGHTS, out=a)
    np.multiply(a, 2, a)


def test_results_go_into_an_array_that_is_given():
    check_array_law(add_into, lambda: (np.arange(3.0),))


def test_an_array_of_generation_time_is_written_at_each_run():
    def add(x):
        np.add(totals, x, out=totals)

    totals, staged = np.zeros(2), stage(add)
    staged(1.5)
    staged(2.0)
    assert totals.tolist() == [3.5, 3.5]
