"""The JAX competitor of the convolutional models: many steps in one `lax.scan`, its data on the device beforehand.

Both layouts of images are offered: channels first (NCHW) as PyTorch has them, and channels last (NHWC) as JAX libraries
do; weights are stored as the layout wants them.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .digits_pytorch import initial_model
from .mnist_data import parameters_of, prepared_pixels, training_set
from .worker import Trainer

KERNELS = {"NCHW": "OIHW", "NHWC": "HWIO"}
PADDING = {"cnn": 0, "lenet": 2}
LEARNING_RATE = {"cnn": 0.05, "lenet": 1e-3}
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # Adam's, in PyTorch


def convolved(x: Any, weight: Any, bias: Any, layout: str, padding: int) -> Any:
    """The rectified maxima, of two by two elements each, of a convolution."""
    numbers = (layout, KERNELS[layout], layout)
    y = jax.lax.conv_general_dilated(x, weight, (1, 1), [(padding, padding)] * 2, dimension_numbers=numbers)
    y = y + (bias[:, None, None] if layout == "NCHW" else bias)
    window = (1, 1, 2, 2) if layout == "NCHW" else (1, 2, 2, 1)
    return jax.nn.relu(jax.lax.reduce_window(y, -jnp.inf, jax.lax.max, window, window, "VALID"))


def mean_loss(parameters: Any, images: Any, classes: Any, *, kind: str, layout: str) -> Any:
    (w1, b1, w2, b2, *dense) = parameters
    x = convolved(convolved(images, w1, b1, layout, PADDING[kind]), w2, b2, layout, 0)
    x = (x if layout == "NCHW" else x.transpose(0, 3, 1, 2)).reshape(x.shape[0], -1)
    for weight, bias in zip(dense[:-2:2], dense[1:-2:2], strict=True):
        x = jax.nn.relu(x @ weight + bias)
    scores = jax.nn.log_softmax(x @ dense[-2] + dense[-1])
    return -jnp.mean(jnp.take_along_axis(scores, classes[:, None], axis=1))


def updated(state: Any, gradients: Any, kind: str) -> Any:
    """Parameters, Adam's moments and its step count after one step; plain SGD has use for the first alone."""
    parameters, means, squares, count = state
    rate, count = LEARNING_RATE[kind], count + 1
    if kind == "cnn":
        return jax.tree.map(lambda weight, slope: weight - rate * slope, parameters, gradients), means, squares, count
    means = jax.tree.map(lambda mean, slope: BETA1 * mean + (1 - BETA1) * slope, means, gradients)
    squares = jax.tree.map(lambda square, slope: BETA2 * square + (1 - BETA2) * slope**2, squares, gradients)
    size, root = rate / (1 - BETA1**count), jnp.sqrt(1 - BETA2**count)
    move = jax.tree.map(lambda mean, square: size * mean / (jnp.sqrt(square) / root + EPSILON), means, squares)
    return jax.tree.map(lambda weight, step: weight - step, parameters, move), means, squares, count


@partial(jax.jit, donate_argnums=0, static_argnames=("kind", "layout"))
def train_all(state: Any, images: Any, classes: Any, *, kind: str, layout: str) -> tuple[Any, Any]:
    """One step a batch; the state after them and the mean loss."""

    def step(current: Any, batch: tuple[Any, Any]) -> tuple[Any, Any]:
        loss, gradients = jax.value_and_grad(partial(mean_loss, kind=kind, layout=layout))(current[0], *batch)
        return updated(current, gradients, kind), loss

    trained, losses = jax.lax.scan(step, state, (images, classes))
    return trained, losses.mean()


class ScanTrainer:
    """The data lie on the device in the shape of each number of steps that was prepared."""

    def __init__(self, batch: int, kind: str, layout: str) -> None:
        self.batch, self.kind, self.layout = batch, kind, layout
        images = prepared_pixels().numpy().reshape(-1, 1, 28, 28)
        self.images = images if layout == "NCHW" else images.transpose(0, 2, 3, 1)
        self.classes = training_set().targets.numpy().astype(np.int32)
        self.data: dict[int, tuple[Any, Any]] = {}
        self.reset()

    def reset(self) -> None:
        parameters = self.turned(parameters_of(initial_model(self.kind)))
        means, squares = ([jnp.zeros_like(each) for each in parameters] for _ in range(2))
        self.state: tuple[Any, ...] = (parameters, means, squares, jnp.array(0.0))

    def turned(self, arrays: list[Any], *, back: bool = False) -> list[Any]:
        """Parameters of PyTorch's layout in this one's, or back."""
        kernels = (0, 1, 2, 3) if self.layout == "NCHW" else (3, 2, 0, 1) if back else (2, 3, 1, 0)
        orders = {1: (0,), 2: (1, 0), 4: kernels}
        return [jnp.array(array.transpose(orders[array.ndim])) for array in arrays]

    def prepare(self, steps: int) -> int:
        if steps not in self.data:
            count = steps * self.batch
            images = self.images[:count].reshape(steps, self.batch, *self.images.shape[1:])
            classes = self.classes[:count].reshape(steps, self.batch)
            self.data[steps] = jax.block_until_ready((jax.device_put(images), jax.device_put(classes)))
        self.train(steps)
        self.reset()
        return steps

    def train(self, steps: int) -> float:
        self.state, loss = train_all(self.state, *self.data[steps], kind=self.kind, layout=self.layout)
        jax.block_until_ready(self.state)
        return float(loss)

    def parameters(self) -> list[Any]:
        return [np.array(array) for array in self.turned(self.state[0], back=True)]


def trainer(batch: int, choice: str) -> Trainer:
    kind, _, layout = choice.partition(", ")
    return ScanTrainer(batch, kind, layout)
