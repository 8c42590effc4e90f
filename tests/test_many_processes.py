"""Processes that compile the same function at once, and one that is killed while it does."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

SOURCE = """
import sys
from pylms import Options, stage
from pathlib import Path

def triangle(n):
    total = 0
    for i in range(n):
        total += i
    return total

print(stage(options=Options(cache_dir=Path(sys.argv[1])))(triangle)(10))
"""


def start(tmp_path: Path) -> subprocess.Popen[str]:
    program = tmp_path / "program.py"
    if not program.exists():
        program.write_text(SOURCE)
    command = [sys.executable, str(program), str(tmp_path / "cache")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(__file__).parents[1] / "src")}


def entries(tmp_path: Path) -> list[Path]:
    """Those of staged functions: the call binding is kept there too."""
    return [path.parent for path in (tmp_path / "cache").glob("??/*/bundle")]


def test_eight_processes_leave_one_entry_and_eight_right_answers(tmp_path: Path) -> None:
    processes = [start(tmp_path) for _ in range(8)]
    assert [process.communicate(timeout=120)[0] for process in processes] == ["45\n"] * 8
    assert len(entries(tmp_path)) == 1


def test_a_killed_compile_leaves_no_bad_entry(tmp_path: Path) -> None:
    for delay in (0.1, 0.3, 0.5):
        process = start(tmp_path)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    last = start(tmp_path)
    assert last.communicate(timeout=120)[0] == "45\n"
    assert len(entries(tmp_path)) == 1


def test_a_truncated_entry_is_built_again(tmp_path: Path) -> None:
    assert start(tmp_path).communicate(timeout=120)[0] == "45\n"
    (entry,) = entries(tmp_path)
    for name in ("module.so", "bundle", "digest"):
        content = (entry / name).read_bytes()
        (entry / name).write_bytes(content[: len(content) // 2])
        assert start(tmp_path).communicate(timeout=120)[0] == "45\n"
