"""Syntax whose meaning is more than a branch or a loop, four ways: as Python, as IR, as optimised IR, native."""

import pytest

from pylms import stage
from tests.harness.law import check_law

INTS = [(0,), (1,), (7,), (-1,), (2**63 - 1,)]


def walrus_in_conditions(n):
    total = 0
    while (n := n // 2) > 0:
        total += n
    if (last := total % 5) > 2:
        total -= last
    elif (k := last * 2) == 2:
        total += k
    return total, last


def walrus_in_operands(n):
    m = 0
    if (n > 0 and (m := n % 7) > 2) or (m := n % 3) == 1:
        return m
    x = (y := m + 1) if n < 0 else (y := 5)
    return x + y + m


def walrus_in_a_chain(n):
    return 0 < (m := n % 10) < 9, m


def chained_assignment(n):
    a = b = n % 5
    for i in range(3):
        a = b = b + i if n > i else a
    return a, b


def unpacked_tuples(n):
    pair = (n % 3, (n % 5, 2, 3))
    x, (y, *rest) = pair
    if n > 0:
        (x, y), *others = (y, x), 4
        x += others[0]
    [z, w], v = rest, x
    return x, y, z, w, v


def deleted_names(n):
    x = n % 4
    if n > 2:
        x += 1
    y = x
    del x
    x = y * 2
    return x


def match_on_a_number(n):
    match n % 6:
        case 0 | 4:
            return 10
        case 1:
            n -= 1
        case 2 if n > 5:
            n = 2
        case k if (m := k * 2) > 6:
            n = m + k
        case _:
            return -1
    return n


def match_on_tuples(n):
    point = (n % 3, (n % 5, "label"))
    match point:
        case (0, (y, "other")):
            return y
        case (0, (y, _)) | (1, (0 as y, _)) as whole if whole[0] < 2:
            return y
        case (x, (2 | 3 as y, str(text))):
            return x + y + len(text)
        case (x, rest) if x > rest[0]:
            n = x
    match n > 0:
        case True:
            return n
        case None:
            return -3
        case _:
            return -2


def match_in_a_loop(n):
    total = 0
    for i in range(n % 9):
        match i:
            case 0:
                continue
            case 5:
                break
            case int(k):
                total += k
    return total


NUMBERS = (3, 1, 4, 1, 5)


def sums(n):
    squares = sum(i * i for i in range(n % 100))
    chosen = sum(x for x in NUMBERS if x > n)
    pairs = sum(i * j for i in range(n % 10) if i % 2 for j in range(i) if j > 1)
    return squares, chosen, pairs, sum(i + x + y for i, (x, y) in enumerate([(1, 2), (n % 7, 3)]))


def any_and_all(n):
    some = any(x == n for x in NUMBERS), any(i * i == 16 for i in range(n % 9))
    every = all(x > n for x in NUMBERS), all(10 // (i - 5) < 3 for i in range(n % 100) if i != 5)
    if any((hit := x) > n for x in NUMBERS):
        return *some, *every, hit
    return *some, *every, 0


def stops_before_it_fails(n):
    return any(12 // (i - 3) == -6 for i in range(n % 9)), all(n % (i - 2) == 0 for i in range(3) if n != 7)


def extremes(n):
    return min(abs(i - n % 5) for i in range(10)), max(m for x in NUMBERS if (m := x * (n % 3)) >= 0)


def extreme_of_a_staged_range(n):
    return min((i * 7) % 5 for i in range(n % 6)) if n > 6 else max(-i for i in range(n % 6))


PROGRAMS = [
    sums,
    any_and_all,
    stops_before_it_fails,
    extremes,
    extreme_of_a_staged_range,
    match_on_a_number,
    match_on_tuples,
    match_in_a_loop,
    walrus_in_conditions,
    walrus_in_operands,
    walrus_in_a_chain,
    chained_assignment,
    unpacked_tuples,
    deleted_names,
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_runs_as_python(program):
    check_law(program, *INTS)


TABLE = {"a": 3, "b": -1}


def lookup_in_a_try(n):
    total = 0
    for key in ("a", "c", "b"):
        try:
            weight = TABLE[key]
        except KeyError as error:
            weight = len(error.args)
            continue
        else:
            total += n % 5 * weight
        try:
            mark = key
        finally:
            total += len(mark)
    return total


def returned_from_a_try(n):
    for key in ("c", "b", "a"):
        try:
            return n % 7 + TABLE[key]
        except LookupError:
            n = n // 2
    return n


def try_in_a_branch_and_a_loop(n):
    total = 0
    for i in range(n % 4):
        if i > 1:
            try:
                step = TABLE["missing"]
            except (KeyError, TypeError):
                step = 2
            total += step
    return total


TRIES = [lookup_in_a_try, returned_from_a_try, try_in_a_branch_and_a_loop]


@pytest.mark.parametrize("program", TRIES, ids=lambda program: program.__name__)
def test_try_around_what_is_known_while_staging(program):
    check_law(program, *INTS)


def test_a_generator_over_a_staged_range_is_one_native_loop():
    def program(n):
        return sum(i * i for i in range(n))

    assert stage(program)(10) == 285
    specialised = stage(program)
    specialised(3)
    assert specialised.inspect_ir(optimised=False).count(" for ") == 1
