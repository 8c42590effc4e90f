"""Recurrent layers and their cells: `nn.RNN`, `nn.LSTM`, `nn.GRU`, `nn.RNNCell`, `nn.LSTMCell`, `nn.GRUCell`.

Sources: Hochreiter and Schmidhuber, 1997 (LSTM); Cho et al., 2014 (GRU), in PyTorch's variants. All gates of a step
come out of one product with the state, and all products with the inputs of a layer are one. Steps are unrolled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from ..errors import StagedTypeError, TorchFeatureError
from ..ir.node import Atom
from ..ir.ops import arithmetic as op
from ..ir.ops.tensor_regions import CONCAT, SLICE
from ..ir.ops.tensors import MATMUL, TRANSPOSE
from ..ir.types import TensorType
from ..loc import caller_loc
from .context import Operand, TorchContext
from .functions_random import dropout_noise
from .table import functions

State = tuple[Atom, ...]
"""What a cell hands on from step to step, each [B, H]; the first is its output."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Those of one cell: [G * H, I], [G * H, H], and biases [G * H] or None, of G gates."""

    of_input: Atom
    of_state: Atom
    input_bias: Atom | None
    state_bias: Atom | None


Cell = Callable[[TorchContext, Atom, Atom, State], State]
"""From the parts of all gates that the input gives, and those that the state gives, [B, G * H], to the next state."""


def _type(atom: Atom) -> TensorType:
    assert isinstance(atom.type, TensorType)
    return atom.type


# Cells


def _gate(context: TorchContext, gates: Atom, number: int, size: int) -> Atom:
    rows = _type(gates).shape[0]
    return context.emit(SLICE, gates, starts=(0, number * size), sizes=(rows, size), steps=(1, 1))


def _tanh_cell(context: TorchContext, given: Atom, kept: Atom, _state: State) -> State:
    return (context.emit(op.TANH, context.emit(op.ADD, given, kept)),)


def _relu_cell(context: TorchContext, given: Atom, kept: Atom, _state: State) -> State:
    total = context.emit(op.ADD, given, kept)
    zero = context.full(0, _type(total))
    return (context.emit(op.SELECT, context.emit(op.LE, total, zero), zero, total),)


def _lstm_cell(context: TorchContext, given: Atom, kept: Atom, state: State) -> State:
    """The state is the output and the memory."""
    _, memory = state
    size = _type(memory).shape[1]
    total = context.emit(op.ADD, given, kept)
    taken, remembered, shown = (context.emit(op.SIGMOID, _gate(context, total, k, size)) for k in (0, 1, 3))
    new = context.emit(op.TANH, _gate(context, total, 2, size))
    memory = context.emit(op.ADD, context.emit(op.MUL, remembered, memory), context.emit(op.MUL, taken, new))
    return context.emit(op.MUL, shown, context.emit(op.TANH, memory)), memory


def _gru_cell(context: TorchContext, given: Atom, kept: Atom, state: State) -> State:
    (before,) = state
    size = _type(before).shape[1]
    reset, update = (
        context.emit(op.SIGMOID, context.emit(op.ADD, _gate(context, given, k, size), _gate(context, kept, k, size)))
        for k in (0, 1)
    )
    seen = context.emit(op.MUL, reset, _gate(context, kept, 2, size))
    new = context.emit(op.TANH, context.emit(op.ADD, _gate(context, given, 2, size), seen))
    return (context.emit(op.ADD, new, context.emit(op.MUL, update, context.emit(op.SUB, before, new))),)


def _product(context: TorchContext, rows: Atom, weight: Atom, bias: Atom | None) -> Atom:
    """rows [N, K] times weight [M, K], plus bias [M]."""
    result = context.emit(MATMUL, rows, weight, transpose_a=False, transpose_b=True)
    return result if bias is None else context.emit(op.ADD, result, context.broadcast(bias, _type(result).shape))


# Layers


def _run_direction(
    context: TorchContext, cell: Cell, inputs: Atom, state: State, weights: Weights, *, backwards: bool
) -> tuple[list[Atom], State]:
    """The outputs [B, H] of all steps of inputs [T, B, I], in the order of the inputs, and the last state."""
    steps, batch, features = _type(inputs).shape
    rows = _product(context, context.reshape(inputs, (steps * batch, features)), weights.of_input, weights.input_bias)
    gates = _type(rows).shape[1]
    outputs: list[Atom] = []
    for step in reversed(range(steps)) if backwards else range(steps):
        given = context.emit(SLICE, rows, starts=(step * batch, 0), sizes=(batch, gates), steps=(1, 1))
        kept = _product(context, state[0], weights.of_state, weights.state_bias)
        state = cell(context, given, kept, state)
        outputs.append(state[0])
    return outputs[::-1] if backwards else outputs, state


def _stacked(context: TorchContext, parts: Sequence[Atom]) -> Atom:
    """[B, H] each as [N, B, H]."""
    raised = [context.reshape(part, (1, *_type(part).shape)) for part in parts]
    return raised[0] if len(raised) == 1 else context.emit(CONCAT, *raised, axis=0)


def _joined(context: TorchContext, parts: Sequence[Atom]) -> Atom:
    return parts[0] if len(parts) == 1 else context.emit(CONCAT, *parts, axis=1)


