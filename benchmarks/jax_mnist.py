"""The JAX competitor: many steps in one `lax.scan`, compiled, its weights donated, its data on the device beforehand.

Both layouts of the weights are offered: [out, in] as PyTorch stores them, and [in, out] as JAX libraries do.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .mnist_data import LEARNING_RATE, initial_model, parameters_of, prepared_pixels, training_set
from .worker import Trainer


def mean_loss(parameters: tuple[Any, ...], x: Any, y: Any, *, transposed: bool) -> Any:
    w1, b1, w2, b2 = parameters if transposed else (parameters[0].T, parameters[1], parameters[2].T, parameters[3])
    hidden = jax.nn.relu(x @ w1 + b1)
    log_probabilities = jax.nn.log_softmax(hidden @ w2 + b2)
    return -jnp.mean(jnp.take_along_axis(log_probabilities, y[:, None], axis=1))


@partial(jax.jit, donate_argnums=0, static_argnames="transposed")
def train_all(parameters: tuple[Any, ...], xs: Any, ys: Any, *, transposed: bool) -> tuple[tuple[Any, ...], Any]:
    """One step a row of `xs` [steps, batch, 784] and `ys` [steps, batch]; the weights after them and the mean loss."""

    def step(current: tuple[Any, ...], batch: tuple[Any, Any]) -> tuple[tuple[Any, ...], Any]:
        loss, gradients = jax.value_and_grad(partial(mean_loss, transposed=transposed))(current, *batch)
        return jax.tree.map(lambda weight, slope: weight - LEARNING_RATE * slope, current, gradients), loss

    trained, losses = jax.lax.scan(step, parameters, (xs, ys))
    return trained, losses.mean()


class ScanTrainer:
    """The data lie on the device in the shape of each number of steps that was prepared."""

    def __init__(self, batch: int, *, transposed: bool) -> None:
        self.batch, self.transposed = batch, transposed
        self.pixels = prepared_pixels().numpy()
        self.labels = training_set().targets.numpy().astype(np.int32)
        self.data: dict[int, tuple[Any, Any]] = {}
        self.reset()

    def reset(self) -> None:
        arrays = parameters_of(initial_model())
        self.current = tuple(jnp.array(array.T if self.transposed else array) for array in arrays)

    def prepare(self, steps: int) -> int:
        if steps not in self.data:
            count = steps * self.batch
            pixels = self.pixels[:count].reshape(steps, self.batch, -1)
            labels = self.labels[:count].reshape(steps, self.batch)
            self.data[steps] = jax.block_until_ready((jax.device_put(pixels), jax.device_put(labels)))
        self.train(steps)
        self.reset()
        return steps

    def train(self, steps: int) -> float:
        self.current, loss = train_all(self.current, *self.data[steps], transposed=self.transposed)
        jax.block_until_ready(self.current)
        return float(loss)

    def parameters(self) -> list[Any]:
        return [np.array(array).T if self.transposed else np.array(array) for array in self.current]


def trainer(batch: int, layout: str) -> Trainer:
    return ScanTrainer(batch, transposed=layout == "in out")
