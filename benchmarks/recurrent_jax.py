"""The JAX competitor of the character models: all steps in one `lax.scan`, and time in another within it.

Inputs enter as rows of the first weights, picked by the character, for all steps of time at once; the products with the
hidden state are what the inner scan does, so many steps of it unrolled a turn. Weights are stored [in, out], as JAX
libraries do.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from examples.lantern.characters import BATCH, loader

from .mnist_data import parameters_of
from .recurrent_pytorch import CLIP, LEARNING_RATE, initial_model
from .worker import Trainer

EPSILON = 1e-10  # Adagrad's, in PyTorch
# Which of PyTorch's parameters are weights, in its order for each model: those are transposed.
WEIGHTS = {"rnn": (0, 2, 4), "gru": (0, 2, 4), "lstm": (0, 1, 4)}


def rnn_states(parameters: Any, characters: Any, unroll: int) -> Any:
    w_input, b_input, w_hidden, b_hidden, *_ = parameters

    def step(hidden: Any, given: Any) -> tuple[Any, Any]:
        hidden = jnp.tanh(given + hidden @ w_hidden)
        return hidden, hidden

    return over_time(step, w_input[characters] + (b_input + b_hidden), unroll)


def gru_states(parameters: Any, characters: Any, unroll: int) -> Any:
    w_input, b_input, w_hidden, b_hidden, *_ = parameters

    def step(hidden: Any, given: Any) -> tuple[Any, Any]:
        reset_input, update_input, new_input = jnp.split(given, 3, axis=1)
        reset_state, update_state, new_state = jnp.split(hidden @ w_hidden + b_hidden, 3, axis=1)
        reset, update = jax.nn.sigmoid(reset_input + reset_state), jax.nn.sigmoid(update_input + update_state)
        hidden = (1 - update) * jnp.tanh(new_input + reset * new_state) + update * hidden
        return hidden, hidden

    return over_time(step, w_input[characters] + b_input, unroll)


def lstm_states(parameters: Any, characters: Any, unroll: int) -> Any:
    w_input, w_hidden, b_input, b_hidden, *_ = parameters

    def step(state: Any, given: Any) -> tuple[Any, Any]:
        hidden, cell = state
        let_in, forget, new, let_out = jnp.split(given + hidden @ w_hidden, 4, axis=1)
        cell = jax.nn.sigmoid(forget) * cell + jax.nn.sigmoid(let_in) * jnp.tanh(new)
        hidden = jax.nn.sigmoid(let_out) * jnp.tanh(cell)
        return (hidden, cell), hidden

    size = w_hidden.shape[0]
    zeros = jnp.zeros((characters.shape[0], size))
    given = jnp.swapaxes(w_input[characters] + (b_input + b_hidden), 0, 1)
    return jax.lax.scan(step, (zeros, zeros), given, unroll=unroll)[1]


def over_time(step: Any, given: Any, unroll: int) -> Any:
    """The states [time, batch, hidden] of a cell whose state is one matrix."""
    size = given.shape[-1] if given.shape[-1] == 50 else given.shape[-1] // 3
    return jax.lax.scan(step, jnp.zeros((given.shape[0], size)), jnp.swapaxes(given, 0, 1), unroll=unroll)[1]


STATES = {"rnn": rnn_states, "gru": gru_states, "lstm": lstm_states}


def mean_loss(parameters: Any, characters: Any, following: Any, *, kind: str, unroll: int) -> Any:
    states = STATES[kind](parameters, characters, unroll)
    scores = jax.nn.log_softmax(states @ parameters[-2] + parameters[-1])
    return -jnp.mean(jnp.take_along_axis(scores, following.T[:, :, None], axis=2))


@partial(jax.jit, donate_argnums=(0, 1), static_argnames=("kind", "unroll", "passes"))
def train_all(parameters: Any, sums: Any, data: Any, *, kind: str, unroll: int, passes: int) -> tuple[Any, Any, Any]:
    """`passes` times one step a row of the data; parameters, Adagrad's sums and the mean loss after them."""

    def step(state: Any, batch: Any) -> tuple[Any, Any]:
        current, totals = state
        loss, gradients = jax.value_and_grad(partial(mean_loss, kind=kind, unroll=unroll))(current, *batch)
        norm = sum(jnp.abs(gradient).sum() for gradient in gradients)
        factor = jnp.minimum(CLIP / (norm + 1e-6), 1.0)
        gradients = [gradient * factor for gradient in gradients]
        totals = [total + gradient * gradient for total, gradient in zip(totals, gradients, strict=True)]
        current = [
            weight - LEARNING_RATE * gradient / (jnp.sqrt(total) + EPSILON)
            for weight, gradient, total in zip(current, gradients, totals, strict=True)
        ]
        return (current, totals), loss

    def one_pass(state: Any, _: Any) -> tuple[Any, Any]:
        return jax.lax.scan(step, state, data)

    (parameters, sums), losses = jax.lax.scan(one_pass, (parameters, sums), None, length=passes)
    return parameters, sums, losses.mean()


class ScanTrainer:
    """The text's batches lie on the device."""

    def __init__(self, kind: str, unroll: int) -> None:
        self.kind, self.unroll = kind, unroll
        batches = [[part.numpy().astype(np.int32) for part in batch] for batch in loader()]
        assert all(part.shape[0] == BATCH for batch in batches for part in batch)
        self.data = tuple(jax.device_put(np.stack(parts)) for parts in zip(*batches, strict=True))
        self.reset()

    def reset(self) -> None:
        arrays = parameters_of(initial_model(self.kind))
        self.current = self.turned(arrays)
        self.sums = [jnp.zeros_like(array) for array in self.current]

    def turned(self, arrays: list[Any]) -> list[Any]:
        return [jnp.array(array.T if index in WEIGHTS[self.kind] else array) for index, array in enumerate(arrays)]

    def prepare(self, steps: int) -> int:
        self.train(steps)
        self.reset()
        return steps

    def train(self, steps: int) -> float:
        a_pass = self.data[0].shape[0]
        data = self.data if steps >= a_pass else tuple(part[:steps] for part in self.data)
        settings = {"kind": self.kind, "unroll": self.unroll, "passes": max(steps // a_pass, 1)}
        self.current, self.sums, loss = train_all(self.current, self.sums, data, **settings)
        jax.block_until_ready(self.current)
        return float(loss)

    def parameters(self) -> list[Any]:
        return [np.array(array) for array in self.turned(self.current)]


def trainer(_batch: int, choice: str) -> Trainer:
    kind, _, unroll = choice.partition(", ")
    return ScanTrainer(kind, int(unroll))
