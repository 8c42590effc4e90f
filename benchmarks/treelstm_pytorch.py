"""The PyTorch competitors of the TreeLSTM: as written, with trees prepared beforehand, and with its parts compiled."""

from __future__ import annotations

from typing import Any

import torch
from torch import optim

from examples.lantern.treelstm import TreeLSTM
from examples.lantern.trees import Forest, draw_vectors, read_forest

from .mnist_data import SEED, parameters_of
from .treelstm import TREES
from .worker import Trainer

LEARNING_RATE = 0.05
WARM_UP_TREES = 10


def initial_model(forest: Forest) -> TreeLSTM:
    torch.manual_seed(SEED)
    return TreeLSTM(draw_vectors(forest))


def prepared(forest: Forest) -> Any:
    """The same trees as Python has them: nobody asks a tensor for an element."""
    roots, _, words, left, right = (part.tolist() for part in forest)
    made: Any = Forest
    return made(roots, list(forest.labels), words, left, right)


class TreeTrainer:
    """The loop of the example. `way`: "as written", "data prepared", or "compiled", prepared too."""

    def __init__(self, way: str) -> None:
        torch.set_num_threads(1)
        self.way = way
        self.forest = read_forest(trees=TREES)
        self.trees: Any = self.forest if way == "as written" else prepared(self.forest)
        self.reset()

    def reset(self) -> None:
        self.model = initial_model(self.forest)
        if self.way == "compiled":
            for part in ("read", "combine", "loss"):
                setattr(self.model, part, torch.compile(getattr(self.model, part), fullgraph=True, dynamic=False))
        self.optimizer = optim.Adagrad(self.model.parameters(), lr=LEARNING_RATE)

    def prepare(self, steps: int) -> int:
        warm_up = min(steps, WARM_UP_TREES)
        self.train(warm_up)
        self.reset()
        return warm_up

    def train(self, steps: int) -> float:
        total = 0.0
        for tree in range(steps):
            self.optimizer.zero_grad()
            _, _, loss = self.model(self.trees, self.trees.roots[tree])
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        return total / steps

    def parameters(self) -> list[Any]:
        return parameters_of(self.model)


def trainer(_batch: int, way: str) -> Trainer:
    return TreeTrainer(way)
