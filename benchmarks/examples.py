"""`python -m benchmarks.examples [--rounds N] [--docs]`: the examples against what a user would pick instead.

All run in one process on one core, in interleaved rounds on the same inputs, after all have computed the same; the
table gives medians, and how many times as long the other takes. Compiling is in a column of its own.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from examples import fft, forest, futamura, query, regex, sparse

from .report import machine, replace_section

DOCS_PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
ROUNDS = 25
SHORTEST_ROUND = 2e-3

Run = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One task: our way, and others by name. Each run gives the result."""

    task: str
    ours: Run
    others: dict[str, Run]
    compile_seconds: float


def timed_first(run: Run) -> float:
    """Seconds that the first run takes, which compiles."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def regex_comparison() -> Comparison:
    fullmatch, reference = regex.matcher(regex.EMAIL), re.compile(regex.EMAIL.encode())
    text = b".".join([b"somebody"] * 20) + b"@" + b".".join([b"example"] * 20)
    codes = regex.as_bytes(text)
    seconds = timed_first(lambda: fullmatch(codes))
    others: dict[str, Run] = {"re": lambda: reference.fullmatch(text) is not None}
    return Comparison(f"regular expression, {len(text)} bytes", lambda: fullmatch(codes), others, seconds)


def forest_comparisons() -> list[Comparison]:
    model, rows = forest.fitted_model(trees=10, depth=6)
    predict_row, predict = forest.compiled(forest.trees_of(model), rows.shape[1], 3)
    many = np.tile(rows, (20, 1))
    result = np.empty(len(many), np.int64)
    first = rows[:1]

    def batch() -> Any:
        predict(many, result)
        return result

    one: dict[str, Run] = {"scikit-learn": lambda: model.predict(first)[0]}
    all_rows: dict[str, Run] = {"scikit-learn": lambda: model.predict(many)}
    seconds = timed_first(lambda: predict_row(rows[0])), timed_first(batch)
    return [
        Comparison("forest of 10 trees, one row", lambda: predict_row(rows[0]), one, seconds[0]),
        Comparison(f"forest of 10 trees, {len(many)} rows", batch, all_rows, seconds[1]),
    ]


def sparse_comparison() -> Comparison:
    matrix = sparse.random_matrix(100, 0.05)
    product = sparse.specialised(matrix)
    x, y = np.random.default_rng(0).normal(size=100), np.empty(100)

    def ours() -> Any:
        product(x, y)
        return y

    seconds = timed_first(ours)
    return Comparison(f"sparse 100x100, {matrix.nnz} entries", ours, {"SciPy": lambda: matrix @ x}, seconds)


def fft_comparisons() -> list[Comparison]:
    return [fft_comparison(size) for size in (8, 32, 128)]


def fft_comparison(size: int) -> Comparison:
    transform = fft.specialised(size)
    signal = np.random.default_rng(0).normal(size=size) + 0j
    found = np.empty(size, complex)
    parts, found_parts = signal.view(float).reshape(size, 2), found.view(float).reshape(size, 2)

    def ours() -> Any:
        transform(parts, found_parts)
        return found

    seconds = timed_first(ours)
    return Comparison(f"FFT of size {size}", ours, {"numpy.fft": lambda: np.fft.fft(signal)}, seconds)


def query_comparison() -> Comparison:
    asked, table = query.REVENUE, query.example_table(1_000_000)
    run = query.compiled(asked)
    columns = [table[name] for name in query.columns_read(asked)]

    def ours() -> Any:
        result = np.zeros((asked.groups, len(asked.sums) + 1))
        run(result, *columns)
        return result

    seconds = timed_first(ours)
    return Comparison("query over 1,000,000 rows", ours, query_rivals(table), seconds)


def query_rivals(table: dict[str, Any]) -> dict[str, Run]:
    import duckdb
    import pandas

    frame = pandas.DataFrame(table)
    connection = duckdb.connect()
    connection.execute("set threads = 1")
    connection.register("source", frame)
    connection.execute("create table facts as select * from source")
    text = (
        "select sum(price * discount), sum(quantity), count(*) from facts "
        "where shipped < 2400 and discount > 0.04 and quantity < 24 group by flag order by flag"
    )

    def by_pandas() -> Any:
        chosen = frame[(frame.shipped < 2400) & (frame.discount > 0.04) & (frame.quantity < 24)]
        chosen = chosen.assign(revenue=chosen.price * chosen.discount)
        groups = chosen.groupby("flag")
        found = groups[["revenue", "quantity"]].sum()
        return np.column_stack([found.to_numpy(), groups.size().to_numpy()])

    return {
        "pandas": by_pandas,
        "DuckDB": lambda: np.array(connection.execute(text).fetchall(), dtype=float),
    }


def interpreter_comparison() -> Comparison:
    compiled = futamura.compiled(futamura.COLLATZ)
    seconds = timed_first(lambda: compiled(300))
    others: dict[str, Run] = {"the interpreter": lambda: futamura.run(futamura.COLLATZ, (300, 0, 0, 0, 0))[1]}
    return Comparison("a program in a small language", lambda: compiled(300), others, seconds)


def comparisons() -> list[Comparison]:
    return [
        regex_comparison(),
        *forest_comparisons(),
        sparse_comparison(),
        *fft_comparisons(),
        query_comparison(),
        interpreter_comparison(),
    ]


def measure(comparison: Comparison, rounds: int) -> dict[str, float]:
    """Median seconds a run, ours under the empty name. Raises AssertionError where results differ."""
    runs = {"": comparison.ours, **comparison.others}
    expected = np.array(comparison.ours(), dtype=complex)
    for run in comparison.others.values():
        np.testing.assert_allclose(np.array(run(), dtype=complex), expected, rtol=1e-6, atol=1e-9)
    repeats = {name: max(1, round(SHORTEST_ROUND / max(seconds_of(run, 1), 1e-7))) for name, run in runs.items()}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            times[name].append(seconds_of(run, repeats[name]))
    return {name: statistics.median(found) for name, found in times.items()}


def seconds_of(run: Run, repeats: int) -> float:
    started = time.perf_counter()
    for _ in range(repeats):
        run()
    return (time.perf_counter() - started) / repeats


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.examples", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--docs", action="store_true", help="put the table into docs/benchmarks.md")
    options = parser.parse_args(arguments)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    lines = ["| task | Snek-LMS, µs | other | µs | ratio | compile, s |", "|---|---:|---|---:|---:|---:|"]
    print("\n".join(lines))
    for comparison in comparisons():
        times = measure(comparison, options.rounds)
        for name in comparison.others:
            cells = [comparison.task, f"{times[''] * 1e6:.2f}", name, f"{times[name] * 1e6:.2f}"]
            cells += [f"{times[name] / times['']:.2f}×", f"{comparison.compile_seconds:.2f}"]
            lines.append(f"| {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    if options.docs:
        on = ", ".join(f"{key} {value}" for key, value in machine().items())
        text = f"\nMeasured on: {on}.\n\n" + "\n".join(lines) + "\n"
        page = replace_section(DOCS_PAGE.read_text(encoding="utf-8"), "examples", text)
        DOCS_PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
