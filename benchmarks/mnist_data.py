"""What all MNIST competitors share: the data, the initial weights, the constants.

The initial weights are those a PyTorch program has after `torch.manual_seed(42)` and the two `nn.Linear`s.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from pylms.data import datasets, transforms

MEAN, DEVIATION = 0.1307, 0.3081
LEARNING_RATE = 5e-4
SEED = 42


class Net(nn.Module):
    """The model, as the documents write it."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(784, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x1 = x.view(-1, 784)
        x2 = functional.relu(self.fc1(x1))
        x3 = self.fc2(x2)
        return functional.log_softmax(x3, dim=1)


def initial_model() -> Net:
    torch.manual_seed(SEED)
    return Net()


def parameters_of(model: nn.Module) -> list[Any]:
    """Copies of the weights as arrays: [50, 784], [50], [10, 50], [10]."""
    return [parameter.detach().numpy().copy() for parameter in model.parameters()]


def training_set(transform: Any = None) -> Any:
    """The 60,000 training images, by torchvision's names; `.data` is uint8 [60000, 28, 28], `.targets` int64."""
    return datasets.MNIST("data", train=True, download=True, transform=transform)


def first_images(data: Any, count: int) -> Any:
    """A data set of so many images of another one, in the same memory."""
    part = copy.copy(data)
    part.data, part.targets = data.data[:count], data.targets[:count]
    return part


def normalising() -> Any:
    """ToTensor and Normalize, composed."""
    return transforms.Compose([transforms.ToTensor(), transforms.Normalize((MEAN,), (DEVIATION,))])


def prepared_pixels() -> torch.Tensor:
    """All images, normalised as `normalising` does: float32 [60000, 784]."""
    return ((training_set().data.float() / 255 - MEAN) / DEVIATION).view(-1, 784)
