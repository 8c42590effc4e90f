"""What users read when the fault is around the program: no source to read, no compiler, a compiler that fails."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from pylms import Options, lms, stage
from pylms.errors import SourceError, ToolchainError
from pylms.runtime import toolchain
from pylms.runtime.native import load_native
from tests.virtualize.sources import define


def test_a_function_without_source_says_so_and_how_to_give_it_one():
    space = {}
    exec("def secret(n):\n    return n\n", space)
    with pytest.raises(SourceError) as caught:
        stage(space["secret"])
    assert str(caught.value) == (
        "<string>:1: the source of 'secret' is not available\n"
        "help: put the function in a file or a notebook cell; code typed into the plain Python prompt "
        "or passed to exec() has no source to read"
    )


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python does not tell their columns")
def test_lambdas_on_one_line_are_told_apart():
    first, second = lms(lambda x: x + 1), lms(lambda x: x * 2)
    assert (first(3), second(3)) == (4, 6)
    assert stage(lambda x: 3 if x > 1 else 2)(5) == 3


def test_a_notebook_cell_is_source_enough():
    program = define("def program(n):\n    return n + 1 if n > 0 else n\n", "program", "<ipython-input-3-abc>")
    assert stage(program)(3) == 4


def test_no_compiler(monkeypatch, tmp_path):
    options = Options(cache_dir=tmp_path)
    load_native(options)  # the binding is there: what is missing is the compiler for generated code
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(toolchain, "_zig_of_wheel", lambda: None)
    with pytest.raises(ToolchainError) as caught:
        stage(options=options)(lambda x: x + 1)(1)
    assert str(caught.value) == (
        "no C++ compiler was found: CXX is not set, and there is no g++, no clang++ and no ziglang wheel\n"
        "help: install one with `apt install g++` (or your system's package of g++ or clang) or `pip install ziglang`"
    )


def test_a_compiler_that_fails_leaves_its_log(monkeypatch, tmp_path):
    options = Options(cache_dir=tmp_path / "cache")
    load_native(options)
    compiler = tmp_path / "g++-broken"
    compiler.write_text("#!/bin/sh\necho 'first line'; echo 'module.cpp:3: error: out of ideas' >&2; exit 3\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    with pytest.raises(ToolchainError) as caught:
        stage(options=options)(lambda x: x + 1)(1)
    log = Path(caught.value.log_path)
    assert str(caught.value) == (
        f"the C++ compiler failed with status 3: module.cpp:3: error: out of ideas\nits whole output is in {log}"
    )
    text = log.read_text()
    assert re.match(rf"\$ {re.escape(os.fspath(compiler))} .*module\.cpp", text)
    assert "first line\n" in text and "out of ideas\n" in text
    assert "pylms_entry" in log.with_suffix(".cpp").read_text()


def test_after_a_failed_compile_the_function_can_be_called_again(monkeypatch, tmp_path):
    options = Options(cache_dir=tmp_path / "cache")
    staged = stage(options=options)(lambda x: x + 41)
    with monkeypatch.context() as patch:
        patch.setenv("CXX", "no-such-compiler")
        with pytest.raises(ToolchainError, match="CXX is 'no-such-compiler', and there is no program"):
            staged(1)
    assert staged(1) == 42
