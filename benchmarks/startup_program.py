"""The program that `startup` times: prints figures of its own process, a name and a number a line."""

import time
import timeit

started = time.perf_counter()
import pylms  # noqa: E402

imported = time.perf_counter()


@pylms.lms
def power(b, x):
    if x == 0:
        return 1
    else:
        return b * power(b, x - 1)


def plain(x):
    return power(x, 3)


power3 = pylms.stage(plain)
before = time.perf_counter()
power3(4)
print("import", (imported - started) * 1e3)
print("first", (time.perf_counter() - before) * 1e3)
repeats = 200_000


def cube(x):
    return x * (x * x)


def call_time(call, **names):
    """Nanoseconds of one call."""
    return min(timeit.repeat(call, globals=names, number=repeats, repeat=5)) / repeats * 1e9


print("call", call_time("f(4)", f=power3))
print("python", call_time("f(4)", f=cube))

import numpy as np  # noqa: E402


@pylms.stage
def first_elements(a, b, c):
    c[0] = a[0] + b[0]


def ten_lines(x, n):
    total = 0.0
    for i in range(n):
        if i % 2 == 0:
            total += x * i
        else:
            total -= x / (i + 1)
        while total > 1e6:
            total /= 2
    return total


arrays = [np.ones(4) for _ in range(3)]
first_elements(*arrays)
print("arrays", call_time("f(a, b, c)", f=first_elements, **dict(zip("abc", arrays))))
compiled = pylms.stage(ten_lines)
before = time.perf_counter()
compiled(0.5, 10)
print("ten", (time.perf_counter() - before) * 1e3)
