"""Lists, dicts and sets that staged blocks name: changing them there would happen once, not each time.

In: block functions, before they are traced. Out: a located error if tracing them changed such an object, which is given
its old content back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import FunctionType
from typing import Any

from ..errors import NotSupportedYetError
from ..loc import caller_loc
from .cells import Cell


class Contents:
    """The content of the containers that block functions name, as it was before they ran."""

    def __init__(self, functions: Sequence[object]) -> None:
        self._found = {id(container): (name, container, _copied(container)) for name, container in _named(functions)}

    def restore(self) -> None:
        """Give every container its old content back."""
        for _, container, content in self._found.values():
            _refill(container, content)

    def require_unchanged(self, kind: str) -> None:
        """A located error for a container that has other content now. `kind` is what the construct is called."""
        for name, container, content in self._found.values():
            if _same(container, content):
                continue
            self.restore()
            raise NotSupportedYetError(
                f"`{name}` (a {type(container).__name__}) is changed inside a staged {kind}: that would happen once, "
                "while staging, and not each time",
                loc=caller_loc(),
                hint="keep what the run computes in variables (total += value), or print it",
            )


def _named(functions: Sequence[object]) -> Iterator[tuple[str, Any]]:
    for function in functions:
        if not isinstance(function, FunctionType) or function.__closure__ is None:
            continue
        for name, closure_cell in zip(function.__code__.co_freevars, function.__closure__, strict=True):
            value = _content_of(closure_cell)
            if type(value) in (list, dict, set):
                yield name, value


def _content_of(closure_cell: Any) -> object:
    try:
        value = closure_cell.cell_contents
    except ValueError:  # not assigned yet
        return None
    return value.value if isinstance(value, Cell) else value


def _copied(container: Any) -> Any:
    return container.copy()


def _same(container: Any, content: Any) -> bool:
    """Whether both hold the same objects; staged values must not be compared with ==."""
    if len(container) != len(content):
        return False
    if isinstance(container, dict):
        return all(key in content and content[key] is value for key, value in container.items())
    if isinstance(container, set):
        return bool(container == content)
    return all(now is before for now, before in zip(container, content, strict=True))


def _refill(container: Any, content: Any) -> None:
    container.clear()
    if isinstance(container, list):
        container.extend(content)
    else:
        container.update(content)
