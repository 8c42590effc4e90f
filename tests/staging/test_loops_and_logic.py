"""Loops and logic where plain and staged values meet."""

import pytest

from pylms import stage
from pylms.errors import NotSupportedYetError, StagedTypeError
from pylms.ir.types import INT
from tests.harness.law import check_law, staged_of
from tests.virtualize.sources import define


def staged_break_from_a_plain_loop(x):
    total = 0
    for k in [1, 2, 3, 4]:
        if x == k:
            break
        total += k
    else:
        total = -total
    return total


def staged_return_from_a_plain_loop(x):
    for k in (5, 2, 7):
        if x > k:
            return k
    return -1


def staged_break_from_an_iterator(x):
    total = 0
    for k, v in zip([1, 2, 3], [10, 20, 30]):
        total += v
        if total > x:
            break
    return total


def operands_of_different_types_in_a_condition(x):
    half = x * 0.5
    if x and half > 1.0:
        return 1
    if not (half or x > 3) or (x and half and x > 2):
        return 2
    while x and x < 3.5:
        x += 1
    return x


def test_logic_of_different_types_as_a_condition():
    check_law(operands_of_different_types_in_a_condition, (0,), (1,), (3,), (-5,))


@pytest.mark.parametrize(
    "function", [staged_break_from_a_plain_loop, staged_return_from_a_plain_loop, staged_break_from_an_iterator]
)
def test_leaving_a_plain_loop_by_a_staged_condition(function):
    check_law(function, (0,), (1,), (3,), (4,), (6,), (9,), (40,))


def test_logic_of_different_types_is_no_value():
    @stage
    def program(x):
        return x and x > 3

    with pytest.raises(StagedTypeError, match="gives bool on one path and int on the other") as caught:
        program(1)
    assert "as a condition they may differ" in caught.value.hint


def logic_of_bools(x):
    a, b = x > 1, x < 5
    return a & b, a | b, a ^ b, True & a


def bools_and_huge_ints(x):
    return x == 2**70, x != 2**70, x < 2**70, 2**70 <= x, x > -(2**70)


def bool_range(x):
    total = 0
    for i in range(x > 2):
        total += 1
    return total


def enumerate_from_a_staged_start(n):
    total = 0
    for i, v in enumerate(range(n), n):
        total = total * 3 + i * v
    return total


@pytest.mark.parametrize("function", [logic_of_bools, bools_and_huge_ints, bool_range, enumerate_from_a_staged_start])
def test_values_mean_what_python_means(function):
    check_law(function, (0,), (1,), (2,), (3,), (5,))


def float_of_int(x):
    return float(int(x)), 1.0 * int(x), -float(int(x))


def test_truncation_keeps_no_sign():
    check_law(float_of_int, (-0.5,), (0.5,), (-1.5,), (-0.0,))


def joined_texts(x):
    text = f"{x:03d}" + "!"
    print("<" + text + ">")


def test_texts_with_staged_values_join():
    check_law(joined_texts, (7,))


def test_a_text_with_staged_values_is_compared():
    def program(x):
        return 1 if f"{x}" == "1" else 2

    check_law(program, (1,), (2,))


def test_variables_around_the_staged_function_cannot_be_assigned_under_staged_control():
    count = 0

    @stage
    def program(x):
        nonlocal count
        if x > 0:
            count = 1
        return x

    with pytest.raises(NotSupportedYetError, match="`count` belongs to a function around the staged one"):
        program(1)


@stage
def rounded(x, n):
    return round(x), round(x, 2), round(x, n), round(n), round(n, -1)


@pytest.mark.parametrize("call", [(2.675, 1), (0.5, -2), (1.5, 15), (-2.5, 0), (-0.001, 25), (123456.789, -3)])
def test_round_is_pythons(call):
    assert repr(rounded(*call)) == repr(rounded.py_func(*call))


@pytest.mark.parametrize(("x", "error"), [(float("nan"), ValueError), (float("inf"), OverflowError)])
def test_rounding_what_is_no_number_raises(x, error):
    with pytest.raises(error, match="cannot convert float"):
        rounded(x, 1)


def test_round_in_loops_and_prints(capsys):
    @stage
    def program(n):
        for i in range(n):
            print(i, round(i / 3, 3))

    program(3)
    assert capsys.readouterr().out == "0 0.0\n1 0.333\n2 0.667\n"


@pytest.mark.parametrize("depth", [2, 4, 8, 16])
def test_the_cost_of_finding_native_loops_is_linear_in_the_nesting(depth):
    traced = []
    lines = ["def program(n):", "    total = 0"]
    for level in range(depth):
        lines.append("    " * (level + 1) + f"for k{level} in range(2):")
    inside = "    " * (depth + 1)
    lines += [f"{inside}note(1)", f"{inside}for i in range(n):", f"{inside}    total += i", "    return total"]
    program = define("\n".join(lines) + "\n", "program", f"<nested {depth}>", note=traced.append)
    staged_of(program, INT)
    assert len(traced) <= depth + 2


def plain_loop_that_stays_plain(n):
    total = 0
    for k in range(3):
        total += [10, 20, 30][k] * n
    return total


def plain_loop_around_a_native_one(n):
    total = 0
    for k in range(4):
        print(k)
        for i in range(n):
            if i > k:
                break
            total += i * k
    else:
        total = -total
    return total


@pytest.mark.parametrize("function", [plain_loop_that_stays_plain, plain_loop_around_a_native_one])
def test_plain_ranges(function):
    check_law(function, (0,), (1,), (3,), (7,))


def containers_in_conditions(n, text):
    items, seen, steps = [5, 3, 8], {}, 0
    while items and items[-1] > n:
        seen[items.pop()] = n
        steps += 1
    if seen and len(seen) > 1:
        steps += 10
    if not (text and n > 2) or (n > 4 and items):
        steps += 100
    if text[n:] or items or n == 7:
        steps += 1000
    return steps


def test_containers_and_strings_stand_beside_numbers_in_conditions():
    check_law(containers_in_conditions, *[(n, text) for n in (0, 3, 4, 5, 7, 9) for text in ("", "abcd")])
