"""Each construct of the language, four ways: as Python, as IR, as optimised IR, native."""

import math

import pytest

from tests.harness.law import check_law


def one_sided_return(x):
    if x > 3:
        return x * 2
    x += 1
    return x


def elif_chain(x):
    if x < 0:
        sign = -1
    elif x == 0:
        sign = 0
    else:
        sign = 1
    return sign


def nested_branches(x, y):
    result = 0
    if x > 0:
        result = x
        if y > 0:
            result += y
        else:
            result -= y
    return result * 2


def while_loop(n):
    total = 0
    i = 0
    while i < n:
        total += i * i
        i += 1
    return total


def loop_with_break_and_continue(n):
    total = 0
    i = 0
    while True:
        i += 1
        if i > n:
            break
        if i % 3 == 0:
            continue
        total += i
    else:
        total = -1
    return total


def loop_else(n):
    i = 0
    while i < n:
        if i == 7:
            break
        i += 1
    else:
        i = -i
    return i


def for_range(n):
    total = 0
    for i in range(n):
        total += i
    return total


def for_range_with_step(a, b):
    total = 0
    for i in range(a, b, 3):
        total = total * 2 + i
    return total


def for_range_staged_step(a, b, c):
    total = 0
    for i in range(a, b, c):
        total = total * 2 + i
    return total


def for_with_break(n):
    for i in range(n):
        if i * i > 50:
            break
    else:
        return -1
    return i


def loop_variable_after(n):
    i = 100
    for i in range(n):
        pass
    return i


def maybe_unbound(n):
    for i in range(n):
        last = i
    return last


def enumerate_range(n):
    total = 0
    for index, value in enumerate(range(5, n)):
        total += index * value
    return total


def return_from_nested_loops(n):
    for i in range(n):
        for j in range(i):
            if i * j > 20:
                return i * 100 + j
    return -1


def logical(x, y):
    if (x > 0 and y > 0) or not (x < -5):
        return 1
    return 0


def short_circuit_protects(x, y):
    if y != 0 and x // y > 2:
        return 1
    return 0


def chained_comparison(x, y):
    return 1 if 0 < x <= y < 100 else 0


def ternary(x):
    return x * 2 if x > 0 else -x


def tuple_swap(a, b):
    i = 0
    while i < 5:
        a, b = b, a + b
        i += 1
    return a, b


def returns_tuple_from_branch(x):
    if x > 0:
        return x, 1.5
    return -x, 2.5


def augmented(x):
    y = x
    y += 2
    y *= 3
    y -= 1
    y //= 2
    y %= 17
    return y


def float_arithmetic(x, y):
    return x * y + x / y - x // y + x % y


def int_division(x, y):
    return x // y, x % y, x / y


def closure_counter(n):
    count = 0

    def bump(k):
        nonlocal count
        count += k

    i = 0
    while i < n:
        bump(i)
        i += 1
    return count


def helper_with_branch(n):
    def clamp(v):
        if v < 0:
            return 0
        if v > 10:
            return 10
        return v

    return clamp(n) + clamp(n - 5)


def literal_widens(n):
    x = 0
    i = 0
    while i < n:
        x = x + 0.5
        i += 1
    return x


def static_unrolling(x):
    total = 0
    for k in [1, 2, 3]:
        total += x * k
    return total


def generation_time_while(x):
    stack = [1, 2, 3]
    total = x
    while stack:
        total += stack.pop()
    return total


def prints(n):
    print("start", n)
    for i in range(n):
        print(f"i={i:>3} {i * 0.5:.2f}", end=";")
    print("{} of {n}".format(n, n=n), "braces {}", sep="|")
    print()


def math_functions(x):
    return math.sqrt(x) + math.exp(-x) + math.sin(x), math.floor(x), abs(-x), min(x, 2.0), max(x, 1.0, 0.5)


def bool_arithmetic(x, y):
    flag = x > y
    return flag + 1, flag and y > 0


def int_of_float(x):
    return int(x), float(int(x)), bool(x)


def overflow(x):
    return x * x * x


def power_of_staged(x, n):
    return x**n


INTS = [(0,), (1,), (-1,), (4,), (9,), (23,)]
INT_PAIRS = [(0, 0), (1, 2), (-3, 2), (7, -2), (5, 0), (40, 50)]


@pytest.mark.parametrize(
    "function",
    [
        one_sided_return,
        elif_chain,
        while_loop,
        loop_with_break_and_continue,
        loop_else,
        for_range,
        for_with_break,
        loop_variable_after,
        maybe_unbound,
        enumerate_range,
        return_from_nested_loops,
        ternary,
        augmented,
        closure_counter,
        helper_with_branch,
        static_unrolling,
        generation_time_while,
        prints,
        returns_tuple_from_branch,
    ],
)
def test_int_programs_mean_what_python_means(function):
    check_law(function, *INTS)


@pytest.mark.parametrize(
    "function",
    [
        nested_branches,
        logical,
        short_circuit_protects,
        chained_comparison,
        tuple_swap,
        int_division,
        for_range_with_step,
        bool_arithmetic,
    ],
)
def test_two_int_programs_mean_what_python_means(function):
    check_law(function, *INT_PAIRS)


def test_float_programs_mean_what_python_means():
    pairs = [(1.5, 2.0), (-7.25, 2.5), (7.25, -2.5), (0.0, 3.0), (1.0, 0.0), (1e308, 10.0), (float("inf"), 2.0)]
    check_law(float_arithmetic, *pairs)


def test_an_int_literal_widens_to_the_float_it_meets():
    check_law(literal_widens, (3,), (7,))


def test_a_staged_step_may_be_negative_or_zero():
    check_law(for_range_staged_step, (0, 10, 3), (10, 0, -3), (1, 2, 0), (5, 5, 1))


def test_functions_of_math():
    check_law(math_functions, (0.5,), (2.25,), (-1.0,), (0.0,))


def test_conversions():
    check_law(int_of_float, (2.75,), (-2.75,), (0.0,), (float("nan"),), (float("inf"),))


def test_overflow_raises():
    check_law(overflow, (2,), (-2_000_000,))
    from pylms import stage

    with pytest.raises(OverflowError):
        stage(overflow)(3_000_000)


def test_int_powers():
    check_law(power_of_staged, (2, 10), (-3, 3), (0, 0), (7, 22))
