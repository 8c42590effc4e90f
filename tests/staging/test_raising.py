"""Exceptions under staged control flow: raised when the compiled code runs, if it comes there."""

import math

import pytest

from pylms import stage
from pylms.errors import NotSupportedYetError
from tests.harness.law import check_law


def raises_on_one_side(x):
    if x < 0:
        raise ValueError("negative")
    return x * 2


def raises_without_a_message(x):
    if x == 3:
        raise IndexError
    return x


def one_side_returns_the_other_raises(x):
    if x > 0:
        return x, x * 0.5
    else:
        raise AssertionError("not positive")


def both_sides_raise(x):
    print("before", x)
    if x > 0:
        raise ValueError("positive")
    else:
        raise IndexError("not positive")


def elif_chain_ends_by_raising(x):
    if x == 0:
        name = 10
    elif x == 1:
        name = 11
    else:
        raise ValueError("neither")
    return name


def raises_in_a_loop(n):
    total = 0
    for i in range(n):
        print(i)
        if i == 4:
            raise IndexError("four")
        total += i
    return total


def raises_always_in_a_loop(n):
    for i in range(n):
        print(i)
        raise ValueError("at once")
    return n


def raises_in_a_condition(n):
    def failing(k):
        if k > 2:
            raise ValueError("condition")
        return k

    i = 0
    while failing(i) < n:
        i += 1
    return i


def condition_always_raises(n):
    def failing():
        raise ValueError("condition")

    if n > 0:
        while n > 1 and failing():
            n -= 1
    return n


def a_static_operation_fails_in_a_branch(x):
    if x > 5:
        return 1 // 0
    if x > 4:
        return [1, 2][7]
    if x > 3:
        return int(math.sqrt(-1.0))
    return x


def raises_in_an_operand(x):
    def failing():
        raise ValueError("operand")

    return x > 1 or failing()


def raises_in_a_helper(x):
    def checked(value):
        if value > 9:
            raise ValueError("too large")
        return value

    return checked(x) + checked(x + 1)


@pytest.mark.parametrize(
    "function",
    [
        raises_on_one_side,
        raises_without_a_message,
        one_side_returns_the_other_raises,
        both_sides_raise,
        elif_chain_ends_by_raising,
        raises_in_a_loop,
        raises_always_in_a_loop,
        raises_in_a_condition,
        condition_always_raises,
        a_static_operation_fails_in_a_branch,
        raises_in_an_operand,
        raises_in_a_helper,
    ],
)
def test_exceptions_mean_what_python_means(function):
    check_law(function, (0,), (1,), (2,), (3,), (4,), (5,), (6,), (9,), (10,), (-2,))


def test_the_message_is_the_users():
    with pytest.raises(ValueError, match="^negative$"):
        stage(raises_on_one_side)(-1)


def test_an_exception_outside_staged_control_is_raised_while_staging():
    @stage
    def program(x):
        raise KeyError("now")

    with pytest.raises(KeyError, match="now"):
        program(1)


class Refused(Exception):
    pass


def test_exceptions_that_compiled_code_cannot_raise_are_refused_at_their_line():
    @stage
    def program(x):
        if x > 0:
            raise Refused("no")
        return x

    with pytest.raises(NotSupportedYetError, match="raising Refused under staged control flow") as caught:
        program(1)
    assert 'raise Refused("no")' in str(caught.value) and "ValueError" in caught.value.hint


def test_a_staged_message_is_refused():
    @stage
    def program(x):
        if x > 0:
            raise ValueError(f"{x} is positive")
        return x

    with pytest.raises(NotSupportedYetError, match="a ValueError with a staged value in its message"):
        program(1)


def test_what_fails_in_the_users_own_generator_is_not_hidden():
    @stage
    def program(x):
        if x > 0:
            return {}["missing"]
        return x

    with pytest.raises(KeyError, match="missing"):
        program(1)


def asserts(x):
    assert x > 0
    assert x < 5 and x != 3, "not three"
    for i in range(x):
        assert i < 4, f"round {4}"
    return x


def test_assertions_mean_what_python_means():
    check_law(asserts, (1,), (2,), (3,), (4,), (5,), (0,))


def test_the_message_of_an_assertion_is_the_users():
    with pytest.raises(AssertionError, match="^not three$"):
        stage(asserts)(3)
