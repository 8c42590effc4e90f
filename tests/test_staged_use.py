"""Staged functions where programs have them: in classes, threads, other staged functions; under any name."""

from __future__ import annotations

import copy
import functools
import math
import pickle
import threading
import types

import pytest

from pylms import lms, stage
from pylms.errors import ArgumentError, SourceError
from tests.virtualize.sources import define


@lms
def magnitude(x):
    if x > 0:
        return x
    return -x


@stage
def doubled(x):
    return magnitude(x) * 2


def test_an_lms_function_can_be_staged():
    staged = stage(magnitude)
    assert (staged(-3), staged(3.5), magnitude(-3)) == (3, 3.5, 3)


def test_a_staged_function_calls_staged_and_lms_functions():
    @stage
    def program(x):
        return doubled(x) + magnitude(x - 10)

    assert program(3) == 13
    assert "doubled" not in program.Ccode.replace("doubled(x)", "")


def test_staging_inside_a_staged_function():
    @stage
    def program(n):
        @stage
        def inner(k):
            return k * 2 if k > 1 else k

        return inner(n) + inner(n + 1)

    assert program(1) == 5


def test_a_wrapper_of_an_lms_function_is_a_function_of_its_own():
    def plus_one(function):
        @functools.wraps(function)
        def wrapper(x):
            return function(x) + 1

        return wrapper

    assert stage(plus_one(magnitude))(-3) == 4


class Model:
    factor = 3

    @staticmethod
    @stage
    def add_one(x):
        return x + 1

    def scale(self, x):
        @stage
        def scaled(value):
            return value * self.factor

        return scaled(x)

    @stage
    def __private(x):
        return x + 5

    via_private = staticmethod(__private)


def test_staged_functions_in_classes():
    assert Model.add_one(3) == Model().add_one(3) == 4
    assert Model().scale(4) == 12
    assert Model.via_private(1) == 6


def test_staging_twice_is_refused():
    with pytest.raises(SourceError, match="`doubled` is staged already"):
        stage(doubled)
    assert stage(checks=False)(doubled.py_func)(-4) == 8


@pytest.mark.parametrize("value", [len, 3, Model, staticmethod(magnitude)])
def test_what_is_no_function_is_refused(value):
    with pytest.raises(SourceError, match="is no Python function, and only those can be staged"):
        stage(value)


def test_without_checks_ints_wrap():
    staged = stage(checks=False)(lambda x: x * x * x * x)
    assert staged(2**20) == 0
    assert "overflow" not in staged.Ccode


def test_any_number_of_arguments():
    @lms
    def total(*values):
        return sum(values)

    def scored(x, *rest, scale=1, **more):
        score = x * scale + total(*rest)
        for name, value in more.items():
            score += value * len(name)
        return score, len(rest), more.get("b", -1)

    staged = stage(scored)
    calls = (
        lambda f: f(1),
        lambda f: f(1, 2, 3.5),
        lambda f: f(1, 2, scale=3, a=4, bb=5),
        lambda f: f(1, b=2),
        lambda f: f(x=3, **{"no name": 4}),
        lambda f: f(1, 2, 3),
    )
    for call in (*calls, *calls):
        assert call(staged) == call(scored)
    assert len(staged.signatures) == len(calls)
    assert "(def " in str(stage(lambda *values: sum(values)).code)


def test_annotations_of_any_number_of_arguments():
    @stage
    def total(*values: int):
        return sum(values)

    assert [total(), total(1, 2)] == [0, 3]
    with pytest.raises(ArgumentError, match=r"argument `\*values` of total is declared int, and a float was passed"):
        total(1, 2.0)
    with pytest.raises(ArgumentError, match=r"item `0` of argument `\*values` of total is a complex"):
        total(1j)


def test_copies_and_pickles_are_the_function_itself():
    assert copy.copy(doubled) is doubled
    assert copy.deepcopy(doubled) is doubled
    assert pickle.loads(pickle.dumps(doubled)) is doubled


def test_a_local_staged_function_cannot_be_pickled():
    local = stage(lambda x: x + 1)
    with pytest.raises((pickle.PicklingError, AttributeError), match="local|not found"):
        pickle.dumps(local)


def test_threads_compile_a_function_once():
    traced = []
    started = threading.Barrier(8)

    @stage
    def program(n):
        traced.append(threading.get_ident())
        total = 0
        for i in range(n):
            total += i
        return total

    results = []

    def run():
        started.wait()
        results.append([program(k) for k in (10, 1000)] + [program(k) for k in (0, 3)])

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[45, 499500, 0, 3]] * 8
    assert len(traced) == 1
    assert len(program.natives) == 1


def test_threads_stage_different_signatures_at_once():
    @stage
    def program(x, y):
        return x * 2 + y if x > y else y * 3 - x

    calls = [(1, 2), (1.5, 2), (1, 2.5), (1.5, 2.5), (True, 2), (2, True), (True, 0.5), (0.5, True)]
    results = {}
    threads = [threading.Thread(target=lambda call=call: results.__setitem__(call, program(*call))) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {call: program.py_func(*call) for call in calls}


KEYWORDS = """\
def program(int, new, class_, register, auto, double, this, template):
    for delete in range(int):
        new = new + delete
    typename = 0
    while new > 0:
        new -= 3
        typename = new
    namespace, π, naïve = auto * double, 3.5, double
    return new, class_ + register, typename, this - template, namespace, π * naïve
"""

ABI = """\
def program(pylms_entry, args, results, ctx, result, x1, t1, status):
    context = pylms_entry + args
    for i in range(status):
        context = context * 2 - results
    return context + ctx * result + x1 - t1, i1(context)
"""


@pytest.mark.parametrize(
    ("source", "arguments"), [(KEYWORDS, (5, 6, 7, 8, 9.5, 1.25, 2, 3)), (ABI, (1, 2, 3, 4, 5, 6, 7, 3))]
)
def test_names_that_mean_something_in_generated_code(source, arguments):
    program = define(source, "program", i1=lambda value: value + 1)
    assert stage(program)(*arguments) == program(*arguments)


@pytest.mark.parametrize(
    "name", ["main", "printf", "exp", "floor_divide", "pylms", "int", "new", "π", "pylms_entry", "x1"]
)
def test_functions_whose_names_mean_something_in_generated_code(name):
    program = define(f"def {name}(x):\n    return x // 3 + math.exp(0.5)\n", name, math=math)
    assert stage(program)(7) == program(7)


def test_a_function_staged_again_in_the_same_cell_is_the_new_one():
    first = define("def program(x):\n    return x + 1\n", "program", "<again>")
    assert stage(first)(1) == 2
    second = define("def program(x):\n    return x + 2\n", "program", "<again>")
    assert stage(second)(1) == 3


def test_errors_in_equal_functions_of_different_cells_name_their_own_cell():
    source = "def program(x):\n    return bytes(x)\n"
    messages = []
    for cell in ("<cell 1>", "<cell 2>"):
        with pytest.raises(Exception, match="used as an index") as caught:
            stage(define(source, "program", cell))(1)
        messages.append(str(caught.value).partition(":")[0])
    assert messages == ["<cell 1>", "<cell 2>"]


def test_it_is_told_apart_from_functions_but_looks_like_one():
    assert not isinstance(doubled, types.FunctionType)
    assert repr(doubled) == "<staged function doubled>"
    assert (doubled.__name__, doubled.__module__) == ("doubled", __name__)
