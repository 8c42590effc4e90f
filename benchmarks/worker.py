"""One competitor in a process of its own: `python -m benchmarks.worker CORES MODULE:FACTORY BATCH [CHOICE]`.

`CORES` are the numbers of those it may use, as in "0,1".

In: JSON lines on standard input. Out: one JSON line for each on standard output, after a first one that says "ready".

    {"command": "check", "steps": n, "path": p}   train n steps from the initial weights, save the weights at p (npz)
                                                  -> {"loss": mean loss of those steps}
    {"command": "prepare", "steps": n}            do all that is done once, compile above all
                                                  -> {"seconds": s, "result": steps}
    {"command": "run", "steps": n}                train n steps -> {"seconds": s, "result": loss}
    {"command": "memory"}                         -> {"mebibytes": the most memory the process had}

Anything the competitor prints goes to standard error. An error ends the process, its last line told as {"error": ...}.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Trainer(Protocol):
    """A competitor: the same model, data and optimiser as all others, its weights being its state."""

    def prepare(self, steps: int) -> int:
        """Do now what a run of so many steps does only once: compile, allocate, warm up. Keeps no trained weights.

        Gives the number of steps it took for that.
        """

    def reset(self) -> None:
        """Go back to the initial weights."""

    def train(self, steps: int) -> float:
        """Take the first `steps` batches in order; give the mean of their losses."""

    def parameters(self) -> list[NDArray[np.float32]]:
        """The weights now: [50, 784], [50], [10, 50], [10]."""


def load_factory(name: str) -> Callable[..., Trainer]:
    module, _, factory = name.partition(":")
    loaded: Callable[..., Trainer] = getattr(importlib.import_module(module), factory)
    return loaded


def answer(trainer: Trainer, request: dict[str, Any]) -> dict[str, float]:
    if request["command"] == "memory":
        return {"mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    steps: int = request["steps"]
    if request["command"] == "check":
        trainer.prepare(steps)
        trainer.reset()
        loss = trainer.train(steps)
        np.savez(request["path"], *trainer.parameters())
        return {"loss": loss}
    started = time.perf_counter()
    taken = trainer.prepare(steps) if request["command"] == "prepare" else trainer.train(steps)
    return {"seconds": time.perf_counter() - started, "result": taken}


def main(arguments: list[str]) -> None:
    replies = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what competitors print must not mix with the replies
    cores, factory, batch, *choice = arguments
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    try:
        started = time.perf_counter()
        trainer = load_factory(factory)(int(batch), *choice)
        print(json.dumps({"event": "ready", "seconds": time.perf_counter() - started}), file=replies)
        for line in sys.stdin:
            print(json.dumps(answer(trainer, json.loads(line))), file=replies)
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}".splitlines()[0]}), file=replies)
        raise


if __name__ == "__main__":
    main(sys.argv[1:])
