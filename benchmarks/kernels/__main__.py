"""`python -m benchmarks.kernels [KERNEL...] [--rounds N] [--docs]`: this project, hand-written C++, Numba, CPython.

All run in one process that is pinned to one core, in interleaved rounds, on arguments of their own; the table gives the
median time, and ratios of medians. Before anything is timed, all must compute the same. Numba runs with its defaults,
unchecked; this project with Python's checks. Compiling is not in the times.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import sys
import time
from collections.abc import Sequence
from math import exp, log
from pathlib import Path
from typing import Any

import numpy as np

from ..report import machine, replace_section
from .cases import CASES, Arguments, Case
from .competitors import COMPETITORS, SUBJECT, Run

DOCS_PAGE = Path(__file__).parent.parent.parent / "docs" / "benchmarks.md"
ROUNDS = 15
TOLERANCE = 1e-9
SHORTEST_ROUND = 2e-3
NATIVE, NUMBA = "C++, g++ -O3", "Numba"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels", description=__doc__)
    parser.add_argument("kernels", nargs="*", metavar="KERNEL", help="default: all")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--docs", action="store_true", help="put the table into docs/benchmarks.md")
    options = parser.parse_args(arguments)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    chosen = [case for case in CASES if not options.kernels or case.name in options.kernels]
    measured = {}
    for case in chosen:
        measured[case.name] = measure(case, options.rounds)
        print(row(case, measured[case.name]), flush=True)
    table = "\n".join(lines(chosen, measured))
    print(f"\n{table}")
    if options.docs:
        on = ", ".join(f"{key} {value}" for key, value in machine().items())
        page = replace_section(DOCS_PAGE.read_text(encoding="utf-8"), "kernels", f"\nMeasured on: {on}.\n\n{table}\n")
        DOCS_PAGE.write_text(page, encoding="utf-8")
    return 0 if all(SUBJECT in times for times in measured.values()) else 1


def measure(case: Case, rounds: int) -> dict[str, float]:
    """Median seconds of each competitor that computes what Python does; the others are named on standard error."""
    runs: dict[str, Run] = {}
    expected = case.function(*case.small())
    for name, make in COMPETITORS.items():
        try:
            run = make(case)
            check(name, run.call(*run.prepare(case.small())), expected)
            runs[name] = run
        except Exception as error:
            print(f"{case.name}, {name}: {type(error).__name__}: {str(error).splitlines()[0]}", file=sys.stderr)
    reference = {name: run.call(*run.prepare(case.make())) for name, run in runs.items()}
    for name, result in reference.items():
        check(name, result, next(iter(reference.values())))
    given = case.make()
    repeats = {name: repeats_of(run, given) for name, run in runs.items()}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            times[name].append(timed(run, given, repeats[name]))
    return {name: statistics.median(found) for name, found in times.items()}


def repeats_of(run: Run, given: Arguments) -> int:
    """How often to run for a round that is long enough to time."""
    return max(1, round(SHORTEST_ROUND / max(timed(run, given, 1), 1e-7)))


def timed(run: Run, given: Arguments, repeats: int) -> float:
    """Seconds of one run; each is given copies of the arrays, made before the clock starts."""
    copies = [run.prepare(copy.deepcopy(given)) for _ in range(repeats)]
    call = run.call
    started = time.perf_counter()
    for each in copies:
        call(*each)
    return (time.perf_counter() - started) / repeats


def check(name: str, found: Any, expected: Any) -> None:
    """Raises ValueError where a competitor computes something else."""
    if not np.isclose(float(found), float(expected), rtol=TOLERANCE, atol=0):
        raise ValueError(f"{name} computes {found}, and not {expected}")


def geometric_mean(ratios: Sequence[float]) -> float:
    return exp(sum(map(log, ratios)) / len(ratios)) if ratios else float("nan")


def ratio(times: dict[str, float], to: str) -> float | None:
    """How many times as long as a competitor this project takes."""
    return times[SUBJECT] / times[to] if SUBJECT in times and to in times else None


def row(case: Case, times: dict[str, float]) -> str:
    cells = [case.name, case.kind]
    cells += [f"{times[name] * 1e3:.3f}" if name in times else "–" for name in COMPETITORS]
    for to in (NATIVE, NUMBA):
        found = ratio(times, to)
        cells.append("–" if found is None else f"{found:.2f}")
    return "| " + " | ".join(cells) + " |"


def lines(cases: Sequence[Case], measured: dict[str, dict[str, float]]) -> list[str]:
    """The table as Markdown, with geometric means at its end."""
    heads = ["kernel", "kind", *(f"{name}, ms" for name in COMPETITORS), "to C++", "to Numba"]
    table = ["| " + " | ".join(heads) + " |", "|---|---|" + "---:|" * (len(heads) - 2)]
    table += [row(case, measured[case.name]) for case in cases]
    means = []
    for to in (NATIVE, NUMBA):
        ratios = [found for times in measured.values() if (found := ratio(times, to)) is not None]
        means.append(f"{geometric_mean(ratios):.2f}")
    return [*table, "| geometric mean | |" + " |" * len(COMPETITORS) + f" {means[0]} | {means[1]} |"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
