"""Looking at what became of a function: diagnostics, machine code with Python lines, reasons for cache misses."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from pylms import Options, stage


def divided(n, m):
    total = 0
    for i in range(n):
        for k in range(3):
            total += (i * k) // m
    return total


def line(offset: int) -> int:
    return divided.__code__.co_firstlineno + offset


def test_diagnostics_tell_of_loops_and_checks_by_line() -> None:
    notes = stage(divided).diagnostics()
    found = {(note.loc.line, note.kind, note.text) for note in notes}
    assert (line(2), "loop", "a native loop") in found
    assert (line(3), "loop", "unrolled while staging, in 3 rounds") in found
    assert any(at == line(4) and "a zero divisor is checked for at `//`, in 1 loop" in text for at, _, text in found)
    assert str(notes).startswith(f"{__file__}:{line(2)}: loop: ")


def test_diagnostics_tell_of_no_check_where_none_is_left() -> None:
    @stage(checks=False)
    def plain(x: float, y: float):
        return x * y + 1.0

    assert not [note for note in plain.diagnostics() if note.kind == "check"]


@pytest.mark.skipif(shutil.which("objdump") is None, reason="needs objdump")
def test_diagnostics_tell_of_a_loop_that_is_chosen() -> None:
    def some(a: np.ndarray, n: int) -> float:
        s = 0.0
        for i in range(n):
            s += a[i]
        return s

    some_staged = stage(some)
    some_staged(np.arange(4.0), 3)
    texts = [note.text for note in some_staged.diagnostics()]
    assert any(text.startswith("a test before the loop chooses a copy without checks") for text in texts)
    assert [text for text in texts if text.startswith("IndexError")] != []


def test_machine_code_shows_python_lines() -> None:
    staged = stage(divided)
    staged(3, 2)
    assembly = staged.inspect_asm()
    assert "total += (i * k) // m" in assembly
    assert "rax" in assembly


def test_a_cache_miss_is_explained(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    options = {"cache_dir": tmp_path, "explain_cache_misses": True}
    with caplog.at_level(logging.WARNING, logger="pylms"):
        stage(options=Options(**options))(divided)(3, 2)
        stage(options=Options(**options))(divided)(3, 2)
        stage(options=Options(checks=False, **options))(divided)(3, 2)
    label = f"divided ({__file__}:{divided.__code__.co_firstlineno})"
    assert [record.getMessage() for record in caplog.records] == [
        f"cache miss: {label} was never compiled before, with this cache",
        f"cache miss: {label} was compiled before with another checks",
    ]
