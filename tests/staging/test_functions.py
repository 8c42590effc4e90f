"""Functions that call themselves and each other on staged values: native functions, found by themselves."""

from __future__ import annotations

import functools
import re
import threading
from collections import namedtuple
from dataclasses import dataclass

import pytest

from pylms import lms, rep_fun, stage, staged
from pylms.errors import StagedTypeError, StagingError
from tests.harness.law import check_law


def names_in(function):
    """The functions of a compiled program, the main one first."""
    return re.findall(r"^function @\"?([\w$<>]+)", function.inspect_ir(), re.MULTILINE)


# Recursion that ends on a staged value


def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


def factorial(n):
    return 1 if n <= 0 else n * factorial(n - 1)


def ackermann(m, n):
    if m == 0:
        return n + 1
    if n == 0:
        return ackermann(m - 1, 1)
    return ackermann(m - 1, ackermann(m, n - 1))


def gcd(a, b):
    return a if b == 0 else gcd(b, a % b)


def is_even(n):
    return True if n == 0 else is_odd(n - 1)


def is_odd(n):
    return False if n == 0 else is_even(n - 1)


def female(n):
    return 1 if n <= 0 else n - male(female(n - 1))


def male(n):
    return 0 if n <= 0 else n - female(male(n - 1))


def power(base, n):
    if n <= 0:
        return 1.0
    half = power(base, n // 2)
    return half * half if n % 2 == 0 else half * half * base


def half_life(x, n):
    """The base case gives an int literal, the others a float."""
    if n <= 0:
        return 1
    return x * half_life(x, n - 1)


def late_float(n):
    """What one recursive path gives is known only after another."""
    if n <= 0:
        return 0
    if n < 5:
        return late_float(n - 1)
    return late_float(n - 1) * 0.5 + 1


def mccarthy(n):
    return n - 10 if n > 100 else mccarthy(mccarthy(n + 11))


def collatz(n, steps):
    if n == 1:
        return steps
    return collatz(n // 2, steps + 1) if n % 2 == 0 else collatz(3 * n + 1, steps + 1)


def divisors(n):
    """Recursion inside a loop."""
    total = 1
    for k in range(1, n // 2 + 1):
        if n % k == 0:
            total = total + divisors(k)
    return total


def depth_of(n):
    """A loop inside recursion."""
    count = 0
    while n > 1:
        n = n // 2
        count = count + 1
    return count if count < 2 else count + depth_of(count)


def short_circuit(n):
    return n <= 0 or (n != 7 and short_circuit(n - 2))


def raises(n):
    if n < 0:
        raise ValueError("negative")
    return 0 if n == 0 else raises(n - 3)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (fib, [(0,), (1,), (-1,), (10,)]),
        (factorial, [(0,), (5,), (20,), (-3,)]),
        (ackermann, [(0, 0), (1, 2), (2, 2)]),
        (gcd, [(12, 18), (0, 0), (7, 0), (-12, 18), (2**62, 2**40)]),
        (is_even, [(0,), (1,), (10,), (11,)]),
        (female, [(0,), (5,), (9,)]),
        (male, [(0,), (5,), (9,)]),
        (power, [(2.0, 10), (0.5, 3), (1.5, 0)]),
        (half_life, [(0.5, 0), (0.5, 4), (float("inf"), 2)]),
        (late_float, [(0,), (3,), (8,)]),
        (mccarthy, [(101,), (95,)]),
        (collatz, [(1, 0), (6, 0), (27, 3)]),
        (divisors, [(1,), (12,), (24,)]),
        (depth_of, [(1,), (100,), (2**40,)]),
        (short_circuit, [(0,), (8,), (9,), (7,)]),
        (raises, [(0,), (9,), (10,)]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_recursion_means_what_python_means(function, arguments):
    if function is half_life:
        # An int where Python gives one by chance of the arguments; compiled code gives one type.
        arguments = [case for case in arguments if case[1] > 0]
    if function is late_float:
        arguments = [case for case in arguments if case[0] >= 5]
    check_law(function, *arguments)


def test_the_type_of_a_result_is_that_of_all_paths():
    assert repr(stage(half_life)(0.5, 0)) == "1.0"
    assert repr(stage(late_float)(3)) == "0.0"


def test_a_function_that_only_calls_itself_is_the_program():
    compiled = stage(fib)
    compiled(3)
    assert names_in(compiled) == ["fib"]
    assert "(call fib " in compiled.code
    assert "static long long fib(pylms_context *ctx, long long n) {" in compiled.Ccode


def test_a_known_number_is_passed_where_a_staged_one_goes():
    compiled = stage(ackermann)
    compiled(1, 1)
    assert names_in(compiled) == ["ackermann"]


def test_mutual_recursion_stays_one_function_where_it_can():
    compiled = stage(is_even)
    compiled(4)
    assert names_in(compiled) == ["is_even"]
    compiled = stage(female)
    compiled(4)
    assert names_in(compiled) == ["female", "male"]


# Tuples, static arguments, prints

Point = namedtuple("Point", "x y")


def swap_down(pair, n):
    if n <= 0:
        return pair
    a, b = swap_down((pair[1], pair[0] + 1), n - 1)
    return b, a


def walk(point, n):
    return point if n <= 0 else walk(Point(point.x + 1, point.y * 2.0), n - 1)


def extended_gcd(a, b):
    if b == 0:
        return a, 1, 0
    g, x, y = extended_gcd(b, a % b)
    return g, y, x - (a // b) * y


def hanoi(n, source, target, spare):
    if n > 0:
        hanoi(n - 1, source, spare, target)
        print(f"{n}: {source} -> {target}")
        hanoi(n - 1, spare, target, source)


def play(n):
    hanoi(n, "A", "C", "B")


def pair_program(n):
    return swap_down((n, staged(1)), n)


def walk_program(n):
    end = walk(Point(staged(0), staged(1.0)), n)
    return end.x, end.y


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (pair_program, [(0,), (3,), (6,)]),
        (walk_program, [(0,), (4,)]),
        (extended_gcd, [(240, 46), (5, 0)]),
        (play, [(0,), (1,), (4,)]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_tuples_and_static_arguments(function, arguments):
    check_law(function, *arguments)


def test_each_combination_of_static_arguments_is_a_function_of_its_own():
    compiled = stage(play)
    compiled(2)
    assert len(names_in(compiled)) == 6


def test_a_named_tuple_stays_one():
    def program(n):
        return walk(Point(n, staged(1.0)), n)

    assert stage(program)(3) == Point(6, 8.0)


@dataclass(frozen=True)
class Interval:
    low: float
    high: float


def bisect(n):
    """The square root of n, between two bounds."""

    def narrow(interval, steps):
        middle = (interval.low + interval.high) / 2
        if steps == 0:
            return middle
        if middle * middle > n:
            return narrow(Interval(interval.low, middle), steps - 1)
        return narrow(Interval(middle, interval.high), steps - 1)

    return narrow(Interval(staged(0.0), n + 1.0), n)


def test_frozen_dataclasses_are_passed_field_by_field():
    check_law(bisect, (0,), (2,), (50,))


# Closures


def counter(n):
    calls = 0

    def visit(k):
        nonlocal calls
        calls += 1
        if k > 0:
            visit(k - 1)
            visit(k - 2)

    visit(n)
    visit(3)
    return calls


def float_counter(n):
    total = 0

    def add(k):
        nonlocal total
        total = total + k * 0.5
        if k > 1:
            add(k - 1)

    add(n)
    return total


def reads_outer(n, step):
    bound = n * 10

    def climb(k):
        return k if k >= bound else climb(k + step)

    return climb(0)


def reads_a_changing_cell(n):
    base = 1
    first = 0

    def down(k):
        return base if k <= 0 else down(k - 1) + 1

    first = down(n)
    base = 100
    return first * 1000 + down(n)


def writes_under_control(n):
    best = -1

    def search(lo, hi):
        nonlocal best
        if lo <= hi:
            mid = (lo + hi) // 2
            if mid * mid <= n:
                best = mid
                search(mid + 1, hi)
            else:
                search(lo, mid - 1)

    search(0, n)
    return best


def in_a_loop(n):
    total = 0

    def add(k):
        nonlocal total
        total += k
        if k > 0:
            add(k - 1)

    for i in range(n):
        add(i)
    return total


def mutual_closures(n):
    steps = 0

    def ping(k):
        nonlocal steps
        steps += 1
        return 0 if k <= 0 else pong(k - 1) + 1

    def pong(k):
        nonlocal steps
        steps += 10
        return 0 if k <= 0 else ping(k - 2) + 2

    result = ping(n)
    return result, steps


def native_in_native(n, m):
    def outer(k):
        def inner(j):
            return k if j <= 0 else inner(j - 1) + m

        return 0 if k <= 0 else inner(k) + outer(k - 1)

    return outer(n)


def passes_functions(n):
    def apply(f, k):
        return f(k) if k <= 0 else f(k) + apply(f, k - 1)

    return apply(lambda k: k * 2, n) + apply(lambda k: k + n, n)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (counter, [(0,), (4,), (-1,)]),
        (float_counter, [(1,), (4,)]),
        (reads_outer, [(1, 3), (5, 7)]),
        (reads_a_changing_cell, [(0,), (3,)]),
        (writes_under_control, [(0,), (10,), (99,)]),
        (in_a_loop, [(0,), (5,)]),
        (mutual_closures, [(0,), (7,)]),
        (native_in_native, [(3, 2), (0, 1)]),
        (passes_functions, [(0,), (5,)]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_closures_pass_what_they_capture(function, arguments):
    check_law(function, *arguments)


# Depth


def down(n):
    return 0 if n == 0 else 1 + down(n - 1)


def sink(n):
    """Nothing is left to do after the call, and yet it goes on for ever."""
    return 0 if n == 0 else sink(n)


@pytest.mark.parametrize("function", [down, sink])
def test_endless_recursion_raises_what_python_raises(function):
    compiled = stage(function)
    assert compiled(0) == 0
    with pytest.raises(RecursionError, match="maximum recursion depth exceeded"):
        compiled(-1 if function is down else 1)


def test_recursion_may_go_deeper_than_python_goes():
    assert stage(down)(20_000) == 20_000


@pytest.mark.parametrize("stack", [0, 256 * 1024, 16 * 1024 * 1024])
def test_the_stack_of_a_thread_has_its_own_end(stack):
    compiled = stage(down)
    outcomes = []

    def run():
        outcomes.append(compiled(100))
        try:
            compiled(10**9)
        except RecursionError as error:
            outcomes.append(str(error))

    before = threading.stack_size(stack)
    thread = threading.Thread(target=run)
    thread.start()
    threading.stack_size(before)
    thread.join()
    assert outcomes == [100, "maximum recursion depth exceeded"]


def test_an_error_in_a_native_function_is_at_its_line():
    with pytest.raises(OverflowError) as caught:
        stage(factorial)(30)
    assert caught.traceback[-1].lineno == factorial.__code__.co_firstlineno


# Errors while staging


def no_base_case(n):
    return no_base_case(n - 1) if n > 0 else no_base_case(n + 1)


def test_no_base_case():
    with pytest.raises(StagingError, match="every path through `no_base_case` calls it again: it would never return"):
        stage(no_base_case)(3)


def two_types(n):
    return n if n > 100 else two_types(n + 1) * 0.5


def test_results_of_two_types():
    with pytest.raises(StagedTypeError, match="int on one path and float on the other"):
        stage(two_types)(3)


def grows(x, n):
    return x if x > 100 else grows(x * 2, n + 1)


def endless(x, n):
    return x * endless(x, n + 1)


def test_static_recursion_has_a_budget():
    with pytest.raises(StagingError) as caught:
        stage(lambda x: endless(x, 0))(3)
    assert "`endless`: its calls go 1000 deep while staging, and `n` is another number each time" in str(caught.value)
    assert "let it begin as a staged value: staged(n)" in str(caught.value)


def added_up(n, total=0):
    return total if n == 0 else added_up(n - 1, total + 2)


def halved(x, pair):
    count, weight = pair
    return weight + count if x < 1 else halved(x - 1, (count + 1, weight * 0.5))


def queens(n):
    def place(row, columns, left, right):
        if row == n:
            return 1
        count = 0
        free = ~(columns | left | right) & ((1 << n) - 1)
        while free:
            bit = free & -free
            free ^= bit
            count += place(row + 1, columns | bit, (left | bit) << 1, (right | bit) >> 1)
        return count

    return place(0, 0, 0, 0)


def moves(n):
    found = []

    def move(k, source, target, spare, depth):
        if k:
            move(k - 1, source, spare, target, depth + 1)
            found.append((source, target, depth))
            move(k - 1, spare, target, source, depth + 1)

    move(n, 0, 2, 1, 0)
    return found


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (lambda x: grows(x, 0), (3, 1, 200)),
        (added_up, (0, 1, 5000)),
        (lambda x: halved(x, (0, 1.0)), (0, 7)),
        (queens, (1, 4, 6)),
        (moves, (0, 1, 4)),
    ],
    ids=["counted", "default", "tuple", "queens", "hanoi"],
)
def test_known_numbers_that_recursion_changes_under_staged_control_are_staged(function, arguments):
    compiled = stage(function)
    for argument in arguments:
        assert compiled(argument) == function(argument) if argument < 900 else compiled(argument) == 2 * argument


def test_two_calls_begin_such_recursion_with_other_numbers():
    compiled = stage(lambda x: grows(x, 0) + grows(x, 5) * 1000)
    assert compiled(3) == 192 + 192 * 1000


def test_known_numbers_that_end_the_recursion_unfold_under_staged_control():
    def steps(x, n):
        if n == 20:
            return x
        return x if x > 100 else steps(x * 2, n + 1)

    compiled = stage(lambda x: steps(x, 0))
    assert [compiled(0), compiled(3)] == [0, 192]
    assert "call" not in compiled.code


def test_recursion_on_known_numbers_unfolds():
    def raised(base, exponent):
        return 1 if exponent == 0 else base * raised(base, exponent - 1)

    compiled = stage(lambda base: raised(base, 3))
    assert compiled(5) == 125
    assert "call" not in compiled.code
    assert stage(lambda base: raised(base, 700))(1) == 1


# Native functions on request, staged functions, helpers


@rep_fun
def squared(x):
    """A square."""
    return x * x


def test_rep_fun_is_a_native_function_in_staged_code_and_python_outside():
    compiled = stage(lambda x: squared(x) + squared(3))
    assert compiled(4) == 25
    assert names_in(compiled)[1:] == ["squared"]
    assert squared(4) == 16
    assert squared.__doc__ == "A square."


def test_rep_fun_of_another_type_is_another_function():
    compiled = stage(lambda x: squared(x) + squared(0.5))
    assert compiled(4) == 16.25
    assert names_in(compiled)[1:] == ["squared", "squared$2"]


@stage
def staged_gcd(a, b):
    return a if b == 0 else staged_gcd(b, a % b)


def test_staged_functions_call_each_other_natively():
    compiled = stage(lambda n: staged_gcd(n, 12) + staged_gcd(n, 18))
    assert compiled(24) == 18
    assert names_in(compiled)[1:] == ["staged_gcd"]


def branching(x, bound=10):
    return x if x < bound else bound


class Clip:
    def __init__(self, bound):
        self.bound = bound

    def apply(self, x):
        if x > self.bound:
            return self.bound
        return x


def helpers(x):
    clip = Clip(5)
    small = functools.partial(branching, bound=3)
    sign = lambda value: 1 if value > 0 else -1  # noqa: E731
    return branching(x) + branching(x, bound=x // 2) + small(x) + clip.apply(x) + sign(x)


def test_undecorated_functions_are_virtualised_where_they_are_called():
    check_law(helpers, (0,), (4,), (100,), (-7,))


def test_recursive_false_leaves_them_as_they_are():
    for compiled in (stage(recursive=False)(helpers), stage(lms(recursive=False)(helpers))):
        with pytest.raises(StagingError, match="this function was not virtualised"):
            compiled(3)


without_source = eval("lambda x: x + 1")


def test_functions_that_cannot_be_virtualised_run_as_they_are():
    assert stage(lambda x: without_source(x))(3) == 4


def test_functions_of_libraries_run_as_they_are():
    assert stage(lambda x: functools.reduce(lambda a, b: a + b, [x, 1, 2]))(3) == 6
