"""What each kernel is given: `CASES`, by name. Arguments are made anew for each run that changes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import programs

Arguments = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One kernel.

    make: its arguments. small: arguments for which CPython does not take long, to check results with.
    native: the arguments of the C++ function, from the Python ones: ints, floats, and arrays (passed by address).
    kind: `array`, `scalar`, or what costs most in it; `checked` where no analysis can remove Python's checks.
    """

    name: str
    kind: str
    make: Callable[[], Arguments]
    small: Callable[[], Arguments]
    native: Callable[..., Arguments] = lambda *arguments: arguments
    result: str = "int"

    @property
    def function(self) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(programs, self.name)
        return found


def random(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def bodies(steps: int) -> Arguments:
    draw = random()
    return draw.normal(size=(16, 3)), draw.normal(size=(16, 3)), draw.uniform(1, 2, size=16), steps


def grids(size: int, rounds: int) -> Arguments:
    return random().normal(size=(size, size)), np.zeros((size, size)), rounds


def boards(size: int, rounds: int) -> Arguments:
    return random().integers(0, 2, size=(size, size), dtype=np.uint8), np.zeros((size, size), np.uint8), rounds


def matrices(size: int) -> Arguments:
    draw = random()
    return draw.normal(size=(size, size)), draw.normal(size=(size, size)), np.zeros((size, size))


def words(size: int) -> Arguments:
    draw = random()
    left, right = (draw.integers(0, 4, size=size, dtype=np.int32) for _ in range(2))
    return left, right, np.zeros(size + 1, np.int64), np.zeros(size + 1, np.int64)


def searches(size: int) -> Arguments:
    draw = random()
    return np.sort(draw.normal(size=size)), draw.normal(size=size)


def letters(size: int) -> str:
    return "".join(map(chr, random().integers(97, 123, size=size)))


def code_points(text: str) -> np.ndarray[Any, Any]:
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)


CASES = (
    Case("mandelbrot", "scalar", lambda: (160, 120, 200), lambda: (16, 12, 50)),
    Case("collatz", "checked", lambda: (30_000,), lambda: (300,)),
    Case("random_walk", "checked", lambda: (1_000_000, 2**31), lambda: (1000, 2**31)),
    Case("fib", "checked", lambda: (27,), lambda: (12,)),
    Case("ackermann", "checked", lambda: (2, 900), lambda: (2, 5)),
    Case(
        "nbody",
        "array",
        lambda: bodies(300),
        lambda: bodies(3),
        lambda position, velocity, mass, steps: (position, velocity, mass, len(mass), steps),
        "float",
    ),
    Case(
        "jacobi",
        "array",
        lambda: grids(256, 10),
        lambda: grids(12, 2),
        lambda grid, other, rounds: (grid, other, *grid.shape, rounds),
        "float",
    ),
    Case(
        "life",
        "array",
        lambda: boards(256, 4),
        lambda: boards(10, 3),
        lambda board, other, rounds: (board, other, *board.shape, rounds),
    ),
    Case(
        "matmul",
        "array",
        lambda: matrices(160),
        lambda: matrices(6),
        lambda a, b, c: (a, b, c, *a.shape, b.shape[1]),
        "float",
    ),
    Case(
        "floyd_warshall",
        "array",
        lambda: (random().uniform(1, 9, size=(160, 160)),),
        lambda: (random().uniform(1, 9, size=(7, 7)),),
        lambda distance: (distance, len(distance)),
        "float",
    ),
    Case(
        "edit_distance",
        "array",
        lambda: words(1200),
        lambda: words(20),
        lambda left, right, previous, current: (left, right, previous, current, len(left), len(right)),
    ),
    Case(
        "sieve",
        "array",
        lambda: (np.zeros(1_000_000, np.uint8),),
        lambda: (np.zeros(1000, np.uint8),),
        lambda flags: (flags, len(flags)),
    ),
    Case(
        "heapsort",
        "array",
        lambda: (random().integers(0, 10**9, size=50_000),),
        lambda: (random().integers(0, 10**9, size=50),),
        lambda values: (values, len(values)),
    ),
    Case(
        "binary_search",
        "array",
        lambda: searches(50_000),
        lambda: searches(50),
        lambda table, wanted: (table, wanted, len(table), len(wanted)),
    ),
    Case(
        "fnv_hash",
        "array",
        lambda: (random().integers(0, 256, size=100_000, dtype=np.uint8), 10),
        lambda: (random().integers(0, 256, size=100, dtype=np.uint8), 2),
        lambda data, rounds: (data, len(data), rounds),
        "uint64",
    ),
    Case(
        "count_words",
        "dict",
        lambda: (random().integers(0, 10**6, size=200_000), 10_000),
        lambda: (random().integers(0, 10**6, size=300), 20),
        lambda codes, n_keys: (codes, len(codes), n_keys),
    ),
    Case(
        "count_vowels",
        "string",
        lambda: (letters(1_000_000),),
        lambda: (letters(1000),),
        lambda text: (code_points(text), len(text)),
    ),
)
