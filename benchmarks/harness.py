"""Runs competitors side by side: each in its own process, all pinned to the same core, in interleaved rounds.

In: a `Workload`. Out: a `Measurement`: for each competitor its rounds, or why it has none, and whether it computed what
the first one did. While one competitor runs the others wait for their pipes, so that each has the core to itself.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

LOSS_TOLERANCE = 1e-3
WEIGHT_TOLERANCE = 1e-3
CACHE_FOLDERS = ("PYLMS_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR")
THREAD_COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PYLMS_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Competitor:
    """One way to do the work. `factory` is `module:function`, called with the batch size and then `choice`, if any.

    steps: how many steps a round takes: a whole epoch, or enough for a few tenths of a second.
    threads: how many it may use, each having a core; to tell what a second one gives.
    """

    name: str
    factory: str
    steps: int
    choice: str | None = None
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Workload:
    """What is measured. The first competitor's results are what the others are checked against, over `check_steps`."""

    name: str
    title: str
    batch: int
    check_steps: int
    competitors: tuple[Competitor, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What one competitor did: microseconds a step, one number a round. Where there are none, `problem` says why.

    prepare_seconds: how long all that is done once took, with the first run that followed.
    weight_error: the largest difference from the first competitor's weights, relative to the largest weight.
    peak_mebibytes: the most memory its process had, with all that it imported.
    """

    name: str
    steps: int
    prepare_seconds: float = 0.0
    prepared_steps: int = 0
    loss: float | None = None
    weight_error: float | None = None
    peak_mebibytes: float = 0.0
    microseconds: tuple[float, ...] = ()
    problem: str | None = None
    wrong: bool = False

    @property
    def median(self) -> float:
        return statistics.median(self.microseconds)

    @property
    def compile_seconds(self) -> float:
        """What of the preparation was not the training it did."""
        return max(0.0, self.prepare_seconds - self.median * self.prepared_steps * 1e-6)

    @property
    def fastest(self) -> float:
        return min(self.microseconds)


@dataclass(frozen=True, slots=True)
class Measurement:
    """All results of one workload, in the workload's order."""

    workload: Workload
    results: tuple[Result, ...]


class WorkerFailedError(Exception):
    """A competitor's process could not do what it was asked; the message is its own."""


class Worker:
    """A competitor's process. `verbose` lets its standard error through."""

    def __init__(self, competitor: Competitor, *, batch: int, verbose: bool) -> None:
        cores = ",".join(map(str, cores_for(competitor.threads)))
        command = [sys.executable, "-m", "benchmarks.worker", cores, competitor.factory, str(batch)]
        command += [competitor.choice] if competitor.choice is not None else []
        # Nobody finds in a cache what an earlier run compiled.
        self._caches = tempfile.TemporaryDirectory(prefix="benchmark-caches-")
        caches = self._caches.name
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if verbose else subprocess.DEVNULL,
            text=True,
            env=os.environ
            | dict.fromkeys(THREAD_COUNTS, str(competitor.threads))
            | {name: f"{caches}/{name}" for name in CACHE_FOLDERS},
            cwd=Path(__file__).parent.parent,
        )

    def reply(self) -> dict[str, float]:
        """Wait for the next reply. Raises WorkerFailedError where it tells of an error, or where none comes."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise WorkerFailedError(f"its process ended with status {self._process.wait()}")
        reply: dict[str, float] = json.loads(line)
        if "error" in reply:
            raise WorkerFailedError(str(reply["error"]))
        return reply

    def ask(self, command: str, **values: object) -> dict[str, float]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"command": command, **values}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise WorkerFailedError(f"its process ended with status {self._process.wait()}") from None
        return self.reply()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._caches.cleanup()


def cores_for(threads: int) -> list[int]:
    """The last cores of this process, which is the same one for all that have one thread."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    return cores[-threads:]


def measure(workload: Workload, *, rounds: int, verbose: bool) -> Measurement:
    """Check all competitors, then time those that can run, round by round."""
    results: dict[str, Result] = {}
    workers: dict[str, Worker] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        reference: Result | None = None
        for competitor in workload.competitors:
            say(f"{workload.title}: preparing {competitor.name}")
            worker = Worker(competitor, batch=workload.batch, verbose=verbose)
            stack.callback(worker.close)
            weights = folder / f"{len(results)}.npz"
            result = prepared(competitor, worker, workload, weights)
            if result.problem is None and reference is None:
                reference, reference_weights = result, weights
            elif result.problem is None and reference is not None:
                result = compared(result, reference, weights, reference_weights)
            results[competitor.name] = result
            if result.problem is None:
                workers[competitor.name] = worker
        for number in range(rounds):
            say(f"{workload.title}: round {number + 1} of {rounds}")
            for name, worker in workers.items():
                results[name] = timed(results[name], worker)
        for name, worker in workers.items():
            if results[name].problem is None:
                results[name] = replace(results[name], peak_mebibytes=worker.ask("memory")["mebibytes"])
    return Measurement(workload, tuple(results.values()))


def prepared(competitor: Competitor, worker: Worker, workload: Workload, weights: Path) -> Result:
    """The competitor's result so far: compiled, and trained for the check, its weights in the file `weights`."""
    result = Result(competitor.name, competitor.steps)
    try:
        worker.reply()
        preparing = worker.ask("prepare", steps=competitor.steps)
        loss = worker.ask("check", steps=workload.check_steps, path=str(weights))["loss"]
    except WorkerFailedError as error:
        return replace(result, problem=str(error))
    return replace(result, prepare_seconds=preparing["seconds"], prepared_steps=int(preparing["result"]), loss=loss)


def compared(result: Result, reference: Result, weights: Path, reference_weights: Path) -> Result:
    """The result with its error, and with a problem where loss or weights differ from the reference's."""
    assert result.loss is not None and reference.loss is not None
    loss_error = abs(result.loss - reference.loss)
    with np.load(weights) as ours, np.load(reference_weights) as theirs:
        error = max(float(np.abs(ours[key] - theirs[key]).max() / np.abs(theirs[key]).max()) for key in theirs.files)
    result = replace(result, weight_error=error)
    if not (loss_error <= LOSS_TOLERANCE and error <= WEIGHT_TOLERANCE):  # so that NaN is wrong
        difference = f"loss off by {loss_error:.1e}, weights by {error:.1e}"
        return replace(result, problem=f"computes something else: {difference}", wrong=True)
    return result


def timed(result: Result, worker: Worker) -> Result:
    """The result with one more round; a competitor that fails now keeps no rounds."""
    if result.problem is not None:
        return result
    try:
        seconds = worker.ask("run", steps=result.steps)["seconds"]
    except WorkerFailedError as error:
        return replace(result, problem=str(error), microseconds=())
    return replace(result, microseconds=(*result.microseconds, seconds / result.steps * 1e6))


def say(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)
