"""Calls of Python that compiled code makes, on what the arguments hold at that point of each run.

In: a function and arguments in which there may be staged numbers, strings and tensors, real tensors, and the states of
optimisers and schedulers. Out: IR that calls the function.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import torch

from ..errors import StagingError, TorchFeatureError
from ..ir.node import Atom
from ..ir.ops.host import HOST_CALL
from ..ir.types import ScalarType, TextType
from ..loc import caller_loc
from ..staging.rep import StagedValue
from .context import TorchContext
from .tensor import StagedTensor


class LiveState(dict[str, Any]):
    """What `state_dict()` of an optimiser or a scheduler gives in staged code: known when it is saved.

    `make` gives it then; `reads` are the tensors that it is in.
    """

    def __init__(self, make: Callable[[], Mapping[str, Any]], reads: list[torch.Tensor]) -> None:
        super().__init__()
        self.make = make
        self.reads = reads

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise StagingError(
            "the state of an optimiser or a scheduler is known only when the compiled code runs",
            loc=caller_loc(),
            hint="save it whole with torch.save(), or look into it after calling the staged function",
        )

    __getitem__ = __setitem__ = __iter__ = keys = values = items = get = pop = copy = _refuse


@dataclass(frozen=True, slots=True)
class _Given:
    """A place for the argument of that number, with which the compiled code calls."""

    number: int


@dataclass
class _Content:
    """Arguments with their staged parts taken out: numbers and strings to pass, and tensors to read."""

    context: TorchContext
    passed: list[Atom] = field(default_factory=list)
    read: list[torch.Tensor] = field(default_factory=list)

    def template(self, value: Any) -> Any:
        """The value with places for what only the run knows."""
        if isinstance(value, LiveState):
            self.read.extend(value.reads)
            return value
        if isinstance(value, StagedTensor):
            memory = torch.zeros(tuple(value.shape), dtype=value.dtype)
            self.context.buffers.store(memory, self.context.without_gradient(value))
            self.read.append(memory)
            return memory
        if isinstance(value, torch.Tensor):
            self.read.append(value)
            return value
        if isinstance(value, StagedValue):
            return self._given(value)
        if isinstance(value, torch.nn.Module):
            self.read.extend([*value.parameters(), *value.buffers()])
            return value
        if isinstance(value, dict):
            return _filled(value, {key: self.template(item) for key, item in value.items()})
        if isinstance(value, (list, tuple)):
            return _sequence(value, [self.template(item) for item in value])
        return value

    def _given(self, value: object) -> _Given:
        atom = self.context.trace.lift(value)
        if not isinstance(atom.type, (ScalarType, TextType)):
            raise TorchFeatureError(
                f"a staged {atom.type} cannot be given to Python yet",
                loc=caller_loc(),
                hint="give it numbers, strings and tensors",
            )
        self.passed.append(atom)
        return _Given(len(self.passed) - 1)


def _sequence(old: list[Any] | tuple[Any, ...], items: list[Any]) -> Any:
    if isinstance(old, list):
        return items
    return old._make(items) if hasattr(old, "_make") else tuple(items)


def _filled(old: dict[Any, Any], items: dict[Any, Any]) -> dict[Any, Any]:
    """A dict with other items; that of a module's state keeps its order's class and its metadata."""
    if not isinstance(old, OrderedDict):
        return items
    new: OrderedDict[Any, Any] = OrderedDict(items)
    vars(new).update(vars(old))
    return new


def _resolved(value: Any, given: tuple[object, ...]) -> Any:
    """The content of a run."""
    if isinstance(value, LiveState):
        return value.make()
    if isinstance(value, _Given):
        return given[value.number]
    if isinstance(value, dict):
        return _filled(value, {key: _resolved(item, given) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return _sequence(value, [_resolved(item, given) for item in value])
    return value


def stage_call(
    context: TorchContext, function: Callable[..., object], args: Sequence[object], kwargs: Mapping[str, object]
) -> None:
    """Have the compiled code call `function(*args, **kwargs)` here."""
    content = _Content(context)
    template = content.template((tuple(args), dict(kwargs)))
    passed = len(content.passed)

    def call(*values: object) -> None:
        found, named = _resolved(template, values[:passed])
        function(*found, **named)

    buffers = dict.fromkeys(context.buffers.capture(tensor).symbol for tensor in content.read)
    callback = context.trace.host_function(call, getattr(function, "__name__", "call"))
    context.trace.emit(
        HOST_CALL, [*content.passed, *buffers], attrs={"callback": callback, "results": (), "mutates": ()}
    )
