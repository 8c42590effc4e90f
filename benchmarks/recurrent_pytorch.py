"""The PyTorch competitors of the character models: as written, with the batches prepared beforehand, and compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain, islice, repeat
from typing import Any

import torch
from torch import nn, optim
from torch.nn import functional

from examples.lantern.characters import VOCABULARY, loader
from examples.lantern.gru import CharacterGRU
from examples.lantern.lstm import CharacterLSTM
from examples.lantern.rnn import CharacterRNN

from .mnist_data import SEED, parameters_of
from .worker import Trainer

MODELS: dict[str, Callable[[], nn.Module]] = {"rnn": CharacterRNN, "lstm": CharacterLSTM, "gru": CharacterGRU}
LEARNING_RATE, CLIP = 0.1, 5.0
WARM_UP_STEPS = 10


def initial_model(kind: str) -> nn.Module:
    torch.manual_seed(SEED)
    return MODELS[kind]()


def mean_loss(model: nn.Module, characters: torch.Tensor, following: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(model(characters).reshape(-1, VOCABULARY), following.reshape(-1))


class CharacterTrainer:
    """The loop of the example; `batches` are what it reads in each pass, `loss` what it minimises."""

    def __init__(self, kind: str, batches: Iterable[Any], loss: Callable[..., torch.Tensor]) -> None:
        torch.set_num_threads(1)
        self.kind, self.batches, self.loss = kind, batches, loss
        self.reset()

    def reset(self) -> None:
        self.model = initial_model(self.kind)
        self.optimizer = optim.Adagrad(self.model.parameters(), lr=LEARNING_RATE)

    def prepare(self, steps: int) -> int:
        warm_up = min(steps, WARM_UP_STEPS)
        self.train(warm_up)
        self.reset()
        return warm_up

    def train(self, steps: int) -> float:
        total = 0.0
        for characters, following in islice(chain.from_iterable(repeat(self.batches)), steps):
            self.optimizer.zero_grad()
            loss = self.loss(self.model, characters, following)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), CLIP, norm_type=1)
            self.optimizer.step()
            total += loss.item()
        return total / steps

    def parameters(self) -> list[Any]:
        return parameters_of(self.model)


def trainer(_batch: int, choice: str) -> Trainer:
    kind, _, way = choice.partition(", ")
    loss = torch.compile(mean_loss, dynamic=False) if way == "compiled" else mean_loss
    return CharacterTrainer(kind, loader() if way == "as written" else list(loader()), loss)
