"""What this project's competitors share: a model and its optimiser, which outlive the calls of the compiled loops.

The optimiser is not made in a loop: at each call a new one would be, and the loop staged anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn, optim

from .mnist_data import parameters_of

Loop = Callable[[Any], float]


class StagedTrainer:
    """Trains one model. `make_loop(model, optimizer, steps)` stages so many steps; the loop sums their losses."""

    def __init__(
        self,
        make_model: Callable[[], nn.Module],
        make_optimizer: Callable[..., optim.Optimizer],
        make_loop: Callable[[Any, optim.Optimizer, int], Loop],
    ) -> None:
        self.make_model, self.make_loop = make_model, make_loop
        self.model = make_model()
        self.optimizer = make_optimizer(self.model.parameters())
        self.loops: dict[int, Loop] = {}

    def reset(self) -> None:
        self.model.load_state_dict(self.make_model().state_dict())
        for state in self.optimizer.state.values():
            for part in state.values():
                part.zero_()

    def prepare(self, steps: int) -> int:
        if steps not in self.loops:
            self.loops[steps] = self.make_loop(self.model, self.optimizer, steps)
        self.train(steps)
        self.reset()
        return steps

    def train(self, steps: int) -> float:
        return float(self.loops[steps](steps)) / steps

    def parameters(self) -> list[Any]:
        return parameters_of(self.model)
