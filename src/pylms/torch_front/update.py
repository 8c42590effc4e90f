"""One step of an optimiser for one parameter, as the rules of `update_rules.py` see it.

In: the parameter, its gradient, the settings and running numbers of its group, and the state that the rule asks for.
Out: IR that stores the new state and the new parameter. Where it depends on the run whether there is a gradient,
nothing is changed if there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ..ir.node import Atom, Const
from ..ir.ops.arithmetic import ADD, EQ, SELECT
from ..ir.ops.tensors import BROADCAST
from ..ir.types import FLOAT64, INT64, ScalarType, TensorType
from ..staging.rep import Rep
from .context import TorchContext
from .optimizer_state import ONE_STEP, ParameterState, State
from .parameter_groups import GroupNumbers
from .tensor import StagedTensor

Number = Any
"""A plain float, or a staged one (`Rep` of float64), which has the same operators."""


class Update:
    """A parameter that has (or may have) a gradient, at one step."""

    def __init__(
        self,
        context: TorchContext,
        numbers: GroupNumbers,
        parameter: torch.Tensor,
        gradient: tuple[StagedTensor, object],
        find_state: Callable[[Callable[[], State]], ParameterState],
    ) -> None:
        """`gradient`: with whether it is there: True, or a staged bool.

        `find_state` gives the parameter's state, the same at each step; it is told how to make one.
        """
        self._context = context
        self._numbers = numbers
        self._parameter = parameter
        self._presence = None if gradient[1] is True else context.trace.lift(gradient[1])
        self._find_state = find_state
        self._state: ParameterState | None = None
        self.gradient = self.apply(torch.neg, gradient[0]) if numbers.group.get("maximize") else gradient[0]
        self.value = StagedTensor(context.atom(parameter), context)

    # The group

    def setting(self, name: str) -> float:
        """A value of the group that is compiled in."""
        value = self._numbers.group[name]
        return float(value)

    def default(self, name: str) -> float:
        """A value that the optimiser was made with, and that its groups do not have."""
        return float(self._numbers.defaults[name])

    def number(self, name: str) -> Number:
        """A number of the group, staged if a run may change it."""
        return self._numbers.read(name, FLOAT64) if name in self._numbers else self.setting(name)

    def pair(self, name: str) -> tuple[Number, Number]:
        """The same for two numbers."""
        first, second = self._numbers.read(name, FLOAT64) if name in self._numbers else self._numbers.group[name]  # type: ignore[misc]
        return (first, second) if isinstance(first, Rep) else (float(first), float(second))

    def factor(self, number: Number) -> Number:
        """The number as the parameter's elements meet it, in their dtype.

        What is computed of numbers comes before what is done to elements, so that all of that is one loop.
        """
        if not isinstance(number, Rep):
            return number
        return self._context.trace.wrap(self._context.convert(number.atom, self._context.type_of(self.value).dtype))

    # The state

    def begin_state(self, **initial: float) -> None:
        """Have state: tensors like the parameter, which begin with these numbers; `step` is a number."""

        def make() -> State:
            parameter = self._parameter.detach()
            return {name: _initial(name, value, parameter) for name, value in initial.items()}

        self._state = self._find_state(make)

    def read(self, name: str) -> StagedTensor:
        """A tensor of the state."""
        return StagedTensor(self.state.read(name), self._context)

    def keep(self, name: str, value: StagedTensor) -> StagedTensor:
        """Replace a tensor of the state; gives the new one."""
        self.state.write(name, self._chosen(value.atom, lambda: self.state.read(name)))
        return value

    def count_step(self) -> Number:
        """Advance `step` of the state; its new value."""
        before = self.state.read_number("step")
        assert isinstance(before.type, ScalarType)
        after = self._context.emit(ADD, before, Const(1.0, before.type))
        self.state.write_number("step", self._chosen(after, lambda: before))
        self.note_step()
        return self._context.trace.wrap(self._context.convert(after, FLOAT64))

    def note_step(self) -> None:
        """There is a step behind this parameter: its state stays after the run."""
        self.state.note_step(self._chosen(ONE_STEP, self.state.steps_before))

    def first_or(self, first: StagedTensor, later: StagedTensor) -> StagedTensor:
        """`first` at the very first step of this parameter, which is noted, and `later` afterwards."""
        steps = self.state.steps_before()
        is_first = self._context.emit(EQ, steps, Const(0, INT64))
        self.state.note_step(self._chosen(ONE_STEP, lambda: steps))
        return StagedTensor(self._select(is_first, first.atom, later.atom), self._context)

    @property
    def state(self) -> ParameterState:
        assert self._state is not None
        return self._state

    # The result

    def move(self, value: StagedTensor) -> None:
        """Give the parameter its new value."""
        self._context.buffers.store(self._parameter, self._chosen(value.atom, lambda: self.value.atom))

    def apply(self, function: object, *args: object) -> StagedTensor:
        """A function of PyTorch."""
        result = self._context.dispatch_staged(function, args, {})
        assert isinstance(result, StagedTensor)
        return result

    def choose(self, condition: Number, new: StagedTensor, old: StagedTensor) -> StagedTensor:
        """One of two tensors of one type."""
        return StagedTensor(self._select(condition.atom, new.atom, old.atom), self._context)

    def ignore_absence(self) -> None:
        """Zeros, which stand for a gradient that is not there, change nothing."""
        self._presence = None

    def _chosen(self, new: Atom, old: Callable[[], Atom]) -> Atom:
        return new if self._presence is None else self._select(self._presence, new, old())

    def _select(self, condition: Atom, new: Atom, old: Atom) -> Atom:
        if isinstance(new.type, TensorType):
            condition = self._context.emit(BROADCAST, condition, shape=new.type.shape, axes=())
        return self._context.emit(SELECT, condition, new, old)


def _initial(name: str, value: float, parameter: torch.Tensor) -> torch.Tensor:
    if name == "step":
        dtype = torch.float64 if torch.get_default_dtype() is torch.float64 else torch.float32
        return torch.tensor(value, dtype=dtype)
    return torch.full_like(parameter, value, memory_format=torch.contiguous_format)