@dataclass(frozen=True, slots=True)
class _Layers:
    """What PyTorch's function is given beside tensors."""

    count: int
    dropout: float
    bidirectional: bool
    batch_first: bool


def _run_layers(
    context: TorchContext,
    cell: Cell,
    inputs: Atom,
    initial: Sequence[Atom],
    weights: Sequence[Weights],
    layers: _Layers,
) -> tuple[Atom, list[Atom]]:
    """The outputs, and the last states, as `initial`: [layers * directions, B, H] for each part of a state."""
    if layers.batch_first:
        inputs = context.emit(TRANSPOSE, inputs, permutation=(1, 0, 2))
    last: list[State] = []
    directions = 2 if layers.bidirectional else 1
    for layer in range(layers.count):
        sides = []
        for number in range(layer * directions, (layer + 1) * directions):
            state = tuple(_row(context, part, number) for part in initial)
            backwards = number % directions == 1
            outputs, end = _run_direction(context, cell, inputs, state, weights[number], backwards=backwards)
            sides.append(outputs)
            last.append(end)
        inputs = _stacked(context, [_joined(context, parts) for parts in zip(*sides, strict=True)])
        if layers.dropout and layer + 1 < layers.count:
            type_ = _type(inputs)
            inputs = context.emit(op.MUL, inputs, dropout_noise(context, type_.shape, type_.dtype, layers.dropout))
    result = context.emit(TRANSPOSE, inputs, permutation=(1, 0, 2)) if layers.batch_first else inputs
    return result, [_stacked(context, parts) for parts in zip(*last, strict=True)]


def _row(context: TorchContext, tensor: Atom, number: int) -> Atom:
    """tensor[number] of [N, B, H]."""
    _, *shape = _type(tensor).shape
    part = context.emit(SLICE, tensor, starts=(number, 0, 0), sizes=(1, *shape), steps=(1, 1, 1))
    return context.reshape(part, tuple(shape))


def _define_layers(function: object, cell: Cell) -> None:
    @functions.define(function)
    def run(
        context: TorchContext,
        input: Operand,
        hx: object,
        params: Sequence[Operand],
        has_biases: bool,
        num_layers: int,
        dropout: float,
        train: bool,
        bidirectional: bool,
        batch_first: bool,
    ) -> object:
        initial = [context.atom(part) for part in (hx if isinstance(hx, (tuple, list)) else [hx])]
        weights = _weights(context, params, has_biases, num_layers * (2 if bidirectional else 1))
        inputs = context.atom(input)
        _require_input(inputs, weights[0], steps_along=1 if batch_first else 0)
        layers = _Layers(num_layers, dropout if train else 0.0, bidirectional, batch_first)
        outputs, last = _run_layers(context, cell, inputs, initial, weights, layers)
        return tuple(context.wrap(atom) for atom in (outputs, *last))


def _weights(context: TorchContext, params: Sequence[Operand], has_biases: bool, count: int) -> list[Weights]:
    each = len(params) // count
    if each != (4 if has_biases else 2):
        raise TorchFeatureError("`proj_size` of nn.LSTM cannot be staged yet", loc=caller_loc())
    found = []
    for number in range(count):
        own = [context.atom(param) for param in params[number * each : (number + 1) * each]]
        found.append(Weights(own[0], own[1], *(own[2:] if has_biases else (None, None))))
    return found


def _require_input(inputs: Atom, weights: Weights, *, steps_along: int) -> None:
    type_, weight = _type(inputs), _type(weights.of_input)
    if type_.rank != 3 or not type_.shape[steps_along] or type_.shape[2] != weight.shape[1]:
        raise StagedTypeError(
            f"a recurrent layer of {weight.shape[1]} features was given a tensor of shape {list(type_.shape)}",
            loc=caller_loc(),
        )
    if type_.dtype != weight.dtype:
        raise StagedTypeError(
            f"a recurrent layer of {weight.dtype} was given a tensor of {type_.dtype}", loc=caller_loc()
        )


_define_layers(torch.rnn_tanh, _tanh_cell)
_define_layers(torch.rnn_relu, _relu_cell)
_define_layers(torch.lstm, _lstm_cell)
_define_layers(torch.gru, _gru_cell)


# Cells by themselves


def _define_cell(function: object, cell: Cell) -> None:
    @functions.define(function)
    def step(
        context: TorchContext,
        input: Operand,
        hx: object,
        w_ih: Operand,
        w_hh: Operand,
        b_ih: Operand | None = None,
        b_hh: Operand | None = None,
    ) -> object:
        weights = [None if operand is None else context.atom(operand) for operand in (b_ih, b_hh)]
        state = tuple(context.atom(part) for part in (hx if isinstance(hx, (tuple, list)) else [hx]))
        given = _product(context, context.atom(input), context.atom(w_ih), weights[0])
        kept = _product(context, state[0], context.atom(w_hh), weights[1])
        after = tuple(context.wrap(atom) for atom in cell(context, given, kept, state))
        return after if len(after) > 1 else after[0]


_define_cell(torch.rnn_tanh_cell, _tanh_cell)
_define_cell(torch.rnn_relu_cell, _relu_cell)
_define_cell(torch.lstm_cell, _lstm_cell)
_define_cell(torch.gru_cell, _gru_cell)
