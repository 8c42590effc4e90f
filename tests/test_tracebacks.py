"""Tracebacks show the user's frames (DESIGN D16), for errors of compiled code too."""

from __future__ import annotations

import sys
import traceback
from dataclasses import replace

import pytest

from pylms import Options, lms, stage
from pylms.errors import ArgumentError, StagingError, SyntaxNotSupportedError
from pylms.runtime import ctypes_call
from pylms.staged import StagedFunction
from pylms.tracebacks import hide_library_frames
from tests.virtualize.sources import define

SOURCE = """\
def product(n):
    result = 1
    for i in range(n):
        result = result * (i + 1)
    return result

def size(x):
    return len(bytes(x))

def uses_size(x):
    return size(x) + 1

def call(function, *args):
    return function(*args)
"""


def defined(name):
    return define(SOURCE, name, "<program>")


def frames_of(error):
    """Function and line of each frame below this test's own."""
    entries = traceback.extract_tb(error.__traceback__)
    return [(entry.filename, entry.name, entry.lineno) for entry in entries if entry.filename != __file__]


def test_an_error_of_compiled_code_shows_the_python_line():
    staged = stage(defined("product"))
    for n in (50, 60):  # compiled at the first call, called natively at the second
        with pytest.raises(OverflowError) as caught:
            defined("call")(staged, n)
        assert frames_of(caught.value) == [("<program>", "call", 14), ("<program>", "product", 4)]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python shows no columns")
def test_the_carets_are_under_the_operation():
    with pytest.raises(OverflowError) as caught:
        stage(defined("product"))(50)
    shown = "".join(traceback.format_exception(caught.value))
    assert "    result = result * (i + 1)\n             ~~~~~~~^~~~~~~~~\n" in shown
    assert "Error: integer overflow: the result of `*` does not fit 64 bits" in shown


def test_an_error_of_staging_shows_the_users_frames_only():
    staged = stage(defined("uses_size"))
    expected = [("<program>", "uses_size", 11), ("<program>", "size", 8)]
    with pytest.raises(StagingError) as caught:
        staged(3)
    assert frames_of(caught.value) == expected
    with pytest.raises(StagingError) as caught:
        _ = staged.code
    assert frames_of(caught.value) == expected
    with pytest.raises(StagingError) as caught:
        staged.inspect_ir()
    assert frames_of(caught.value)[-2:] == expected
    assert len(frames_of(caught.value)) <= 3


def test_wrong_arguments_show_the_call_only():
    with pytest.raises(ArgumentError) as caught:
        defined("call")(stage(defined("product")), b"3")
    assert frames_of(caught.value) == [("<program>", "call", 14)]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the frame that raises again is left")
def test_an_error_of_decoration_shows_the_decoration_only():
    generator = define("def f(n):\n    yield n\n", "f", "<generator>")
    for decorate in (lms, stage, stage(checks=False)):
        with pytest.raises(SyntaxNotSupportedError) as caught:
            decorate(generator)
        assert frames_of(caught.value) == []


def test_full_tracebacks_on_request():
    staged = stage(options=replace(Options.from_environment(), full_tracebacks=True))(defined("uses_size"))
    with pytest.raises(StagingError) as caught:
        staged(3)
    assert "reify" in [name for _, name, _ in frames_of(caught.value)]


def test_the_fallback_without_headers_hides_as_much():
    staged = stage(defined("uses_size")).owner
    assert isinstance(staged, StagedFunction)
    with pytest.raises(StagingError) as caught:
        ctypes_call.StagedCallable(staged, ("x",), 1, {})(3)
    assert frames_of(caught.value)[-2:] == [("<program>", "uses_size", 11), ("<program>", "size", 8)]
    assert len(frames_of(caught.value)) <= 3


def test_a_bug_of_the_library_keeps_its_frames():
    with pytest.raises(ValueError, match="zip") as caught:
        stage(defined("size")).inspect_ir("nonsense")
    hide_library_frames(caught.value)
    assert "_stage" in [name for _, name, _ in frames_of(caught.value)]


def test_errors_it_arose_from_are_cleaned_too():
    def program(x):
        try:
            return stage(defined("uses_size"))(x)
        except StagingError as error:
            raise RuntimeError("wrapped") from error

    with pytest.raises(RuntimeError) as caught:
        program(3)
    hide_library_frames(caught.value)
    assert frames_of(caught.value.__cause__) == [("<program>", "uses_size", 11), ("<program>", "size", 8)]
