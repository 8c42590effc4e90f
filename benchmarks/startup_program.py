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


for name, function in (("call", power3), ("python", cube)):
    print(name, min(timeit.repeat("f(4)", globals={"f": function}, number=repeats, repeat=5)) / repeats * 1e9)
