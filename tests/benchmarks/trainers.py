"""Competitors that compute nothing, rightly, wrongly, or not at all."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.worker import Trainer


class Constant:
    """Every loss is `loss`, every weight is `weight`."""

    def __init__(self, loss: float, weight: float) -> None:
        self.loss, self.weight = loss, weight

    def prepare(self, steps: int) -> int:
        print("what competitors print is not taken for a reply")
        return 0

    def reset(self) -> None:
        pass

    def train(self, steps: int) -> float:
        return self.loss

    def parameters(self) -> list[NDArray[np.float32]]:
        return [np.full((2, 3), self.weight, np.float32)]


def right(batch: int) -> Trainer:
    return Constant(1.0, 2.0)


def wrong(batch: int, what: str) -> Trainer:
    return Constant(1.5, 2.0) if what == "loss" else Constant(1.0, float("nan"))


def missing(batch: int) -> Trainer:
    raise ImportError("no such library")
