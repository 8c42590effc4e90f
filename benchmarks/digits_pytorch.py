"""The PyTorch competitors of the convolutional models: as written, with the data prepared beforehand, and compiled."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch import nn, optim
from torch.nn import functional
from torch.utils.data import DataLoader

from examples.lantern import lenet5, mnist_cnn

from .mnist_data import SEED, normalising, parameters_of, prepared_pixels, training_set
from .worker import Trainer

IMAGES = 60000
MODELS: dict[str, Callable[[], nn.Module]] = {"cnn": partial(mnist_cnn.CNN, dropout=0.0), "lenet": lenet5.LeNet5}
OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {"cnn": mnist_cnn.sgd, "lenet": lenet5.adam}
WARM_UP_STEPS = 10


def initial_model(kind: str) -> nn.Module:
    torch.manual_seed(SEED)
    return MODELS[kind]()


def mean_loss(model: nn.Module, images: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    return functional.nll_loss(model(images), classes)


class Slices:
    """Batches that are slices of one normalised tensor."""

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self.images, self.classes = prepared_pixels().view(-1, 1, 28, 28), training_set().targets

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, len(self.images), self.batch):
            yield self.images[start : start + self.batch], self.classes[start : start + self.batch]


class DigitsTrainer:
    """The loop of the example; `batches` are what it reads, `loss` what it minimises."""

    def __init__(self, kind: str, batches: Iterable[Any], loss: Callable[..., torch.Tensor]) -> None:
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        self.kind, self.batches, self.loss = kind, batches, loss
        self.reset()

    def reset(self) -> None:
        self.model = initial_model(self.kind)
        self.optimizer = OPTIMIZERS[self.kind](self.model.parameters())

    def prepare(self, steps: int) -> int:
        warm_up = min(steps, WARM_UP_STEPS)
        self.train(warm_up)
        self.reset()
        return warm_up

    def train(self, steps: int) -> float:
        total = 0.0
        for images, classes in islice(self.batches, steps):
            self.optimizer.zero_grad()
            loss = self.loss(self.model, images, classes)
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        return total / steps

    def parameters(self) -> list[Any]:
        return parameters_of(self.model)


def trainer(batch: int, choice: str) -> Trainer:
    kind, _, way = choice.partition(", ")
    loss = torch.compile(mean_loss, dynamic=False) if way == "compiled" else mean_loss
    written = way == "as written"
    return DigitsTrainer(kind, DataLoader(training_set(normalising()), batch) if written else Slices(batch), loss)
