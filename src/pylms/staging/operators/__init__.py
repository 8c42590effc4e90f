"""What rewritten code calls: the table from the names `virtualize` writes to what they do."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from ...late import late_module
from ..constructs import Assigned
from .invoke import Rewrite, invoke_operator

if TYPE_CHECKING:
    from . import (
        attempt,
        boolean,
        branch,
        call,
        changing,
        container,
        item,
        loop,
        managing,
        matching,
        native_loop,
        percent,
        printing,
        reduction,
        variable,
    )
else:
    attempt = late_module("pylms.staging.operators.attempt")
    boolean = late_module("pylms.staging.operators.boolean")
    branch = late_module("pylms.staging.operators.branch")
    call = late_module("pylms.staging.operators.call")
    changing = late_module("pylms.staging.operators.changing")
    container = late_module("pylms.staging.operators.container")
    item = late_module("pylms.staging.operators.item")
    loop = late_module("pylms.staging.operators.loop")
    native_loop = late_module("pylms.staging.operators.native_loop")
    managing = late_module("pylms.staging.operators.managing")
    matching = late_module("pylms.staging.operators.matching")
    percent = late_module("pylms.staging.operators.percent")
    printing = late_module("pylms.staging.operators.printing")
    reduction = late_module("pylms.staging.operators.reduction")
    variable = late_module("pylms.staging.operators.variable")

_NOTHING: Mapping[str, tuple[str, ...]] = MappingProxyType({})
_IN_PLACE = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift", "rshift")


def operators_for(
    assigned_cells: Mapping[str, tuple[str, ...]],
    assigned_outside: Mapping[str, tuple[str, ...]] = _NOTHING,
    *,
    rewrite: Rewrite | None = None,
) -> Mapping[str, object]:
    """The operators of one virtualised function, which need to know what its blocks assign.

    Looking one up loads the module that has it. `rewrite` virtualises functions that it calls; None where they are to
    run as they are.
    """
    assigned = Assigned(assigned_cells, assigned_outside)
    own: dict[str, Callable[[], object]] = {
        "__if": lambda: _if_operator(assigned),
        "__while": lambda: _while_operator(assigned),
        "__for": lambda: _for_operator(assigned),
        "__for_dataloader": lambda: _for_dataloader_operator(assigned),
        "__invoke": lambda: invoke_operator(rewrite),
    }
    return _Operators(own)


class _Operators(dict[str, object]):
    """The operators of one function, each made when it is first asked for: its `own`, and what all functions share."""

    def __init__(self, own: Mapping[str, Callable[[], object]]) -> None:
        super().__init__()
        self._own = own

    def __missing__(self, name: str) -> object:
        make = self._own.get(name) or _COMMON[name]
        made = self[name] = make()
        return made


def _if_operator(assigned: Assigned) -> Callable[..., object]:
    run_if = branch.run_if

    def if_(test: object, then: Callable[[], object], otherwise: Callable[[], object]) -> object:
        return run_if(test, then, otherwise, assigned)

    return if_


def _while_operator(assigned: Assigned) -> Callable[..., None]:
    run_while = loop.run_while

    def while_(condition: Callable[[], object], body: Callable[[], object]) -> None:
        run_while(condition, body, assigned)

    return while_


def _for_operator(assigned: Assigned) -> Callable[..., None]:
    run_for, made_of = loop.run_for, native_loop.LoopBody

    def for_(iterable: object, body: Callable[[object], object], stop: Callable[[], object] | None = None) -> None:
        run_for(iterable, made_of(body, stop, (body, stop), assigned))

    return for_


def _for_dataloader_operator(assigned: Assigned) -> Callable[..., None]:
    run_for, made_of = loop.run_for_dataloader, native_loop.LoopBody

    def for_dataloader(loader: object, body: Callable[..., object], stop: Callable[[], object] | None = None) -> None:
        def call_unpacked(numbered: object) -> object:
            number, values = cast(tuple[object, Iterable[object]], numbered)
            return body(number, *values)

        run_for(loader, made_of(call_unpacked, stop, (body, stop), assigned))

    return for_dataloader


_COMMON: Mapping[str, Callable[[], object]] = {
    "__var": lambda: variable.make_variable,
    "__assign": lambda: variable.assign,
    "__delete": lambda: variable.delete,
    "__read": lambda: variable.read,
    "__return": lambda: variable.finish_return,
    "__and": lambda: boolean.run_and,
    "__or": lambda: boolean.run_or,
    "__not": lambda: boolean.run_not,
    "__try": lambda: attempt.Attempt,
    "__uncaught": lambda: attempt.UNCAUGHT,
    "__finally": lambda: attempt.run_finally,
    "__is_none": lambda: matching.run_is_none,
    "__match_singleton": lambda: matching.match_singleton,
    "__match_sequence": lambda: matching.match_sequence,
    "__match_mapping": lambda: matching.match_mapping,
    "__match_rest": lambda: matching.match_rest,
    "__match_class": lambda: matching.match_class,
    "__match_field": lambda: matching.match_field,
    "__changing": lambda: changing.changing,
    "__new": lambda: changing.note_new,
    "__reduce": lambda: reduction.reduce,
    "__each": lambda: loop.run_each,
    "__entering": lambda: managing.entering,
    "__call": lambda: call.call,
    "__list": lambda: container.make_list,
    "__dict": lambda: container.make_dict,
    "__in": lambda: container.run_in,
    "__print": lambda: printing.print_values,
    "__printf": lambda: printing.print_formatted,
    "__item": lambda: item.item,
    "__format": lambda: printing.format_text,
    "__percent": lambda: percent.percent_format,
    **{f"__i{name}": partial(getattr, operator, f"i{name}") for name in _IN_PLACE},
}
