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

    def prepare(self, steps: int) -> None:
        self.train(min(steps, WARM_UP_STEPS))
        self.reset()

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


def step_of(model: nn.Module, data: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return functional.nll_loss(model(data), target)


class Compiled(DataPrepared):
    """Forward pass and loss compiled as one graph, and with it the backward pass; the rest as in the eager loop."""

    def reset(self) -> None:
        super().reset()
        self.step = torch.compile(step_of, fullgraph=True, dynamic=False)

    def train(self, steps: int) -> float:
        tloss = 0.0
        for data, target in islice(self.batches(), steps):
            self.optimizer.zero_grad()
            loss = self.step(self.model, data, target)
            tloss += loss.item()
            loss.backward()
            self.optimizer.step()
        return tloss / steps


def as_written(batch: int) -> Trainer:
    return AsWritten(batch)


def data_prepared(batch: int) -> Trainer:
    return DataPrepared(batch)


def compiled(batch: int) -> Trainer:
    return Compiled(batch)
