"""A rewritten function stands where the original does: cells, globals, defaults, names, lines."""

# Functions under test do what checkers advise against.
# mypy: ignore-errors

from __future__ import annotations

import sys
import textwrap
import traceback

import pytest

from pylms.virtualize import OPERATOR_NAMES, virtualize
from tests.virtualize import corpus
from tests.virtualize.plain_operators import OPERATORS, rewritten
from tests.virtualize.sources import define


def test_closure_cells_are_shared_with_the_original():
    shared, untouched = 1, "u"

    def increment(by):
        nonlocal shared
        if by > 0:
            shared += by
        for shared in [shared + 1]:
            pass
        return shared, untouched

    changed = rewritten(increment)
    assert changed(5) == (7, "u")
    assert shared == 7
    shared = 100
    assert changed(0) == (101, "u")
    assert increment(0) == (102, "u")
    cells = dict(zip(changed.__code__.co_freevars, changed.__closure__, strict=True))
    originals = dict(zip(increment.__code__.co_freevars, increment.__closure__, strict=True))
    assert all(cells[name] is originals[name] for name in originals)


def test_one_code_object_makes_functions_of_their_own():
    def make(k):
        def add(x):
            x += k
            return x

        return add

    first, second = rewritten(make(1)), rewritten(make(10))
    assert (first(1), second(1)) == (2, 11)
    assert virtualize(make(1)) is virtualize(make(2))


def test_recursion_goes_through_the_globals_at_call_time():
    source = "def down(n):\n    if n == 0:\n        return []\n    return [n] + down(n - 1)\n"
    function = define(source, "down", "<recursion>")
    changed = rewritten(function)
    function.__globals__["down"] = lambda n: ["replaced", n]
    assert changed(3) == [3, "replaced", 2]


def test_defaults_names_and_annotations_are_those_of_the_original():
    marker = object()

    def function(a, b=marker, *, c: int = 5) -> str:
        """Doc."""
        a = a or b
        return a, c

    function.__kwdefaults__ = {"c": 6}
    changed = rewritten(function)
    assert changed(0) == (marker, 6)
    for name in ("__name__", "__qualname__", "__doc__", "__module__", "__annotations__", "__defaults__"):
        assert getattr(changed, name) == getattr(function, name)
    assert changed.__globals__ is function.__globals__


def test_inner_functions_and_classes_keep_their_names():
    def function(flag):
        if flag:

            def inner():
                class Local:
                    def method(self):
                        return lambda: None

                return Local

        else:
            inner = None
        local = inner()
        return [each.__qualname__ for each in (inner, local, local.method, local().method())]

    prefix = "test_inner_functions_and_classes_keep_their_names.<locals>.function.<locals>.inner"
    local = f"{prefix}.<locals>.Local"
    assert rewritten(function)(True) == function(True)
    assert rewritten(function)(True) == [prefix, local, f"{local}.method", f"{local}.method.<locals>.<lambda>"]


def test_methods_with_private_names_and_super():
    class Base:
        def value(self, n):
            return n

    class Derived(Base):
        __bonus = 5

        def value(self, n):
            __total = 0
            while __total < n:
                __total += self.__bonus
            if n > 3:
                return super().value(__total) + self.__extra()
            return __class__.__name__, n

        def __extra(self, __by=1):
            return __by if self else 0

    expected = Derived().value(12), Derived().value(1)
    Derived.value = rewritten(Derived.value)
    Derived._Derived__extra = rewritten(Derived._Derived__extra)
    assert (Derived().value(12), Derived().value(1)) == expected == (16, ("Derived", 1))


def test_method_decorated_in_its_class_body():
    class Box:
        def get(self):
            return "box"

    class Bag(Box):
        @rewritten
        def get(self):
            if self:
                return "bag in " + super().get()

    assert Bag().get() == "bag in box"


def test_lambdas_on_one_line_are_told_apart():
    if sys.version_info < (3, 11):
        pytest.skip("positions in code objects came with Python 3.11")
    functions = [lambda x: x and 1, lambda x: x and 2, lambda x: (lambda x: x and 3)(x)]
    assert [rewritten(function)(1) for function in functions] == [1, 2, 3]


def test_missing_operator_is_a_key_error():
    def function(n):
        n += 1
        return n

    operators = {name: value for name, value in OPERATORS.items() if name != "__iadd"}
    with pytest.raises(KeyError, match="__iadd"):
        virtualize(function).instantiate(function, operators)


def test_operator_names_are_exactly_those_of_the_contract():
    assert OPERATOR_NAMES == OPERATORS.keys()


def test_builtin_shadowed_by_globals_defined_later_is_left_alone():
    source = "def f(x):\n    return len(x)\n\nfrozen = f\n\ndef len(x):\n    return 'mine'\n"
    function = define(source, "f", "<later>")
    del function.__globals__["len"]
    assert virtualize(function).src == "def f(x):\n    return __return(len(x))"


def test_builtins_shadowed_differently_share_no_result():
    source = "def f(x):\n    return len(x)\n"
    plain = define(source, "f", "<globals>")
    shadowed = define(source, "f", "<globals>", len=lambda x: "mine")
    assert "__call(len, x)" in virtualize(plain).src
    assert "__call" not in virtualize(shadowed).src
    assert rewritten(shadowed)([1]) == "mine"


def test_annotations_of_inner_functions_see_cells():
    source = "def f(n):\n    t = int\n    t = float\n    def g(x: t) -> t: return x\n    return g.__annotations__\n"
    assert rewritten(define(source, "f", "<annotations>"))(1) == {"x": float, "return": float}
    as_text = define("from __future__ import annotations\n" + source, "f", "<text annotations>")
    assert rewritten(as_text)(1) == {"x": "t", "return": "t"}


def test_tracebacks_point_at_the_users_lines():
    source = textwrap.dedent(
        """
        def f(xs):
            total = 0
            for x in xs:
                if x > 1 and total >= 0:
                    while True:
                        total += 10 // (2 - x)
                        break
            return total
        """
    )
    function = define(source, "f", "<traced>")

    def user_lines(callee):
        try:
            callee([1, 2])
        except ZeroDivisionError as error:
            frames = traceback.extract_tb(error.__traceback__)
            return [frame.lineno for frame in frames if frame.filename == "<traced>"], frames[-1]
        return pytest.fail("no error")

    assert user_lines(function)[0] == [7]
    lines, last = user_lines(rewritten(function))
    # The `for`, the `if`, the `while`, and the statement that failed.
    assert lines == [4, 5, 6, 7]
    if sys.version_info >= (3, 11):
        assert (last.colno, last.end_colno) == (25, 38)


@pytest.mark.parametrize(
    "function", list(dict.fromkeys(function for function, _ in corpus.CASES)), ids=lambda each: each.__name__
)
def test_every_position_is_one_of_the_function(function):
    def lines(code):
        yield from (line for _, _, line in code.co_lines() if line is not None)
        for constant in code.co_consts:
            if isinstance(constant, type(code)):
                yield from lines(constant)

    code = rewritten(function).__code__
    assert code.co_filename == function.__code__.co_filename
    assert code.co_firstlineno == function.__code__.co_firstlineno
    last_line = code.co_firstlineno + virtualize(function).original_src.count("\n") - 1
    assert all(code.co_firstlineno <= line <= last_line for line in lines(code))
