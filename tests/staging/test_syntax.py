"""Syntax whose meaning is more than a branch or a loop, four ways: as Python, as IR, as optimised IR, native."""

import pytest

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


PROGRAMS = [
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
