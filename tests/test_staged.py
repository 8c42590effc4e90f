"""A staged function as its users meet it: signatures, looking at every step, settings."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from pylms import Options, lms, stage
from pylms.errors import ArgumentError
from pylms.ir.types import FLOAT, INT


@lms
def mean(a, b):
    return (a + b) / 2


def test_one_specialisation_a_signature():
    staged = stage(mean)
    assert staged.signatures == []
    assert staged(1, 2) == 1.5
    assert staged(1.0, 2) == 1.5
    assert staged(3, 5) == 4.0
    assert staged.signatures == [(INT, INT), (FLOAT, INT)]


def test_keyword_arguments_and_defaults():
    @stage
    def scaled(x, factor=3, *, offset=0):
        return x * factor + offset

    assert scaled(2) == 6
    assert scaled(2, offset=1) == 7
    assert scaled(factor=5, x=2) == 10
    with pytest.raises(ArgumentError, match="too many positional arguments"):
        scaled(2, 3, 1)


def test_keywords_and_defaults_are_native_once_compiled(monkeypatch):
    @stage
    def scaled(x, factor=3, *, offset=0):
        return x * factor + offset

    assert scaled(2) == 6
    monkeypatch.setattr(type(scaled.owner), "call_slow", None)
    assert [scaled(2), scaled(2, offset=1), scaled(factor=5, x=2), scaled(2, 4, offset=-1)] == [6, 7, 10, 7]


def test_the_python_function_stays_at_hand():
    staged = stage(mean)
    assert staged.py_func(1, 2) == 1.5
    assert staged.__name__ == "mean"
    assert staged.__wrapped__ is staged.py_func


def test_every_step_can_be_looked_at():
    staged = stage(mean)
    staged(1.0, 2.0)
    assert "return (a + b) / 2" in staged.original_src
    assert "__return" in staged.src
    assert staged.code == "(def mean (in0 in1) (begin (let x0 (+ in0 in1) (let x1 (/ x0 2.0) x1))))"
    assert "truediv" in staged.inspect_ir(optimised=False)
    assert "static double mean(double a, double b)" in staged.inspect_c()
    assert "pylms_entry" in staged.inspect_asm()


def test_annotations_declare_types():
    @stage
    def half(x: float):
        return x / 2

    assert "double" in half.Ccode
    assert half(3.0) == 1.5


def test_numpy_numbers_come_back_as_numpy_numbers():
    numpy = pytest.importorskip("numpy")
    staged = stage(mean)
    result = staged(numpy.float32(1.0), numpy.float32(2.0))
    assert type(result) is numpy.float32 and result == numpy.float32(1.5)


def test_fixed_width_ints_wrap_as_in_numpy():
    numpy = pytest.importorskip("numpy")

    @stage
    def doubled(x):
        return x + x

    assert doubled(numpy.int64(2**62)) == numpy.int64(-(2**63))


def test_methods_can_be_staged():
    class Scale:
        @staticmethod
        @stage
        def twice(x):
            return x * 2

    assert Scale.twice(4) == 8


def test_disable_leaves_functions_alone():
    def plain(x):
        return x

    assert stage(options=Options(disable=True))(plain) is plain


def test_generated_sources_are_written_where_asked(tmp_path):
    @stage(options=Options(gen_dir=tmp_path / "gen"))
    def shifted(x):
        return x + 1

    shifted(1)
    assert "shifted" in (tmp_path / "gen" / "module_shifted.cpp").read_text()


def test_one_line_a_compile(caplog, tmp_path):
    def squared(x):
        return x * x

    options = Options(cache_dir=tmp_path)
    with caplog.at_level(logging.INFO, logger="pylms"):
        stage(options=options)(squared)(3)
        stage(options=options)(squared)(3)
    first, second = [record.getMessage() for record in caplog.records if record.getMessage().startswith("squared")]
    assert first.endswith("compiled") and second.endswith("cached")


def test_a_damaged_bundle_is_built_again(tmp_path):
    def cubed(x):
        return x * x * x

    options = Options(cache_dir=tmp_path)
    assert stage(options=options)(cubed)(3) == 27
    (bundle,) = [path for path in tmp_path.rglob("bundle")]
    bundle.write_bytes(bundle.read_bytes()[:-3])
    assert stage(options=options)(cubed)(3) == 27


def test_settings_come_from_the_environment(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("from pylms import stage\n@stage\ndef f(x):\n    return x + 1\nprint(f(1))\n")
    source = Path(__file__).parents[1] / "src"
    environment = {
        "PYTHONPATH": str(source),
        "PATH": "/usr/bin:/bin",
        "PYLMS_CACHE_DIR": str(tmp_path / "cache"),
        "PYLMS_GEN_DIR": str(tmp_path / "gen"),
        "PYLMS_DUMP_IR": "1",
        "PYLMS_LOG_COMPILES": "1",
    }
    done = subprocess.run([sys.executable, str(program)], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "2\n"
    assert "// after dce" in done.stderr
    assert "compiled" in done.stderr
    assert (tmp_path / "gen" / "module_f.cpp").exists()


def test_importing_the_package_loads_neither_torch_nor_numpy():
    code = "import sys, pylms; print([name for name in ('torch', 'numpy') if name in sys.modules])"
    source = Path(__file__).parents[1] / "src"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(source)}, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
