"""Pictures of measurements: one PNG a file of results, with a panel for each of its workloads.

In: what `report.as_json` wrote. Out: for each competitor a point, the median time of a step, on a line from the fastest
round to the slowest. Needs matplotlib.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot, ticker

from .report import SUBJECT

OURS, OTHERS = "#1f6feb", "#6e7781"


def draw(results: dict[str, Any], path: Path) -> None:
    """Write the picture of all workloads that anybody finished."""
    workloads = [workload for workload in results["workloads"] if rounds_of(workload)[0]]
    heights = [0.6 + 0.32 * len(rounds_of(workload)[0]) for workload in workloads]
    figure, axes = pyplot.subplots(
        len(workloads), 1, figsize=(8, sum(heights)), height_ratios=heights, squeeze=False, layout="constrained"
    )
    for axis, workload in zip(axes[:, 0], workloads, strict=True):
        draw_panel(axis, workload)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def rounds_of(workload: dict[str, Any]) -> tuple[list[str], list[list[float]]]:
    """Names and rounds of the competitors that were timed, the fastest first."""
    timed = [result for result in workload["results"] if result["microseconds"]]
    timed.sort(key=lambda result: statistics.median(result["microseconds"]))
    return [result["name"] for result in timed], [list(result["microseconds"]) for result in timed]


def draw_panel(axis: Any, workload: dict[str, Any]) -> None:
    names, rounds = rounds_of(workload)
    for number, (name, each) in enumerate(zip(names, rounds, strict=True)):
        median, colour = statistics.median(each), OURS if name.startswith(SUBJECT) else OTHERS
        axis.hlines(number, min(each), max(each), colors=colour, lw=1.5)
        axis.plot(median, number, "o", color=colour, ms=6)
        axis.text(
            max(each) * 1.08, number, f"{median:,.0f}" if median >= 1000 else f"{median:.4g}", va="center", fontsize=8
        )
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.xaxis.set_minor_formatter(ticker.NullFormatter())
    axis.set_xlim(min(map(min, rounds)) * 0.7, max(map(max, rounds)) * 1.8)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.tick_params(axis="x", labelsize=8)
    axis.grid(axis="x", which="both", lw=0.3)
    axis.set_title(f"{workload['title']}: µs a step", fontsize=9, loc="left")
    axis.spines[["top", "right"]].set_visible(False)
