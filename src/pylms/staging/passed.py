"""The arguments of a function while it is traced, and what it does to them.

In: the types of parameters, and the symbols of their leaves. Out: the Python values that the function is called with;
once it has run, what of them it may have changed, and which of its results are arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from ..errors import NotSupportedYetError
from ..ir.node import Sym
from ..late import late_module
from ..loc import Loc
from ..records import record
from .context import Trace
from .kinds import is_staged_dict, is_staged_list
from .parameters import ContainerParameter, ParameterType, TensorParameter, TrackedFields, leaf_types, parts_of, rebuilt
from .rep import StagedValue
from .write_back import Path, changeable_parts

if TYPE_CHECKING:
    from . import fields
    from .containers import arguments
else:
    fields = late_module("pylms.staging.fields")
    arguments = late_module("pylms.staging.containers.arguments")


@record(frozen=True, slots=True)
class Changed:
    """The part of the arguments at `path` may have been changed: `apply` does the same, given the part and `value`."""

    path: Path
    value: object
    apply: Callable[[object, object], None]


class PassedArguments:
    """`values`: what the function is called with."""

    def __init__(self, trace: Trace, declared: Sequence[ParameterType], symbols: Sequence[Sym], loc: Loc) -> None:
        self._trace = trace
        self._loc = loc
        passed = zip(leaf_types(declared), symbols, strict=True)
        leaves = iter(
            [
                trace.front.argument(trace, symbol, requires_grad=type_.requires_grad)
                if isinstance(type_, TensorParameter)
                else trace.wrap(symbol)
                for type_, symbol in passed
            ]
        )

        def make(parameter: ContainerParameter) -> object:
            return arguments.put_together(trace, parameter, leaves, loc)  # type: ignore[arg-type]  # columns are staged

        self.values = [rebuilt(type_, leaves, make) for type_ in declared]
        self._made = len(trace.builder.scope.nodes)
        self._parts = [(path, part, parts_of(part) or []) for path, part in changeable_parts(self.values)]
        for _, part, _ in self._parts:
            fields.track_fields(trace, part)

    def path_of(self, value: object) -> Path | None:
        """Where among the arguments a dataclass, list or dict is; None where it is none of them."""
        for path, part, _ in self._parts:
            is_same_atom = isinstance(part, StagedValue) and isinstance(value, StagedValue) and part.atom is value.atom
            if part is value or is_same_atom:
                return path
        return None

    def changed(self) -> list[Changed]:
        """What may have been changed. A located error for what the caller would not see."""
        found: list[Changed] = []
        for path, part, items in self._parts:
            if isinstance(part, TrackedFields):
                found += self._changed_fields(path, part, items)
            elif is_staged_list(part) or is_staged_dict(part):
                types = arguments.changed_types(
                    islice(self._trace.builder.scope.nodes, self._made, None),
                    [each.function.body for each in self._trace.natives if each.function is not None],
                )
                if arguments.is_changed(part.type, types, self._loc):
                    found.append(Changed(path, part, partial(arguments.change_like, part.type, types)))
            else:
                self._require_unchanged(part, items)
        return found

    def _changed_fields(self, path: Path, part: object, items: Sequence[object]) -> list[Changed]:
        cells = self._trace.fields[id(part)][1].items()
        return [
            Changed(path, cell.read(), partial(_set_field, name))
            for (name, cell), before in zip(cells, items, strict=True)
            if cell.variable is not None or cell.value is not before
        ]

    def _require_unchanged(self, argument: object, items: Sequence[object]) -> None:
        now = parts_of(argument) or []
        if len(now) == len(items) and all(part is before for part, before in zip(now, items, strict=True)):
            return
        kind = type(argument).__name__
        is_container = isinstance(argument, (list, dict))
        raise NotSupportedYetError(
            f"a {kind} of arrays or tensors that is an argument is changed"
            if is_container
            else f"a field of a {kind} is assigned, whose class has attribute access of its own",
            loc=self._loc,
            hint=f"make a new one: `{kind}(...)`" if is_container else "return a new one: `dataclasses.replace(...)`",
        )


def _set_field(name: str, part: object, value: object) -> None:
    setattr(part, name, value)
