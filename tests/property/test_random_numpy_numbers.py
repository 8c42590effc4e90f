"""Random expressions over numbers of all of NumPy's and Python's types: NumPy = interpret(IR) = optimised = native."""

from __future__ import annotations

import math
import random
import warnings

import numpy as np
import pytest

from pylms import generate, stage
from pylms.errors import InternalError, PylmsError
from pylms.ir.interpret import interpret
from tests.harness.law import OPTIONS, PrintingHost, outcome, same, staged_of, type_of
from tests.virtualize.sources import define

INTEGERS = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]
FLOATS = [np.float32, np.float64]
CONSTANTS = ("3", "-2", "1", "0", "2.5", "0.1", "100", "np.int16(7)", "np.float32(0.3)", "np.uint8(200)", "1e10")
CALLS = 12


def expression(chooser: random.Random, names: str, depth: int) -> str:
    if depth == 0 or chooser.random() < 0.15:
        return chooser.choice(names) if chooser.random() < 0.8 else chooser.choice(CONSTANTS)

    def inner() -> str:
        return expression(chooser, names, depth - 1)

    kind = chooser.randint(0, 9)
    if kind <= 4:
        return f"({inner()} {chooser.choice(('+', '-', '*', '/', '//', '%'))} {inner()})"
    if kind == 5 and chooser.random() < 0.5:
        return f"({inner()} {chooser.choice(('&', '|', '^', '<<', '>>'))} {inner()})"
    if kind == 6:
        relation = chooser.choice(("<", "<=", "==", "!=", ">", ">="))
        return f"np.where({inner()} {relation} {inner()}, {inner()}, {inner()})"
    if kind == 7:
        return f"np.{chooser.choice(('minimum', 'maximum', 'add', 'multiply', 'floor_divide'))}({inner()}, {inner()})"
    if kind == 8:
        return f"np.{chooser.choice(('absolute', 'sign', 'square', 'negative', 'float64', 'float32'))}({inner()})"
    return chooser.choice((f"(-{inner()})", f"abs({inner()})", f"(+{inner()})"))


def value(chooser: random.Random, kind: type) -> object:
    if kind in INTEGERS:
        info = np.iinfo(kind)
        return kind(chooser.choice([info.min, info.max, 0, 1, 3, 5, info.max - 1, info.min + 1]))
    if kind is int:
        return chooser.randint(-3, 5)
    return kind(chooser.choice([0.0, -0.0, 1.5, -2.0, 0.1, 1e10, math.inf, math.nan, -7.25]))


def staged_where(condition: object, left: object, right: object) -> object:
    """The reference: `np.where` gives a number and not an array without dimensions."""
    return np.where(condition, left, right)[()]


def check(seed: int, *, natively: bool) -> None:
    chooser = random.Random(seed)
    kinds = [chooser.choice([*INTEGERS, *FLOATS, int, float]) for _ in range(3)]
    text = expression(chooser, "abc", 3)
    source = f"def program(a, b, c):\n    return {text}\n"
    program = define(source, "program", f"<numbers {seed}>", np=np)
    reference = define(source.replace("np.where", "where"), "program", f"<reference {seed}>", np=np, where=staged_where)
    calls = [tuple(value(chooser, kind) for kind in kinds) for _ in range(CALLS)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = [outcome(lambda call=call: reference(*call)) for call in calls]
        try:
            function = staged_of(program, *map(type_of, calls[0])).function
        except (PylmsError, ArithmeticError, TypeError, ValueError) as error:
            assert not isinstance(error, InternalError)
            assert all(isinstance(each[0], type) or "float16" in str(error) for each in expected), (
                source,
                kinds,
                error,
            )
            return
        ways = {"interpreted": function, "optimised": generate.optimise(function, OPTIONS)}
        for call, wanted in zip(calls, expected, strict=True):
            for way, each in ways.items():
                found = outcome(lambda each=each, call=call: interpret(each, call, host=PrintingHost())[0])
                assert agree(found, wanted), (way, source, call, found, wanted)
        if natively:
            staged = stage(program)
            for call, wanted in zip(calls, expected, strict=True):
                found = outcome(lambda call=call: staged(*call))
                assert agree(found, wanted), (source, call, found, wanted)


def agree(found, wanted) -> bool:
    if isinstance(wanted[0], type) and isinstance(found[0], type):
        return issubclass(found[0], wanted[0])
    return same(found, wanted)


@pytest.mark.parametrize("seed", range(240))
def test_random_expressions_mean_what_numpy_means(seed: int) -> None:
    check(seed, natively=seed % 8 == 0)
