"""Finding a compiler, running it, and what the user is told when there is none or it fails."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from pylms.errors import ToolchainError
from pylms.options import Options
from pylms.runtime import toolchain as toolchain_module
from pylms.runtime.binding import INCLUDE_DIRECTORY
from pylms.runtime.toolchain import find_toolchain

GOOD_SOURCE = (
    '#include "pylms_abi.h"\nint pylms_entry(pylms_context *, const pylms_value *, pylms_value *) { return 0; }\n'
)


def write_program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def private_options(tmp_path) -> Options:
    return Options(cache_dir=tmp_path / "cache")


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "source.cpp"
    path.write_text(GOOD_SOURCE)
    return path


def test_cxx_may_hold_arguments(private_options, tmp_path):
    compiler = write_program(tmp_path / "my-clang++", "exit 0")
    found = find_toolchain(private_options, {"CXX": f"{compiler} -m64 -DX='a b'", "PATH": ""})
    assert found.command == (str(compiler), "-m64", "-DX=a b")
    assert found.family == "clang"


def test_cxx_is_looked_up_on_the_path(private_options, tmp_path):
    compiler = write_program(tmp_path / "mycc", "echo 'a compiler based on clang 99'")
    found = find_toolchain(private_options, {"CXX": "mycc", "PATH": str(tmp_path)})
    assert found.command == (str(compiler),)
    assert found.family == "clang"
    assert found.version() == "a compiler based on clang 99"


def test_gxx_goes_before_clangxx(private_options, tmp_path):
    clang = write_program(tmp_path / "clang++", "exit 0")
    assert find_toolchain(private_options, {"PATH": str(tmp_path)}).command == (str(clang),)
    gxx = write_program(tmp_path / "g++", "exit 0")
    found = find_toolchain(private_options, {"PATH": str(tmp_path)})
    assert (found.command, found.family) == ((str(gxx),), "gcc")


def test_the_ziglang_wheel_is_the_last_resort(private_options, tmp_path, monkeypatch):
    (tmp_path / "ziglang").mkdir()
    (tmp_path / "ziglang" / "__init__.py").touch()
    zig = write_program(tmp_path / "ziglang" / "zig", "exit 0")
    monkeypatch.syspath_prepend(tmp_path)
    found = find_toolchain(private_options, {"PATH": ""})
    assert (found.command, found.family) == ((str(zig), "c++"), "zig")


def test_no_compiler_says_what_was_looked_for_and_how_to_get_one(private_options, monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(ToolchainError) as caught:
        find_toolchain(private_options, {"PATH": "/nowhere"})
    for word in ("CXX", "g++", "clang++", "ziglang", "apt install g++", "pip install ziglang"):
        assert word in str(caught.value)


def test_a_cxx_that_is_not_there_is_named(private_options):
    with pytest.raises(ToolchainError, match="CXX is 'no-such-c\\+\\+ -O', and there is no program 'no-such-c\\+\\+'"):
        find_toolchain(private_options, {"CXX": "no-such-c++ -O", "PATH": "/bin"})


def test_a_failing_compile_quotes_the_first_error_and_keeps_log_and_source(options, private_options, source, tmp_path):
    source.write_text("int main() {\n  return undeclared_name;\n}\n")
    compiler = find_toolchain(private_options)
    with pytest.raises(ToolchainError, match="undeclared_name") as caught:
        compiler.compile(source, tmp_path / "out.so")
    log_path = Path(str(caught.value.log_path))
    assert log_path.parent == tmp_path / "cache" / "logs"
    assert str(log_path) in str(caught.value)
    log = log_path.read_text()
    assert log.startswith(f"$ {compiler.command[0]}")
    assert "undeclared_name" in log
    assert log_path.with_suffix(".cpp").read_text() == source.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "source.cpp"]


def test_a_compiler_that_dies_silently_is_an_error(private_options, source, tmp_path):
    compiler = write_program(tmp_path / "g++", "exit 3")
    with pytest.raises(ToolchainError, match="status 3: it said nothing"):
        find_toolchain(private_options, {"CXX": str(compiler)}).compile(source, tmp_path / "out.so")


def test_a_compiler_that_cannot_be_started_is_an_error(private_options, source, tmp_path):
    compiler = tmp_path / "g++"
    compiler.write_bytes(b"\x7fELF nonsense")
    compiler.chmod(0o755)
    with pytest.raises(ToolchainError, match="cannot be started"):
        find_toolchain(private_options, {"CXX": str(compiler)}).compile(source, tmp_path / "out.so")


def test_the_log_goes_elsewhere_where_the_cache_cannot_be_written(source, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    compiler = write_program(tmp_path / "g++", "echo error: this one; exit 1")
    with pytest.raises(ToolchainError, match="error: this one") as caught:
        find_toolchain(Options(cache_dir=tmp_path / "file"), {"CXX": str(compiler)}).compile(source, tmp_path / "o.so")
    assert Path(str(caught.value.log_path)).parent == tmp_path / "temporary"


def test_paths_with_spaces_and_accents_compile(toolchain, source, tmp_path):
    folder = tmp_path / "a b é"
    folder.mkdir()
    toolchain.compile(source, folder / "out.so", include_dirs=[INCLUDE_DIRECTORY])
    assert (folder / "out.so").read_bytes()[:4] == b"\x7fELF"
    assert os.listdir(folder) == ["out.so"]


@pytest.mark.parametrize("optimise", ["O0", "O2", "O3"])
def test_flags_keep_the_meaning_of_floating_point(toolchain, optimise):
    flags = toolchain.flags(optimise)
    assert f"-{optimise}" in flags
    assert {"-std=c++17", "-march=native", "-fno-math-errno", "-fno-trapping-math"} <= set(flags)
    assert not {"-ffast-math", "-Ofast", "-funsafe-math-optimizations", "-fassociative-math"} & set(flags)


def test_extra_flags_may_name_libraries(toolchain, source, tmp_path):
    source.write_text(
        'extern "C" double cos(double);\n'
        'extern "C" __attribute__((visibility("default'
        '"))) double f(double x) { return cos(x) + VALUE; }\n'
    )
    toolchain.compile(source, tmp_path / "out.so", extra_flags=["-DVALUE=1.0", "-lm"])


@pytest.mark.parametrize(("name", "is_passed"), [("g++", True), ("clang++", False)])
def test_flags_of_gcc_alone_are_for_gcc(private_options, source, tmp_path, name, is_passed):
    write_program(tmp_path / name, f"echo $@ > {tmp_path}/said")
    found = find_toolchain(private_options, {"PATH": str(tmp_path)})
    found.compile(source, tmp_path / "out.so", extra_flags=["-O1", "-fno-thread-jumps"])
    words = (tmp_path / "said").read_text().split()
    assert "-O1" in words
    assert ("-fno-thread-jumps" in words) == is_passed


def test_identity_changes_with_the_compiler(private_options, tmp_path):
    compiler = write_program(tmp_path / "g++", "exit 0")
    before = find_toolchain(private_options, {"CXX": str(compiler)}).identity
    assert find_toolchain(private_options, {"CXX": str(compiler)}).identity == before
    write_program(compiler, "exit 0 # upgraded")
    assert find_toolchain(private_options, {"CXX": str(compiler)}).identity != before
    assert find_toolchain(private_options, {"CXX": f"{compiler} -m64"}).identity != before


def test_finding_a_compiler_and_its_identity_starts_no_process(private_options, monkeypatch):
    def refuse(*_):
        raise AssertionError("a process was started")

    monkeypatch.setattr(toolchain_module, "capture", refuse)
    monkeypatch.setattr(toolchain_module, "run_to_files", refuse)
    assert find_toolchain(private_options).identity


def test_the_version_names_the_compiler(toolchain):
    assert toolchain.version().strip()
    assert toolchain.version() != "unknown version"
