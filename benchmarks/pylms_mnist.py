"""This project's competitor: the PyTorch script, with `@lms` and `@stageTensor`, and nothing prepared beforehand.

Images are normalised in the native loop, from bytes. A run is one call of the compiled function; a number of steps
other than the whole training set is a data set cut to that many batches. The choice "reassociate" stages with
`reassociate=True`.
"""

from __future__ import annotations

from typing import Any

from torch import optim
from torch.nn import functional
from torch.utils.data import DataLoader

from pylms import lms, stageTensor

from .mnist_data import LEARNING_RATE, first_images, initial_model, normalising, parameters_of, training_set
from .worker import Trainer


class StagedTrainer:
    """One compiled function a number of steps, all training the same model."""

    def __init__(self, batch: int, *, reassociate: bool = False) -> None:
        self.batch = batch
        self.reassociate = reassociate
        self.model = initial_model()
        self.data = training_set(normalising())
        self.compiled: dict[int, Any] = {}

    def reset(self) -> None:
        self.model.load_state_dict(initial_model().state_dict())

    def prepare(self, steps: int) -> int:
        if steps not in self.compiled:
            data = first_images(self.data, steps * self.batch)
            self.compiled[steps] = staged_loop(self.model, data, self.batch, reassociate=self.reassociate)
        self.train(steps)
        self.reset()
        return steps

    def train(self, steps: int) -> float:
        return float(self.compiled[steps](0)) / steps

    def parameters(self) -> list[Any]:
        return parameters_of(self.model)


def staged_loop(model: Any, dataset: Any, batch: int, *, reassociate: bool) -> Any:
    """The training loop of the documents over one epoch, staged; it returns the sum of the losses."""

    @lms
    def run(dummy):
        train_loader = DataLoader(dataset, batch_size=batch, shuffle=False)
        optimizer = optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=0.0)
        tloss = 0.0
        for batch_idx, (data, target) in enumerate(train_loader):
            optimizer.zero_grad()
            output = model(data)
            loss = functional.nll_loss(output, target)
            tloss += loss.item()
            loss.backward()
            optimizer.step()
        return tloss

    @stageTensor(reassociate=reassociate)
    def runX(x):
        return run(x)

    return runX


def trainer(batch: int, choice: str = "") -> Trainer:
    return StagedTrainer(batch, reassociate=choice == "reassociate")
