"""What cannot be rewritten is refused at decoration: the text, and the caret under the construct."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from pylms.errors import SourceError, SyntaxNotSupportedError
from pylms.virtualize import virtualize
from tests.virtualize.sources import define

REFUSED = {
    "yield": (
        "def f(n):\n    for i in range(n):\n        yield i\n",
        "3:9: generators (yield) are",
        "  3 |         yield i\n    |         ^^^^^^^",
    ),
    "yield_from": (
        "def f(n):\n    x = yield from n\n",
        "2:9: generators (yield) are",
        "  2 |     x = yield from n\n    |         ^^^^^^^^^^^^",
    ),
    "leaving_finally": (
        "def f(n):\n    try:\n        n = 1\n    finally:\n        if n:\n            return 2\n",
        "5:9: leaving a `finally` by return, break or continue is",
        "  5 |         if n:\n    |         ^^^^^",
    ),
    "global_in_a_pattern": (
        "def f(n):\n    global count\n    match n:\n        case [_, *count]:\n            return 2\n",
        "4:18: assignment to the global name 'count' is",
        "  4 |         case [_, *count]:\n    |                  ^^^^^^",
    ),
    "walrus_in_an_operand_in_a_lambda": (
        "def f(n):\n    return lambda k: k and (m := k)\n",
        "2:29: `:=` of 'm', which is no variable of this function, is",
        "  2 |     return lambda k: k and (m := k)\n    |                             ^^^^^^",
    ),
    "global": (
        "def f(n):\n    global count\n    count = n\n",
        "3:5: assignment to the global name 'count' is",
        "  3 |     count = n\n    |     ^^^^^",
    ),
    "global_in_nested_function": (
        "def f(n):\n    def g():\n        global count\n        for count in n:\n            pass\n    g()\n",
        "4:13: assignment to the global name 'count' is",
        "  4 |         for count in n:\n    |             ^^^^^",
    ),
    "async_inside": (
        "def f(n):\n    async def g():\n        await n\n    return g\n",
        "2:5: async code is",
        "  2 |     async def g():\n    |     ^^^^^^^^^^^^^^",
    ),
    "async_function": (
        "async def f(n):\n    return n\n",
        "1:1: async functions are",
        "  1 | async def f(n):\n    | ^^^^^^^^^^^^^^^",
    ),
    "reserved_name": (
        "def f(n):\n    return __read(n)\n",
        "2:12: the name __read is",
        "  2 |     return __read(n)\n    |            ^^^^^^",
    ),
    "reserved_parameter": (
        "def f(n, __if):\n    return n\n",
        "1:10: the name __if is",
        "  1 | def f(n, __if):\n    |          ^^^^",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_construct_is_refused_with_its_place(name):
    source, start, excerpt = REFUSED[name]
    file = f"<{name}>"
    with pytest.raises(SyntaxNotSupportedError) as caught:
        virtualize(define(source, "f", file))
    text = str(caught.value)
    assert text.startswith(f"{file}:{start} not supported")
    assert f"\n{excerpt}\nhelp: " in text
    assert caught.value.hint


@pytest.mark.skipif(sys.version_info < (3, 12), reason="syntax of Python 3.12")
@pytest.mark.parametrize("line", ["def g[T](x: T): return x", "class C[T]: pass", "type X = int"])
def test_type_parameters_inside_are_refused(line):
    with pytest.raises(SyntaxNotSupportedError, match="type parameters .* not supported"):
        virtualize(define(f"def f(n):\n    {line}\n", "f", f"<{line}>"))


def test_the_whole_message():
    source = "def f(xs):\n    global y\n    return [x for x in xs if (y := x)]\n"
    with pytest.raises(SyntaxNotSupportedError) as caught:
        virtualize(define(source, "f", "<whole>"))
    assert str(caught.value) == (
        "<whole>:3:31: assignment to the global name 'y' is not supported in a function that Snek-LMS rewrites\n"
        "  3 |     return [x for x in xs if (y := x)]\n"
        "    |                               ^^^^^^\n"
        "help: return the value and assign it outside, or keep it in an object that the function changes"
    )


def test_nesting_beyond_the_recursion_limit_is_told():
    cases = "".join(f"    {'el' if number else ''}if x == {number}:\n        y = {number}\n" for number in range(600))
    with pytest.raises(SyntaxNotSupportedError, match="'f' is nested too deeply for Snek-LMS") as caught:
        virtualize(define(f"def f(x):\n{cases}    return y\n", "f", "<deep>"))
    assert "looked up in a dict" in str(caught.value)


def test_function_without_source_names_it_and_says_what_to_do():
    space: dict[str, Any] = {}
    exec("def secret(n):\n    return n\n", space)
    with pytest.raises(SourceError, match="the source of 'secret' is not available") as caught:
        virtualize(space["secret"])
    assert "put the function in a file or a notebook cell" in str(caught.value)


def test_changed_file_is_told():
    function = define("def f(n):\n    return n\n", "f", "<changed>")
    define("# A new first line.\n\ndef f(n):\n    return n\n", "f", "<changed>")
    with pytest.raises(SourceError, match="the file has changed since it was loaded"):
        virtualize(function)


def test_file_that_is_no_longer_python_is_told(tmp_path):
    file = tmp_path / "code.py"
    file.write_text("def f(n):\n    return n\n")
    space: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), space)
    file.write_text("def f(n:\n")
    with pytest.raises(SourceError, match="the source of 'f' cannot be parsed"):
        virtualize(space["f"])


def test_lambdas_that_cannot_be_told_apart():
    source = "f, g = [eval('lambda x: x + 1'), 2]\nf = f.__class__(f.__code__.replace(co_filename='<two>'), {})\n"
    function = define(source, "f", "<two>")
    define("f = (lambda x: (x), lambda x: (x + 2))\n", "f", "<two>")
    with pytest.raises(SourceError, match="cannot be told from that of other lambdas on its line"):
        virtualize(function)
