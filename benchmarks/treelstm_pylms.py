"""This project's competitor of the TreeLSTM: the program of the example, staged, nothing prepared beforehand."""

from __future__ import annotations

from typing import Any

from torch import optim

from examples.lantern.treelstm import TreeLSTM
from examples.lantern.trees import Forest, read_forest
from pylms import lms, stageTensor

from .mnist_data import parameters_of
from .treelstm import TREES
from .treelstm_pytorch import LEARNING_RATE, initial_model
from .worker import Trainer


class StagedTrainer:
    """One compiled function for any number of trees."""

    def __init__(self) -> None:
        self.forest = read_forest(trees=TREES)
        self.model = initial_model(self.forest)
        self.optimizer = optim.Adagrad(self.model.parameters(), lr=LEARNING_RATE)
        self.run = staged_loop(self.model, self.optimizer, self.forest)

    def reset(self) -> None:
        self.model.load_state_dict(initial_model(self.forest).state_dict())
        for state in self.optimizer.state.values():
            for part in state.values():
                part.zero_()

    def prepare(self, steps: int) -> int:
        self.train(steps)
        self.reset()
        return steps

    def train(self, steps: int) -> float:
        return float(self.run(steps)) / steps

    def parameters(self) -> list[Any]:
        return parameters_of(self.model)


def staged_loop(model: TreeLSTM, optimizer: optim.Optimizer, forest: Forest) -> Any:
    """The training loop of the example, staged; it returns the sum of the losses.

    The optimiser is not made in it: at each call a new one would be, and the loop staged anew.
    """

    @lms
    def run(trees):
        total = 0.0
        for tree in range(trees):
            optimizer.zero_grad()
            _, _, loss = model(forest, forest.roots[tree])
            loss.backward()
            optimizer.step()
            total += loss.item()
        return total

    @stageTensor
    def runX(trees):
        return run(trees)

    return runX


def trainer(_batch: int) -> Trainer:
    return StagedTrainer()
