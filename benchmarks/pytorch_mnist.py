"""The PyTorch competitors: the script as people write it, with the data prepared beforehand, and compiled."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import torch
from torch import nn, optim
from torch.nn import functional
from torch.utils.data import DataLoader

from .mnist_data import LEARNING_RATE, initial_model, normalising, parameters_of, prepared_pixels, training_set
from .worker import Trainer

WARM_UP_STEPS = 30


class EagerTrainer:
    """The loop of the script; `batches` says where its data come from."""

    def __init__(self, batch: int) -> None:
        torch.set_num_threads(1)
        self.batch = batch
        self.reset()

    def reset(self) -> None:
        self.model = initial_model()
        self.optimizer = optim.SGD(self.model.parameters(), lr=LEARNING_RATE, momentum=0.0)

    def batches(self) -> Iterator[Any]:
        raise NotImplementedError

    def prepare(self, steps: int) -> int:
        warm_up = min(steps, WARM_UP_STEPS)
        self.train(warm_up)
        self.reset()
        return warm_up

    def train(self, steps: int) -> float:
        tloss = 0.0
        for data, target in islice(self.batches(), steps):
            self.optimizer.zero_grad()
            output = self.model(data)
            loss = functional.nll_loss(output, target)
            tloss += loss.item()
            loss.backward()
            self.optimizer.step()
        return tloss / steps

    def parameters(self) -> list[Any]:
        return parameters_of(self.model)


class AsWritten(EagerTrainer):
    """A DataLoader over the data set, which transforms image by image."""

    def __init__(self, batch: int) -> None:
        super().__init__(batch)
        self.loader = DataLoader(training_set(normalising()), batch_size=batch, shuffle=False)

    def batches(self) -> Iterator[Any]:
        return iter(self.loader)


class DataPrepared(EagerTrainer):
    """Slices of one normalised tensor."""

    def __init__(self, batch: int) -> None:
        super().__init__(batch)
        self.pixels, self.labels = prepared_pixels(), training_set().targets

    def batches(self) -> Iterator[Any]:
        for start in range(0, len(self.pixels), self.batch):
            yield self.pixels[start : start + self.batch], self.labels[start : start + self.batch]


def mean_loss(model: nn.Module, data: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return functional.nll_loss(model(data), target)


class CompiledForward(DataPrepared):
    """The script with its forward pass and loss compiled, and so their backward pass: what a user tries first."""

    def __init__(self, batch: int) -> None:
        super().__init__(batch)
        self.mean_loss = torch.compile(mean_loss, fullgraph=True, dynamic=False)

    def train(self, steps: int) -> float:
        tloss = 0.0
        for data, target in islice(self.batches(), steps):
            self.optimizer.zero_grad()
            loss = self.mean_loss(self.model, data, target)
            tloss += loss.item()
            loss.backward()
            self.optimizer.step()
        return tloss / steps


Parameters = tuple[torch.Tensor, ...]


def functional_loss(parameters: Parameters, data: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    w1, b1, w2, b2 = parameters
    hidden = functional.relu(functional.linear(data, w1, b1))
    return functional.nll_loss(functional.log_softmax(functional.linear(hidden, w2, b2), dim=1), target)


def functional_step(parameters: Parameters, data: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    gradients, loss = torch.func.grad_and_value(functional_loss)(parameters, data, target)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.sub_(gradient, alpha=LEARNING_RATE)
    return loss


class CompiledStep(DataPrepared):
    """The whole step rewritten as a function, one graph, called through generated C++: the fastest of those tried."""

    def __init__(self, batch: int) -> None:
        super().__init__(batch)
        self.step = torch.compile(functional_step, fullgraph=True, dynamic=False, options={"cpp_wrapper": True})

    def train(self, steps: int) -> float:
        parameters = tuple(parameter.detach() for parameter in self.model.parameters())
        tloss = 0.0
        with torch.no_grad():
            for data, target in islice(self.batches(), steps):
                tloss += self.step(parameters, data, target).item()
        return tloss / steps


VARIANTS: dict[str, type[EagerTrainer]] = {
    "as written": AsWritten,
    "data prepared": DataPrepared,
    "compiled forward": CompiledForward,
    "compiled step": CompiledStep,
}


def trainer(batch: int, variant: str) -> Trainer:
    return VARIANTS[variant](batch)
