"""The law every compiled program obeys: Python = interpret(IR) = interpret(optimised IR) = native (DESIGN D13)."""

import contextlib
import io
import math

import numpy as np

from pylms import Options, generate, lms, stage
from pylms.ir.interpret import interpret
from pylms.ir.types import BOOL, FLOAT, INT, SCALAR_TYPES, TEXT
from pylms.ir.verify import verify
from pylms.loc import Loc
from pylms.running import result_of
from pylms.runtime.native import load_native
from pylms.staging.reify import reify
from pylms.staging.values import ScalarFront

TYPES = {bool: BOOL, int: INT, float: FLOAT, str: TEXT}
OPTIONS = Options()


def type_of(value):
    """The staged type of a Python or NumPy number."""
    return TYPES.get(type(value)) or SCALAR_TYPES[type(value).__name__]


class PrintingHost:
    """The interpreter's way out: prints go to sys.stdout, as native ones do."""

    def print(self, text):
        print(text, end="")

    def call(self, index, args):
        raise AssertionError("these programs call nothing")


def staged_of(function, *types, front=None):
    """The staged form of a function for those argument types, verified."""
    rewritten = lms(function)
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    staged = reify(
        rewritten,
        list(zip(names, types, strict=True)),
        name=function.__name__,
        loc=Loc(function.__code__.co_filename, function.__code__.co_firstlineno),
        front=front or ScalarFront(),
        options=OPTIONS,
    )
    verify(staged.function)
    return staged


def outcome(run):
    """What running gives: the result or the exception's type, and what was printed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            result = run()
        except Exception as error:
            return type(error), printed.getvalue()
    return result, printed.getvalue()


def same(left, right):
    if type(left) is type(right) and isinstance(left, (tuple, list)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return same(list(left.items()), list(right.items()))
    left, right = (bool(each) if isinstance(each, np.bool_) else each for each in (left, right))
    if type(left) is not type(right):
        return False
    if isinstance(left, (float, np.floating)):
        return (
            math.isnan(right)
            if math.isnan(left)
            else left == right and math.copysign(1, left) == math.copysign(1, right)
        )
    return left == right


def check_law(function, *argument_lists, reference=None):
    """Run a function four ways on each list of arguments, and compare results, errors and output.

    `reference`: what Python means, where that is not the function itself (ints of 64 bits).
    """
    types = tuple(map(type_of, argument_lists[0]))
    staged = staged_of(function, *types)
    optimised = generate.optimise(staged.function, OPTIONS)
    native = stage(function)
    assert load_native(OPTIONS) is not None
    for arguments in argument_lists:
        expected = outcome(lambda: (reference or function)(*arguments))
        inputs = (*arguments, *[capture.owner for capture in staged.captures])
        ways = {
            "interpreted": outcome(lambda: shaped(staged, interpret(staged.function, inputs, host=PrintingHost()))),
            "optimised": outcome(lambda: shaped(staged, interpret(optimised, inputs, host=PrintingHost()))),
            "native": outcome(lambda: native(*arguments)),
        }
        for way, found in ways.items():
            assert same(expected, found), f"{way}{arguments}: {found}, and Python gives {expected}"


def flat(results):
    """The interpreter's results as Python has them: None, one value, or a tuple."""
    return None if not results else results[0] if len(results) == 1 else results


def shaped(staged, results, arguments=()):
    """The interpreter's results as Python has them, by the structure that staging found."""
    return result_of(staged, iter(results), arguments)
