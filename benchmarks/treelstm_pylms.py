"""This project's competitor of the TreeLSTM: the program of the example, staged, nothing prepared beforehand."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import optim

from examples.lantern.treelstm import TreeLSTM
from examples.lantern.trees import Forest, read_forest
from pylms import lms, stageTensor

from .staged import StagedTrainer
from .treelstm import TREES
from .treelstm_pytorch import LEARNING_RATE, initial_model
from .worker import Trainer


def staged_loop(model: TreeLSTM, optimizer: optim.Optimizer, forest: Forest) -> Any:
    """The training loop of the example for any number of trees, staged; it returns the sum of the losses."""

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
    forest = read_forest(trees=TREES)

    def loop_for(model: TreeLSTM, optimizer: optim.Optimizer, _steps: int) -> Any:
        return staged_loop(model, optimizer, forest)

    return StagedTrainer(partial(initial_model, forest), partial(optim.Adagrad, lr=LEARNING_RATE), loop_for)
