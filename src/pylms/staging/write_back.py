"""What a staged function does to its arguments besides arrays: its caller finds it done after the call (DESIGN D6).

In: the arguments as the traced function has left them. Out: `Change`s: which part of which argument is given what,
after each run. An argument among the results is the caller's own object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ..errors import ArgumentError
from ..loc import caller_loc
from ..records import record
from .kinds import is_staged_dict, is_staged_list
from .parameters import is_changeable, parts_of

if TYPE_CHECKING:
    from .values import Structure

Path = tuple[int, ...]


class ArgumentPart:
    """An argument, or an item within one, as a result. No record: it is not to be taken apart."""

    __slots__ = ("path",)
    __match_args__ = ("path",)

    def __init__(self, path: Path) -> None:
        """`path`: the number of the argument, and the numbers of items within."""
        self.path = path


@record(frozen=True, slots=True)
class Change:
    """The part of an argument at `path` is changed: `apply` does it, given the part and a value of that structure."""

    path: Path
    structure: Structure
    apply: Callable[[object, object], None]


def changeable_parts(values: Sequence[object], path: Path = ()) -> Iterator[tuple[Path, object]]:
    """What can be changed among arguments and their items, and where it is: dataclasses, lists and dicts."""
    for place, value in enumerate(values):
        at = (*path, place)
        yield from changeable_parts(parts_of(value) or (), at)
        is_container = isinstance(value, (list, dict)) or is_staged_list(value) or is_staged_dict(value)
        if is_changeable(value) or is_container:
            yield at, value


def part_at(arguments: Sequence[object], path: Path) -> object:
    """The part of the arguments of a call that a path leads to."""
    first, *rest = path
    value = arguments[first]
    for place in rest:
        items = parts_of(value)
        assert items is not None, "a path leads through what has parts"
        value = items[place]
    return value


def require_apart(arguments: Sequence[object], changes: Iterable[Change], function: str) -> None:
    """ArgumentError where an object that the function changes is passed to it in two places."""
    changed = {id(part) for change in changes for part in _objects_within(part_at(arguments, change.path))}
    met: set[int] = set()
    for argument in arguments:
        for part in _objects_within(argument):
            if id(part) in met & changed:
                raise ArgumentError(
                    f"{function} changes a {type(part).__name__} that is passed to it in two places",
                    loc=caller_loc(),
                    hint="pass a copy in one of them",
                )
            met.add(id(part))


def _objects_within(value: object) -> Iterator[object]:
    """Dataclasses, lists and dicts: the value, and those in it."""
    if is_changeable(value) or isinstance(value, (list, dict)):
        yield value
    for item in parts_of(value) or ():
        if type(item) not in _PLAIN:
            yield from _objects_within(item)


_PLAIN = (bool, int, float, str)
