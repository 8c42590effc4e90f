"""`python -m benchmarks.startup`: what a small staged function costs before and at each call; `--docs` writes the page.

Every figure but the call is of new processes, one after another, compiled bytecode at hand: import from start to
end, the first call of `power3` with an empty cache and with a full one. The call is the fastest of many in one process,
beside the same call of the Python function.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

DOCS_PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
ROUNDS = 11
PROGRAM = Path(__file__).parent / "startup_program.py"


def measure(rounds: int = ROUNDS) -> dict[str, tuple[float, float]]:
    """Median and fastest of each figure: milliseconds, and nanoseconds for calls."""
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        environment = os.environ | {"PYTHONPYCACHEPREFIX": f"{folder}/bytecode"}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        run(environment, f"{folder}/warm")  # builds the call binding, and bytecode
        for number in range(rounds):
            cold = run(environment, f"{folder}/cold{number}")
            warm = run(environment, f"{folder}/warm")
            figures = {
                "import pylms, ms": warm["import"],
                "first call of power3, nothing cached, ms": cold["first"],
                "first call of power3, from the disk cache, ms": warm["first"],
                "first call of a function of ten lines, nothing cached, ms": cold["ten"],
                "the same, from the disk cache, ms": warm["ten"],
                "a call with one int, ns": warm["call"],
                "a call with three arrays, ns": warm["arrays"],
                "the same call of the Python function, ns": warm["python"],
            }
            for name, value in figures.items():
                found.setdefault(name, []).append(value)
    return {name: (statistics.median(values), min(values)) for name, values in found.items()}


def run(environment: dict[str, str], cache: str) -> dict[str, float]:
    """The figures of one new process with that compile cache. The call binding is built before the first call."""
    chosen = environment | {"PYLMS_CACHE_DIR": cache}
    done = subprocess.run(
        [sys.executable, str(PROGRAM)], env=chosen, check=True, capture_output=True, text=True, timeout=120
    )
    pairs = (line.split() for line in done.stdout.splitlines())
    return {name: float(value) for name, value in pairs}


def main(arguments: Sequence[str]) -> None:
    """Print the table, and with `--docs` put it into the page."""
    rows = [f"| {name} | {median:.1f} | {best:.1f} |" for name, (median, best) in measure().items()]
    table = "\n".join(["| | median | fastest |", "|---|---|---|", *rows])
    print(table)
    if "--docs" in arguments:
        from .report import replace_section

        DOCS_PAGE.write_text(replace_section(DOCS_PAGE.read_text(), "startup", table))


if __name__ == "__main__":
    main(sys.argv[1:])
