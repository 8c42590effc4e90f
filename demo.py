"""Three small functions, staged: a power unfolded to multiplications, a loop, and a branch."""

import os

from pylms import lms, stage

os.environ.setdefault("PYLMS_GEN_DIR", "gen")


@lms
def power(b, x):
    if x == 0:
        return 1
    else:
        return b * power(b, x - 1)


@lms
def loop(n):
    x = 0
    while x < n:
        x = x + 1
    return x


@lms
def clamp(x, low, high):
    if x < low:
        return low
    if x > high:
        return high
    return x


@stage
def power3(x):
    return power(x, 3)


@stage
def count(n):
    return loop(n)


@stage
def clamped(x: float):
    return clamp(x, -1.0, 1.0)


def section(title):
    print(f"{'=' * 62}\n{f' {title} '.center(62, '=')}\n{'=' * 62}")


if __name__ == "__main__":
    section("ORIGINAL SOURCE")
    for function in (power, loop, clamp):
        print(function.original_src)
    section("STAGED SOURCE")
    for function in (power, loop, clamp):
        print(function.src)
    section("IR CODE")
    for function in (power3, count, clamped):
        print(function.code)
    section("GENERATED CODE")
    for function in (power3, count, clamped):
        print(function.Ccode)
    section("EXECUTING CODE")
    print("power3(4) =", power3(4))
    print("count(10) =", count(10))
    print("clamped(2.5) =", clamped(2.5))
