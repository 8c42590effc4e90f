"""Loops over plain ranges: unrolled within a budget, one native loop beyond it (DESIGN D3)."""

import logging

import pytest

from pylms import Options, stage, static
from tests.harness.law import check_law

SMALL = Options(unroll_budget=50)


def loops_in(staged) -> int:
    return staged.inspect_ir(optimised=False).count(" for ") + staged.inspect_ir(optimised=False).count(" while ")


def test_a_short_loop_is_unrolled() -> None:
    @stage
    def short(x):
        for i in range(4):
            x = x * 2.0 + i
        return x

    assert short(1.5) == short.py_func(1.5)
    assert loops_in(short) == 0


def test_a_loop_beyond_the_budget_is_one_native_loop() -> None:
    def long(x):
        total = 0.0
        for i in range(100_000):
            total = total * 0.5 + x * i
        return total

    staged = stage(long)
    assert staged(2.0) == long(2.0)
    assert loops_in(staged) == 1
    check_law(long, (2.0,), (-0.0,), (float("inf"),))


def test_a_long_loop_that_breaks_is_native_too() -> None:
    def first_above(x):
        found = -1
        for i in range(0, 100_000, 7):
            if i * i * 0.001 > x:
                found = i
                break
        return found

    staged = stage(options=SMALL)(first_above)
    for x in (-1.0, 5.0, 1e9):
        assert staged(x) == first_above(x)
    assert loops_in(staged) == 1


def test_an_outer_loop_is_rolled_before_the_one_in_it() -> None:
    def nested(x):
        total = x
        for i in range(30):
            for j in range(30):
                total += i * j
        return total

    staged = stage(options=SMALL)(nested)
    assert staged(1) == nested(1)
    assert loops_in(staged) == 2


def test_a_loop_that_only_unrolls_warns_where_it_is(caplog: pytest.LogCaptureFixture) -> None:
    names = [f"{number}" for number in range(40)]

    @stage(options=SMALL)
    def by_name(x):
        total = x
        for i in range(40):
            total = total * 3 + int(names[i]) + x
        return total % 1000

    with caplog.at_level(logging.WARNING, logger="pylms"):
        assert by_name(0) == by_name.py_func(0)
    (record,) = caplog.records
    line = by_name.py_func.__code__.co_firstlineno + 3
    assert f"{__file__}:{line}: a loop is unrolled to" in record.getMessage()
    assert "in 40 rounds" in record.getMessage()


def test_unrolling_that_is_asked_for_does_not_warn(caplog: pytest.LogCaptureFixture) -> None:
    @stage(options=SMALL)
    def asked(x):
        for i in static(range(40)):
            x = x * 0.5 + i
        return x

    with caplog.at_level(logging.WARNING, logger="pylms"):
        assert asked(1.0) == asked.py_func(1.0)
    assert not caplog.records
    assert loops_in(asked) == 0


def test_an_outer_loop_that_needs_its_index_now_is_unrolled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    names = ["1", "2", "3"]

    @stage(options=SMALL)
    def outer(x):
        for i in range(3):
            number = int(names[i])
            for j in range(100):
                x = x * 0.5 + j * number
        return x

    with caplog.at_level(logging.WARNING, logger="pylms"):
        assert outer(1.0) == outer.py_func(1.0)
    assert len(caplog.records) >= 1
