"""`__item`: subscripts. With a staged index, a list, tuple or array of plain numbers is a table in memory.

A string is one of the run then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import NotSupportedYetError
from ...loc import caller_loc
from ..context import Trace, current_trace
from ..kinds import is_known_array, is_staged_array, is_staged_dict, is_staged_text
from ..known_arrays import captured, table_of
from ..promotion import convert
from ..rep import Rep
from ..values import constant, is_maybe

if TYPE_CHECKING:
    from ..maybe import StagedMaybe


def item(value: object, index: object) -> object:
    """`value[index]`."""
    trace = current_trace()
    if is_maybe(index):
        index = _index_that_is_there(value, index)
    if trace is None or not _is_staged(index):
        return value[index]  # type: ignore[index]
    if is_known_array(value):
        return trace.wrap(captured(trace, value))[index]  # type: ignore[index]
    if type(value) is str:
        return trace.wrap(trace.lift(value))[index]  # type: ignore[index]
    if isinstance(value, (list, tuple)):
        return _looked_up(trace, value, index)
    return value[index]  # type: ignore[index]


def _index_that_is_there(value: object, index: StagedMaybe) -> object:
    """The index or key; Python's error where it is None."""
    if is_staged_dict(value):
        return index.required("None", error="KeyError")  # its keys have one type
    if isinstance(value, dict):
        raise NotSupportedYetError(
            "a key that may be None cannot be looked up here",
            loc=caller_loc(),
            hint="test it with `is None` first, and look up None and the other keys on their own paths",
        )
    is_text = isinstance(value, str) or is_staged_text(value)
    indices = "string indices must be integers, not 'NoneType'"
    return index.required(indices if is_text else "list indices must be integers or slices, not NoneType")


def _is_staged(index: object) -> bool:
    if isinstance(index, slice):
        return any(isinstance(bound, Rep) for bound in (index.start, index.stop, index.step))
    return any(isinstance(part, Rep) for part in index) if isinstance(index, tuple) else isinstance(index, Rep)


def _looked_up(trace: Trace, items: list[object] | tuple[object, ...], index: object) -> object:
    """An item of a sequence of numbers of one type, as such a number."""
    known = [constant(each) for each in items]
    types = {each.type for each in known if each is not None}
    if None in known or len(types) != 1 or isinstance(index, slice):
        return items[index]  # type: ignore[call-overload]
    (type_,) = types
    table = trace.wrap(table_of(trace, tuple([each.value for each in known if each is not None]), type_))
    assert is_staged_array(table)
    kind = "tuple" if isinstance(items, tuple) else "list"
    element = table.looked_up(index, f"{kind} index out of range")
    return trace.wrap(convert(trace, trace.lift(element), type_))
