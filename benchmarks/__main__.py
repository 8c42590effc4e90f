"""`python -m benchmarks [WORKLOAD...] [--quick] [--json PATH] [--docs]`: measure, print tables, write JSON.

Workloads are the names in `WORKLOADS`, all of them by default. The exit status is 1 where a competitor computed
something else than the others, or where this project did not run.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from . import cnn, lenet, mnist_mlp, recurrent, treelstm
from .harness import Measurement, Workload, measure
from .report import SUBJECT, as_json, machine, markdown_table, replace_section, text_table

WORKLOADS: dict[str, Callable[[], Sequence[Workload]]] = {
    "mnist_mlp": mnist_mlp.workloads,
    "recurrent": recurrent.workloads,
    "cnn": cnn.workloads,
    "lenet": lenet.workloads,
    "treelstm": treelstm.workloads,
}
RESULTS = Path(__file__).parent / "results"
DOCS_PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
PICTURES = DOCS_PAGE.parent / "images"
ROUNDS, QUICK_ROUNDS = 11, 3


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition(":")[2])
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"of: {', '.join(WORKLOADS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} rounds rather than {ROUNDS}")
    parser.add_argument("--json", type=Path, metavar="PATH", help="where to write all numbers (default: in results/)")
    parser.add_argument("--docs", action="store_true", help=f"put tables and pictures into {DOCS_PAGE.name}")
    parser.add_argument("--verbose", action="store_true", help="show what competitors print")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.workloads) - set(WORKLOADS))
    if unknown:
        parser.error(f"no workload named {', '.join(unknown)}; there are: {', '.join(WORKLOADS)}")

    succeeded = True
    for name in options.workloads or WORKLOADS:
        measurements = []
        for workload in WORKLOADS[name]():
            measurement = measure(workload, rounds=QUICK_ROUNDS if options.quick else ROUNDS, verbose=options.verbose)
            print(f"\n{text_table(measurement)}\n", flush=True)
            measurements.append(measurement)
            succeeded = succeeded and ran_right(measurement)
        path = options.json or RESULTS / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        results = as_json(measurements)
        path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        if options.docs:
            write_docs(name, measurements)
            import_module(".plots", __package__).draw(results, PICTURES / f"{name}.png")
    return 0 if succeeded else 1


def ran_right(measurement: Measurement) -> bool:
    """Whether this project ran, and every competitor that ran computed the same."""
    subject_ran = any(result.name == SUBJECT and result.microseconds for result in measurement.results)
    return subject_ran and not any(result.wrong for result in measurement.results)


def write_docs(name: str, measurements: Sequence[Measurement]) -> None:
    """Replace the section `name` of the benchmarks page."""
    on = ", ".join(f"{key} {value}" for key, value in machine().items())
    tables = "\n\n".join(markdown_table(measurement) for measurement in measurements)
    picture = f"![Time of a step]({PICTURES.name}/{name}.png)"
    content = f"\nMeasured on: {on}.\n\n{tables}\n\n{picture}\n"
    page = replace_section(DOCS_PAGE.read_text(encoding="utf-8"), name, content)
    DOCS_PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
