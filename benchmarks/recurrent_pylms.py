"""This project's competitor of the character models: the program of the example, staged."""

from __future__ import annotations

from typing import Any

from torch import nn, optim
from torch.nn import functional

from examples.lantern.characters import VOCABULARY, loader
from pylms import lms, stageTensor

from .mnist_data import parameters_of
from .recurrent import STEPS_A_PASS
from .recurrent_pytorch import CLIP, LEARNING_RATE, initial_model
from .worker import Trainer


class StagedTrainer:
    """One compiled function a number of passes over the text, all training the same model."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.model = initial_model(kind)
        self.optimizer = optim.Adagrad(self.model.parameters(), lr=LEARNING_RATE)
        self.compiled: dict[int, Any] = {}

    def reset(self) -> None:
        self.model.load_state_dict(initial_model(self.kind).state_dict())
        for state in self.optimizer.state.values():
            for value in state.values():
                value.zero_()

    def prepare(self, steps: int) -> int:
        if steps not in self.compiled:
            passes, rest = divmod(steps, STEPS_A_PASS)
            assert passes == 0 or rest == 0
            self.compiled[steps] = staged_loop(self.model, self.optimizer, loader(batches=rest or None), passes or 1)
        self.train(steps)
        self.reset()
        return steps

    def train(self, steps: int) -> float:
        return float(self.compiled[steps](0)) / steps

    def parameters(self) -> list[Any]:
        return parameters_of(self.model)


def staged_loop(model: nn.Module, optimizer: optim.Optimizer, batches: Any, passes: int) -> Any:
    """The training loop of the example, staged; it returns the sum of the losses."""

    @lms
    def run(dummy):
        total = 0.0
        for _ in range(passes):
            for characters, following in batches:
                optimizer.zero_grad()
                scores = model(characters)
                loss = functional.cross_entropy(scores.reshape(-1, VOCABULARY), following.reshape(-1))
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), CLIP, norm_type=1)
                optimizer.step()
                total += loss.item()
        return total

    @stageTensor
    def runX(x):
        return run(x)

    return runX


def trainer(_batch: int, kind: str) -> Trainer:
    return StagedTrainer(kind)
