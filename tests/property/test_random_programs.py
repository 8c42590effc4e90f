"""The law (DESIGN D13) on random programs: Python = interpret(IR) = interpret(optimised IR) = native."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pylms import generate, stage
from pylms.errors import InternalError, PylmsError
from pylms.ir.interpret import interpret
from pylms.running import result_of
from tests.harness.law import OPTIONS, TYPES, PrintingHost, outcome, same, staged_of
from tests.property.checked_python import TooLarge, checked_program, unbounded
from tests.property.typed_programs import Programs
from tests.virtualize.sources import define

INTS = [0, 1, -1, 2, 7, -5, 2**31, 2**62, 2**63 - 1, -(2**63), -(2**53) - 1]
FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, -3.5, 1e16, 1e308, -1e-310, math.inf, -math.inf, math.nan]
PYTHON_TYPES = {"int": int, "float": float, "bool": bool}
CALLS = 6


def arguments(chooser: random.Random, types: list[str]) -> tuple[object, ...]:
    """At the edges of the types every third time."""
    found: list[object] = []
    for type_ in types:
        edge = chooser.randint(1, 3) == 1
        if type_ == "int":
            found.append(chooser.choice(INTS) if edge else chooser.randint(-9, 12))
        elif type_ == "float":
            found.append(chooser.choice(FLOATS) if edge else chooser.randint(-20, 20) / 4)
        else:
            found.append(chooser.choice([False, True]))
    return tuple(found)


def ways_to_run(program, types, *, natively):
    """The staged program as functions of the arguments; None where it is refused, or raises whatever the arguments are.

    Only ints that 64 bits cannot hold are refused.
    """
    try:
        staged = staged_of(program, *[TYPES[PYTHON_TYPES[type_]] for type_ in types])
    except PylmsError as error:
        assert not isinstance(error, InternalError) and "64" in error.message, error
        return None
    except (ArithmeticError, AssertionError, IndexError, UnboundLocalError, ValueError) as error:
        return {"staging": raising(error)}
    functions = {"interpreted": staged.function, "optimised": generate.optimise(staged.function, OPTIONS)}

    def interpreted(function, arguments):
        results = interpret(function, arguments, host=PrintingHost())
        return result_of(staged, iter(results))

    ways = {
        way: (lambda *arguments, function=function: interpreted(function, arguments))
        for way, function in functions.items()
    }
    if natively:
        ways["native"] = stage(program)
    return ways


def raising(error):
    def run(*_arguments):
        raise error

    return run


def check(chooser: random.Random, *, natively: bool) -> None:
    source, types = Programs(chooser, statements=3, depth=3).program()
    calls = [arguments(chooser, types) for _ in range(CALLS)]
    program = define(source, "program", f"<program {hash(source)}>", math=math)
    checked, unchecked = checked_program(source), checked_program(source, check=unbounded)
    outcomes = [outcome(lambda call=call: checked(*call)) for call in calls]
    if any(each[0] is TooLarge for each in outcomes):
        return  # it may go on for ever while staging as well
    ways = ways_to_run(program, types, natively=natively)
    if ways is None:
        return
    for call, checked_outcome in zip(calls, outcomes, strict=True):
        # Where ints have left 64 bits they may grow for ever: Python is better not asked to go on.
        if checked_outcome[0] is not OverflowError:
            assert same(checked_outcome, outcome(lambda: program(*call))), f"{source}\n{call}: the reference is wrong"
        for way, run in ways.items():
            found = outcome(lambda: run(*call))
            if way == "staging":
                python = outcome(lambda: unchecked(*call))
                assert isinstance(python[0], type), f"{source}\n{call}: staging raises {found}, Python gives {python}"
            elif not agrees(checked_outcome, found):
                assert checked_outcome[0] is OverflowError and (
                    is_later_overflow(checked_outcome, found) or is_pythons(outcome(lambda: unchecked(*call)), found)
                ), f"{source}\n{way}{call}: {found}\nand in 64 bits Python gives {checked_outcome}"


def agrees(expected, found):
    """The same outcome; a closure that reads an unset variable raises the subclass of Python's NameError."""
    if expected[0] is NameError:
        expected = (UnboundLocalError, expected[1])
    return same(expected, found)


def is_later_overflow(checked, found):
    """An overflow in a value that nothing uses need not be noticed."""
    return found[0] is OverflowError and found[1].startswith(checked[1])


def is_pythons(python, found):
    """Values that are known while staging are Python's own ints."""
    return python[0] is TooLarge or agrees(python, found)


PATIENT = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


@settings(max_examples=250, derandomize=True, suppress_health_check=PATIENT)
@given(st.randoms(use_true_random=False))
def test_random_programs_mean_what_python_means(chooser: random.Random) -> None:
    check(chooser, natively=False)


@settings(max_examples=100, derandomize=True, suppress_health_check=PATIENT)
@given(st.randoms(use_true_random=False))
def test_random_programs_mean_what_python_means_natively(chooser: random.Random) -> None:
    check(chooser, natively=True)


@pytest.mark.parametrize("seed", range(200))
def test_large_random_programs_mean_what_python_means(seed: int) -> None:
    check(random.Random(seed), natively=seed % 4 == 0)
