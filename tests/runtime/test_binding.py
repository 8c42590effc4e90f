"""Obtaining the call binding, doing without it, and the report on the toolchain."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import sysconfig

import pytest

from pylms.errors import ToolchainError
from pylms.options import Options
from pylms.runtime import ctypes_call
from pylms.runtime.binding import binding_status
from pylms.runtime.cpu import this_cpu
from pylms.runtime.native import load_native
from pylms.runtime.report import describe_toolchain


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60)


def test_it_is_built_once_and_then_comes_from_the_cache(tmp_path):
    code = (
        "from pylms.options import Options\n"
        "from pylms.runtime.binding import binding_status\n"
        "print(binding_status(Options.from_environment()).state)\n"
    )
    states = [run_python(code, PYLMS_CACHE_DIR=str(tmp_path)) for _ in range(2)]
    assert [done.stdout for done in states] == ["built\n", "cached\n"], states[0].stderr


def test_without_python_headers_calls_go_through_ctypes_and_the_log_says_so_once(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path / name))
    options = Options(cache_dir=tmp_path / "cache")
    with caplog.at_level(logging.WARNING, logger="pylms"):
        natives: list[object] = [load_native(options), load_native(options)]
    assert natives == [ctypes_call, ctypes_call]
    [record] = caplog.records
    assert "ctypes" in record.getMessage()
    assert f"no Python.h in {tmp_path / 'include'}" in record.getMessage()
    assert "ctypes fallback, because there is no Python.h" in describe_toolchain(options)


def test_a_build_that_fails_is_done_without(tmp_path, monkeypatch, caplog):
    compiler = tmp_path / "g++"
    compiler.write_text("#!/bin/sh\necho 'error: out of order'; exit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    status = binding_status(Options(cache_dir=tmp_path / "cache"))
    assert status.module is None
    assert "error: out of order" in status.reason


def test_the_report_names_what_was_found(options, binding, toolchain):
    text = describe_toolchain(options)
    for word in (toolchain.command[0], toolchain.version(), "-march=native", this_cpu().name, str(options.cache_dir)):
        assert word in text
    assert "C extension" in text


def test_the_report_without_a_compiler_is_the_error(tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(ToolchainError, match="no-such-compiler"):
        describe_toolchain(Options(cache_dir=tmp_path))


def test_the_processor_has_a_stable_identity():
    assert this_cpu() == this_cpu.__wrapped__()
    assert len(this_cpu().identity) == 16


def test_loading_the_binding_imports_nothing_slow(options, binding):
    code = (
        "import sys\n"
        "from pylms.runtime.native import load_native\n"
        "from pylms.options import Options\n"
        "load_native(Options.from_environment())\n"
        "print(sorted({'ctypes', 'numpy', 'subprocess', 'torch'} & set(sys.modules)))"
    )
    done = run_python(code, PYLMS_CACHE_DIR=str(options.cache_dir))
    assert done.stdout.strip() == "[]", done.stderr
