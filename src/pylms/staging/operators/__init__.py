"""What rewritten code calls: the table from the names `virtualize` writes to what they do."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import cast

from ..constructs import Assigned
from .attempt import UNCAUGHT, Attempt, run_finally
from .boolean import run_and, run_not, run_or
from .branch import run_if
from .call import call
from .changing import changing, note_new
from .container import make_dict, make_list, run_in
from .invoke import Rewrite, invoke_operator
from .item import item
from .loop import LoopBody, run_each, run_for, run_for_dataloader, run_while
from .managing import entering
from .matching import match_class, match_field, match_mapping, match_rest, match_sequence, match_singleton
from .printing import format_text, print_formatted, print_values
from .reduction import reduce
from .variable import assign, delete, finish_return, make_variable, read

_NOTHING: Mapping[str, tuple[str, ...]] = MappingProxyType({})
_IN_PLACE = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift", "rshift")


def operators_for(
    assigned_cells: Mapping[str, tuple[str, ...]],
    assigned_outside: Mapping[str, tuple[str, ...]] = _NOTHING,
    *,
    rewrite: Rewrite | None = None,
) -> dict[str, object]:
    """The operators of one virtualised function, which need to know what its blocks assign.

    `rewrite` virtualises functions that it calls; None where they are to run as they are.
    """
    assigned = Assigned(assigned_cells, assigned_outside)

    def if_(test: object, then: Callable[[], object], otherwise: Callable[[], object]) -> object:
        return run_if(test, then, otherwise, assigned)

    def while_(condition: Callable[[], object], body: Callable[[], object]) -> None:
        run_while(condition, body, assigned)

    def for_(iterable: object, body: Callable[[object], object], stop: Callable[[], object] | None = None) -> None:
        run_for(iterable, LoopBody(body, stop, (body, stop), assigned))

    def for_dataloader(loader: object, body: Callable[..., object], stop: Callable[[], object] | None = None) -> None:
        def call_unpacked(item: object) -> object:
            number, values = cast(tuple[object, Iterable[object]], item)
            return body(number, *values)

        run_for_dataloader(loader, LoopBody(call_unpacked, stop, (body, stop), assigned))

    return {
        **_COMMON,
        "__if": if_,
        "__while": while_,
        "__for": for_,
        "__for_dataloader": for_dataloader,
        "__invoke": invoke_operator(rewrite),
    }


_COMMON: dict[str, object] = {
    "__var": make_variable,
    "__assign": assign,
    "__delete": delete,
    "__read": read,
    "__return": finish_return,
    "__and": run_and,
    "__or": run_or,
    "__not": run_not,
    "__try": Attempt,
    "__uncaught": UNCAUGHT,
    "__finally": run_finally,
    "__match_singleton": match_singleton,
    "__match_sequence": match_sequence,
    "__match_mapping": match_mapping,
    "__match_rest": match_rest,
    "__match_class": match_class,
    "__match_field": match_field,
    "__changing": changing,
    "__new": note_new,
    "__reduce": reduce,
    "__each": run_each,
    "__entering": entering,
    "__call": call,
    "__list": make_list,
    "__dict": make_dict,
    "__in": run_in,
    "__print": print_values,
    "__printf": print_formatted,
    "__item": item,
    "__format": format_text,
    **{f"__i{name}": getattr(operator, f"i{name}") for name in _IN_PLACE},
}
