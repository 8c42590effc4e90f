"""What a measurement looks like: a table for people, JSON for programs, and a section of `docs/benchmarks.md`.

In: `Measurement`s. Out: text. Ratios are of medians: to this project's where it ran, else to the fastest's.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .harness import Measurement, Result

SUBJECT = "Snek-LMS"
HEADINGS = ("competitor", "µs a step, median", "fastest", "ratio", "steps a round", "compile, s", "peak, MiB")
PACKAGES = ("torch", "jax", "jaxlib", "numpy")


def rows(measurement: Measurement) -> list[tuple[str, ...]]:
    """The table's lines below the headings, one a competitor."""
    ran = [result for result in measurement.results if result.microseconds]
    if not ran:
        return [_problem(result) for result in measurement.results]
    base = next((result for result in ran if result.name == SUBJECT), min(ran, key=lambda result: result.median))
    return [_row(result, base) for result in measurement.results]


def _row(result: Result, base: Result) -> tuple[str, ...]:
    if not result.microseconds:
        return _problem(result)
    ratio = f"{result.median / base.median:.2f}×"
    return (
        result.name,
        f"{result.median:.2f}",
        f"{result.fastest:.2f}",
        ratio,
        str(result.steps),
        f"{result.compile_seconds:.1f}",
        f"{result.peak_mebibytes:.0f}",
    )


def _problem(result: Result) -> tuple[str, ...]:
    return (result.name, result.problem or "", *[""] * (len(HEADINGS) - 2))


def text_table(measurement: Measurement) -> str:
    """The table in columns, its title above it."""
    lines = [HEADINGS, *rows(measurement)]
    widths = [max(len(line[column]) for line in lines if line[2] or column == 0) for column in range(len(HEADINGS))]
    body = [
        "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in columns).rstrip()
        for columns in (list(enumerate(zip(line, widths, strict=True))) for line in lines)
    ]
    return "\n".join([measurement.workload.title, *body])


def markdown_table(measurement: Measurement) -> str:
    """The table as Markdown, its title as a heading."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (HEADINGS, *rows(measurement))]
    rule = "|---|" + "---:|" * (len(HEADINGS) - 1)
    return "\n".join([f"### {measurement.workload.title}", "", lines[0], rule, *lines[1:]])


def as_json(measurements: Sequence[Measurement]) -> dict[str, Any]:
    """Everything that was measured, and on what."""
    return {
        "machine": machine(),
        "workloads": [
            {
                "name": measurement.workload.name,
                "title": measurement.workload.title,
                "batch": measurement.workload.batch,
                "check_steps": measurement.workload.check_steps,
                "results": [dataclasses.asdict(result) for result in measurement.results],
            }
            for measurement in measurements
        ],
    }


def machine() -> dict[str, str]:
    """The processor, the compilers and the packages that took part."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    compilers = {}
    for compiler in ("g++", "clang++"):
        try:
            said = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            continue
        compilers[compiler] = said.splitlines()[0]
    return {
        "cpu": _cpu_name(),
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        **versions,
        **compilers,
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def replace_section(page: str, name: str, content: str) -> str:
    """The page with what stands between the markers of section `name` replaced. Raises ValueError without markers."""
    begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
    before, found_begin, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"no section between {begin} and {end}")
    return f"{before}{begin}\n{content}\n{end}{after}"
