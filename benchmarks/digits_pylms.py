"""This project's competitor of the convolutional models: the program of the example, staged; images are bytes."""

from __future__ import annotations

from typing import Any

from torch import nn, optim
from torch.nn import functional
from torch.utils.data import DataLoader

from pylms import lms, stageTensor

from .digits_pytorch import OPTIMIZERS, initial_model
from .mnist_data import normalising, parameters_of, training_set
from .worker import Trainer


class StagedTrainer:
    """One compiled function a number of steps, all training the same model."""

    def __init__(self, batch: int, kind: str) -> None:
        self.batch, self.kind = batch, kind
        self.model = initial_model(kind)
        self.optimizer = OPTIMIZERS[kind](self.model.parameters())
        self.compiled: dict[int, Any] = {}

    def reset(self) -> None:
        self.model.load_state_dict(initial_model(self.kind).state_dict())
        for state in self.optimizer.state.values():
            for part in state.values():
                part.zero_()

    def prepare(self, steps: int) -> int:
        if steps not in self.compiled:
            data = training_set(normalising())
            data.data, data.targets = data.data[: steps * self.batch], data.targets[: steps * self.batch]
            self.compiled[steps] = staged_loop(self.model, self.optimizer, DataLoader(data, self.batch))
        self.train(steps)
        self.reset()
        return steps

    def train(self, steps: int) -> float:
        return float(self.compiled[steps](0)) / steps

    def parameters(self) -> list[Any]:
        return parameters_of(self.model)


def staged_loop(model: nn.Module, optimizer: optim.Optimizer, batches: Any) -> Any:
    """The training loop of the example over one epoch, staged; it returns the sum of the losses.

    The optimiser is not made in it: at each call a new one would be, and the loop staged anew.
    """

    @lms
    def run(dummy):
        total = 0.0
        for images, classes in batches:
            optimizer.zero_grad()
            loss = functional.nll_loss(model(images), classes)
            loss.backward()
            optimizer.step()
            total += loss.item()
        return total

    @stageTensor
    def runX(x):
        return run(x)

    return runX


def trainer(batch: int, kind: str) -> Trainer:
    return StagedTrainer(batch, kind)
