"""`python -m benchmarks.tracing [OPERATIONS]`: how fast long programs are staged and compiled.

Three programs of about that many operations (100,000 by default), unrolled by `static(range(...))`: integers in a
straight line, floats with branches that are known while staging, and integers with a staged branch in each round. For
each: operations traced a second (the fastest of three), and the seconds from the first call with an empty cache to its
result, which is compared with Python's.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pylms import lms, stage, static
from pylms.ir.node import walk
from pylms.options import Options
from pylms.staged import StagedFunction

OPERATIONS = 100_000
TRACINGS = 3


@lms
def straight(x: int) -> int:
    """Five operations a round."""
    y = x
    for i in static(range(rounds // 5)):
        y = ((y * 3 + i) & 0xFFFF) ^ (y >> 1)
    return y


@lms
def floats(x: float) -> float:
    """Four operations a round."""
    y = x
    for i in static(range(rounds // 4)):
        z = y * 0.5 + i
        y = z - y * 0.25 if i % 3 else z / 3.0 + y
    return y


@lms
def branches(x: int) -> int:
    """Fifteen operations a round."""
    y = x
    for i in static(range(rounds // 15)):
        if (y & 1) == 0:
            y = (y * 3 + i) & 0xFFFF
        else:
            y = (y ^ i) - (y >> 1)
    return y


rounds = OPERATIONS


def traced(function: StagedFunction) -> tuple[int, float]:
    """How many operations tracing gives, and how many a second."""
    signature = function._shown_signature()
    started = time.process_time()
    staged = function._stage(signature)
    seconds = time.process_time() - started
    operations = sum(1 for _ in walk(staged.function.body))
    return operations, operations / seconds


def main(arguments: Sequence[str]) -> None:
    """Print one line a program."""
    global rounds
    rounds = int(arguments[0]) if arguments else OPERATIONS
    for program, argument in ((straight, 12345), (floats, 0.5), (branches, 12345)):
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            options = replace(Options.from_environment(), cache_dir=Path(folder), unroll_budget=sys.maxsize)
            found = [traced(stage(options=options)(program)) for _ in range(TRACINGS)]
            compiled = stage(options=options)(program)
            started = time.perf_counter()
            result = compiled(argument)
            seconds = time.perf_counter() - started
        assert result == program(argument)
        operations, rate = max(found, key=lambda each: each[1])
        print(f"{compiled.__name__:10} {operations} operations, {rate:,.0f} a second, {seconds:.1f} s to the result")


if __name__ == "__main__":
    main(sys.argv[1:])
