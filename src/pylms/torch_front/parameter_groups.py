"""The numbers of an optimiser's parameter groups that a run may change: learning rates, and what schedulers cycle.

In: groups as PyTorch has them. While tracing, such a number is memory that compiled code reads and writes; it is filled
from the group before each run, and what staged code assigned to it is in the group afterwards. All other values of a
group are compiled in. The staged script sees its groups as `StagedGroup`s, PyTorch its own dicts.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest import mock

import torch
from torch.optim.optimizer import Optimizer

from ..errors import StagedTypeError, TorchFeatureError
from ..ir.node import Atom, Const
from ..ir.ops.buffers import LOAD_ELEMENT, STORE_ELEMENT
from ..ir.types import FLOAT, FLOAT64, INT, ScalarType
from ..loc import caller_loc, is_called_by_user
from .context import TorchContext
from .renewals import Renewals

Group = dict[str, Any]

# What schedulers that cycle the momentum note in a group.
_MARKS_OF_CYCLES = ("base_momentum", "max_momentum")


def groups_of(optimizer: Optimizer) -> list[Group]:
    """PyTorch's own groups, whoever asks."""
    groups: list[Group] = vars(optimizer)["param_groups"]
    return groups


def running_names(group: Group) -> tuple[str, ...]:
    """The names of a group's values that a run may change."""
    if not any(mark in group for mark in _MARKS_OF_CYCLES):
        return ("lr",)
    return ("lr", *[name for name in ("momentum", "betas") if name in group])


class GroupNumbers:
    """The running numbers of one group."""

    def __init__(
        self, context: TorchContext, optimizer: Optimizer, index: int, note_change: Callable[[], None]
    ) -> None:
        self._context = context
        self._note_change = note_change
        self._optimizer = optimizer
        self._index = index
        self._slots: dict[str, list[int]] = {}
        count = 0
        for name in running_names(self.group):
            width = 2 if name == "betas" else 1
            self._slots[name] = list(range(count, count + width))
            count += width
        self.memory = torch.zeros(count, dtype=torch.float64)
        self._is_assigned = False

    @property
    def group(self) -> Group:
        """The group as it is now: loading a state puts another dict in its place."""
        return groups_of(self._optimizer)[self._index]

    @property
    def defaults(self) -> Group:
        """What the optimiser was made with."""
        return self._optimizer.defaults

    def __contains__(self, name: object) -> bool:
        return name in self._slots

    def read(self, name: str, type_: ScalarType = FLOAT) -> object:
        """The staged number of that name at this point of the program; a pair for `betas`.

        `type_`: FLOAT, as Python computes with it, or FLOAT64.
        """
        context = self._context
        context.buffers.give_name(self.memory, "lr" if len(self.memory) == 1 else "rates")
        symbol = context.buffers.capture(self.memory).symbol
        atoms = [context.emit(LOAD_ELEMENT, symbol, Const(slot, INT)) for slot in self._slots[name]]
        numbers = tuple(context.trace.wrap(context.convert(atom, type_)) for atom in atoms)
        return numbers if name == "betas" else numbers[0]

    def assign(self, name: str, value: object) -> None:
        """Give a number that runs another value. StagedTypeError where that is none."""
        values = value if name == "betas" and isinstance(value, tuple) else (value,)
        slots = self._slots[name]
        if len(values) != len(slots):
            raise StagedTypeError(f"`{name}` of an optimiser must be {len(slots)} numbers", loc=caller_loc())
        context = self._context
        symbol = context.buffers.capture(self.memory).symbol
        for slot, item in zip(slots, values, strict=True):
            number = context.convert(self._scalar(name, item), FLOAT64)
            context.trace.emit(STORE_ELEMENT, [symbol, number, Const(slot, INT)])
        self._is_assigned = True
        self._note_change()

    def _scalar(self, name: str, value: object) -> Atom:
        if isinstance(value, torch.Tensor):
            value = self._context.dispatch(torch.Tensor.item, (value,), {})
        atom = self._context.trace.try_lift(value)
        if atom is None or not isinstance(atom.type, ScalarType):
            raise StagedTypeError(f"`{name}` of an optimiser must be a number", loc=caller_loc())
        return atom

    def fill(self) -> None:
        """What the group says goes into memory: before a run, and after Python changed the group during one."""
        group = self.group
        for name, slots in self._slots.items():
            values = group[name] if name == "betas" else (group[name],)
            for slot, value in zip(slots, values, strict=True):
                self.memory[slot] = float(value)

    def leave(self) -> None:
        """What staged code assigned goes into the group: after a run, and before Python looks at it during one."""
        if not self._is_assigned:
            return
        for name, slots in self._slots.items():
            values = tuple(float(self.memory[slot]) for slot in slots)
            _put(self.group, name, values if name == "betas" else values[0])


