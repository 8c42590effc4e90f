"""This project's competitor of the character models: the program of the example, staged."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn, optim
from torch.nn import functional

from examples.lantern.characters import VOCABULARY, loader
from pylms import lms, stageTensor

from .recurrent import STEPS_A_PASS
from .recurrent_pytorch import CLIP, LEARNING_RATE, initial_model
from .staged import StagedTrainer
from .worker import Trainer


def staged_loop(model: nn.Module, optimizer: optim.Optimizer, batches: Any, passes: int) -> Any:
    """The training loop of the example, staged; it returns the sum of the losses."""

    @lms
    def run(dummy):
        total = 0.0
        for _ in range(passes):
            for characters, following in batches:
                optimizer.zero_grad()
                scores = model(characters)
                loss = functional.cross_entropy(scores.reshape(-1, VOCABULARY), following.reshape(-1))
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), CLIP, norm_type=1)
                optimizer.step()
                total += loss.item()
        return total

    @stageTensor
    def runX(x):
        return run(x)

    return runX


def loop_for(model: nn.Module, optimizer: optim.Optimizer, steps: int) -> Any:
    """Whole passes over the text, or a part of one."""
    passes, rest = divmod(steps, STEPS_A_PASS)
    assert passes == 0 or rest == 0
    return staged_loop(model, optimizer, loader(batches=rest or None), passes or 1)


def trainer(_batch: int, kind: str) -> Trainer:
    return StagedTrainer(partial(initial_model, kind), partial(optim.Adagrad, lr=LEARNING_RATE), loop_for)
