"""Recursive programs that a native function could get wrong, each under the law."""

from __future__ import annotations

import pytest

from tests.harness.law import check_law


def flag(x, up):
    if x > 20:
        return x
    if up:
        return flag(x + 3, False)
    return flag(x * 2, True) + 1


def static_flags(n):
    return flag(n, True)


def loop_variable_in_a_closure(n):
    total = 0
    for i in range(n):

        def go(k):
            return i if k <= 0 else go(k - 1) + i

        total += go(i)
    return total


def star_and_keyword_arguments(n):
    def f(k, *rest, scale=2):
        return k * scale if k <= 1 else f(k - 1, *rest, scale=scale) + len(rest)

    return f(n, n, n, scale=n)


def mutual_counters(n):
    x = 0
    y = 0

    def a(k):
        nonlocal x
        x += 1
        if k > 0:
            b(k - 1)

    def b(k):
        nonlocal y
        y += x
        if k > 0:
            a(k - 1)

    for i in range(n):
        a(i)
        if i % 2 == 0:
            b(i)
    return x, y


def deepest_in_a_loop(n):
    def depth(k):
        if k <= 0:
            return 0
        best = 0
        for j in range(k):
            d = depth(j)
            if d > best:
                best = d
        return best + 1

    return depth(n)


def return_from_a_loop(n):
    def count(k):
        while k > 0:
            if k % 3 == 0:
                return count(k // 3) + 1
            k -= 1
        return 0

    return count(n)


def prints_and_none(n):
    def sign(k):
        return None if k <= 0 else (print(k), sign(k - 1))[0]

    sign(n)
    return n


def polynomial(n, x):
    def horner(k):
        return 0 if k < 0 else k + x * horner(k - 1)

    return horner(n)


def two_variables(n):
    def f(k):
        a, b = 0, 1
        if k > 2:
            a, b = f(k - 1), f(k - 2)
        return a + b

    return f(n)


def balanced_counter(n):
    seen = 0

    def f(k):
        nonlocal seen
        if k <= 0:
            return 0
        seen = seen + 1
        r = f(k - 1)
        seen = seen - 1
        return r + seen

    r = f(n)
    return r, seen


def cell_that_control_flow_assigned(n):
    m = n
    m = m + 1

    def f(k):
        return m if k <= 0 else f(k - 1)

    if n > 2:
        m = 50
    return f(n)


def cell_of_each_call(n):
    def outer(k):
        c = 0

        def inner(j):
            nonlocal c
            c += j
            if j > 0:
                inner(j - 1)

        inner(k)
        return c if k <= 0 else c + outer(k - 1)

    return outer(n)


def asserts(n):
    def f(k):
        assert k > -5, "deep"
        return f(k - 1) if k < 0 else k

    return f(n)


def recursive_lambda(n):
    a = lambda k: k if k <= 0 else a(k - 2)  # noqa: E731
    return a(n)


def no_arguments(n):
    k = 0

    def f():
        nonlocal k
        k += 1
        if k < n:
            f()

    f()
    return k


def pairs(n):
    def f(k):
        if k <= 0:
            return (1, 2.0)
        a, b = f(k - 1)
        return (a + k, b * 0.5)

    return f(n)[0] + f(n + 1)[0]


def call_in_an_argument(n):
    def f(k, acc):
        return acc if k <= 0 else f(k - 1, acc + f(k - 2, acc))

    return f(n, n)


def variable_that_may_be_unset(n):
    for i in range(n):
        x = i * 2

    def go(k):
        if k > 3:
            return x + 0
        return 7 if k <= 0 else go(k - 1)

    return go(n)


PROGRAMS = {
    static_flags: [(0,), (5,), (30,)],
    loop_variable_in_a_closure: [(0,), (4,)],
    star_and_keyword_arguments: [(1,), (4,)],
    mutual_counters: [(0,), (5,)],
    deepest_in_a_loop: [(0,), (5,)],
    return_from_a_loop: [(0,), (10,), (27,)],
    prints_and_none: [(0,), (3,)],
    polynomial: [(4, 2), (4, -3)],
    two_variables: [(0,), (6,)],
    balanced_counter: [(0,), (4,)],
    cell_that_control_flow_assigned: [(0,), (5,)],
    cell_of_each_call: [(0,), (4,)],
    asserts: [(3,), (-2,)],
    recursive_lambda: [(5,), (-1,)],
    no_arguments: [(0,), (5,)],
    pairs: [(0,), (3,)],
    call_in_an_argument: [(0,), (4,)],
    variable_that_may_be_unset: [(0,), (3,), (5,)],
}


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_recursion_means_what_python_means(program):
    check_law(program, *PROGRAMS[program])