def _put(group: Group, name: str, value: object) -> None:
    """Assign a group's value as schedulers do: a tensor keeps its identity."""
    if isinstance(group[name], torch.Tensor):
        group[name].fill_(value)
    else:
        group[name] = value


class GroupTable:
    """The running numbers of all groups of one trace."""

    def __init__(self, context: TorchContext) -> None:
        self._context = context
        self._numbers: dict[tuple[int, int], GroupNumbers] = {}
        self.renewals = Renewals(context.buffers.was_made_while_staging)

    def of(self, optimizer: Optimizer, index: int) -> GroupNumbers:
        """Those of the optimiser's group with that number."""
        numbers = self._numbers.get((id(optimizer), index))
        if numbers is None:
            numbers = GroupNumbers(self._context, optimizer, index, partial(self.note_change, optimizer))
            self._numbers[id(optimizer), index] = numbers
            self._context.trace.before_run.append(numbers.fill)
            self._context.trace.after_run.append(numbers.leave)
        return numbers

    def note_change(self, optimizer: Optimizer) -> None:
        """Runs change what is in the optimiser."""
        self.renewals.note_change(optimizer)

    def all_of(self, optimizer: Optimizer) -> list[GroupNumbers]:
        """Those of all groups of an optimiser."""
        return [self.of(optimizer, index) for index in range(len(groups_of(optimizer)))]


class StagedGroup(Group):
    """What staged code sees of a parameter group: its running numbers are staged, the rest is as it is.

    It is a dict of what does not run, so that `"momentum" in group` and loops over its names do what they do.
    """

    def __init__(self, numbers: GroupNumbers) -> None:
        super().__init__(numbers.group)
        self._numbers = numbers

    def __getitem__(self, name: str) -> object:
        if name not in self._numbers:
            return super().__getitem__(name)
        with torch._C.DisableTorchFunction():
            return self._numbers.read(name)

    def get(self, name: str, default: object = None) -> object:
        return self[name] if name in self.keys() else default

    def __setitem__(self, name: str, value: object) -> None:
        if name not in self._numbers:
            raise TorchFeatureError(
                f"`{name}` of an optimiser is changed in staged code: it is compiled in",
                loc=caller_loc(),
                hint="change it between calls of the staged function; the learning rate can be changed anywhere",
            )
        with torch._C.DisableTorchFunction():
            self._numbers.assign(name, value)

    def update(self, *args: Any, **kwargs: Any) -> None:
        for name, value in dict(*args, **kwargs).items():
            self[name] = value


@contextmanager
def staged_groups(table: GroupTable, owns: Callable[[Optimizer], bool]) -> Iterator[None]:
    """While this is open, the script's reads of `optimizer.param_groups` give staged groups."""

    def read(optimizer: Optimizer) -> list[Group]:
        try:
            groups = groups_of(optimizer)
        except KeyError:
            raise AttributeError("param_groups") from None
        with torch._C.DisableTorchFunction():
            if not is_called_by_user(sys._getframe()) or not owns(optimizer):
                return groups
            return [StagedGroup(numbers) for numbers in table.all_of(optimizer)]

    def assign(optimizer: Optimizer, groups: list[Group]) -> None:
        vars(optimizer)["param_groups"] = groups

    with mock.patch.object(Optimizer, "param_groups", property(read, assign), create=True):
        yield
