"""An optimiser's state of one parameter, in PyTorch's own `optimizer.state`, so that PyTorch can go on from there.

State that PyTorch would make at the first step is made before each run; where no step came, it is taken away again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch.optim.optimizer import Optimizer

from ..errors import ArgumentError
from ..ir.node import Atom, Const
from ..ir.ops.buffers import LOAD_ELEMENT, STORE_ELEMENT
from ..ir.types import INT, INT64
from .context import TorchContext

State = Mapping[str, torch.Tensor]


class ParameterState:
    """The tensors of one parameter's state, as buffers."""

    def __init__(
        self, context: TorchContext, optimizer: Optimizer, parameter: torch.Tensor, make: Callable[[], State]
    ) -> None:
        """`make` gives the state that the first step begins with."""
        self._context = context
        self._optimizer = optimizer
        self._parameter = parameter
        self._make = make
        # They stand for the state's memory, which may be another tensor at every run.
        self._holders = {
            name: torch.empty_like(tensor, memory_format=torch.contiguous_format) for name, tensor in make().items()
        }
        self._steps = torch.zeros(1, dtype=torch.int64)
        self._is_new = True
        context.trace.before_run.append(self._prepare)
        context.trace.after_run.append(self._finish)

    def _prepare(self) -> None:
        """Before each run: make the state where PyTorch has none yet."""
        state = self._optimizer.state[self._parameter]
        self._is_new = all(value is None for value in state.values())
        if self._is_new:
            state.update(self._make())
        self._steps[0] = not self._is_new

    def _finish(self) -> None:
        """After each run: no state where there was no step."""
        if self.is_not_begun:
            del self._optimizer.state[self._parameter]

    @property
    def is_not_begun(self) -> bool:
        """During and after a run: whether PyTorch would have no state yet."""
        return self._is_new and not self._steps[0]

    @property
    def holders(self) -> list[torch.Tensor]:
        """What stands for the state's tensors where buffers are asked for."""
        for name in self._holders:
            self._capture(name)
        return [*self._holders.values(), self._steps]

    def _address(self, name: str) -> int:
        memory, holder = self._optimizer.state[self._parameter].get(name), self._holders[name]
        if not isinstance(memory, torch.Tensor):
            raise ArgumentError(f"the state of a parameter has no tensor `{name}`, which its optimiser needs")
        if memory.shape != holder.shape or memory.dtype != holder.dtype or not memory.is_contiguous():
            raise ArgumentError(
                f"`{name}` of a parameter does not have the shape and dtype that its optimiser gives it"
            )
        return int(memory.data_ptr())

    def read(self, name: str) -> Atom:
        """What is in the state at this point of the program."""
        self._capture(name)
        return self._context.buffers.load(self._holders[name])

    def write(self, name: str, value: Atom) -> None:
        """Replace it."""
        self._capture(name)
        self._context.buffers.store(self._holders[name], value)

    def read_number(self, name: str) -> Atom:
        """The scalar in a tensor without dimensions."""
        return self._context.emit(LOAD_ELEMENT, self._capture(name))

    def write_number(self, name: str, value: Atom) -> None:
        """Replace it."""
        self._context.trace.emit(STORE_ELEMENT, [self._capture(name), value])

    def _capture(self, name: str) -> Atom:
        buffers = self._context.buffers
        buffers.give_name(self._holders[name], name)
        return buffers.capture(self._holders[name], address=partial(self._address, name)).symbol

    def steps_before(self) -> Atom:
        """Zero before the very first step."""
        flag = self._context.buffers.capture(self._steps).symbol
        return self._context.emit(LOAD_ELEMENT, flag, Const(0, INT))

    def note_step(self, was_taken: Atom) -> None:
        """`was_taken`: an int64, not zero where there is a step behind."""
        flag = self._context.buffers.capture(self._steps).symbol
        self._context.trace.emit(STORE_ELEMENT, [flag, was_taken, Const(0, INT)])


ONE_STEP = Const(1, INT64)
