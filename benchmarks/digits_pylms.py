"""This project's competitor of the convolutional models: the program of the example, staged; images are bytes."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn, optim
from torch.nn import functional
from torch.utils.data import DataLoader

from pylms import lms, stageTensor

from .digits_pytorch import OPTIMIZERS, initial_model
from .mnist_data import first_images, normalising, training_set
from .staged import StagedTrainer
from .worker import Trainer


def staged_loop(model: nn.Module, optimizer: optim.Optimizer, batches: Any) -> Any:
    """The training loop of the example over one epoch, staged; it returns the sum of the losses."""

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
    data = training_set(normalising())

    def loop_for(model: nn.Module, optimizer: optim.Optimizer, steps: int) -> Any:
        return staged_loop(model, optimizer, DataLoader(first_images(data, steps * batch), batch))

    return StagedTrainer(partial(initial_model, kind), OPTIMIZERS[kind], loop_for)
