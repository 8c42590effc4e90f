"""Objects that staged blocks name: changing them there would happen once, not each time.

What rewritten code changes, `changes` sees beforehand. This is for what it calls: methods and functions that are not
virtualised. In: block functions, before they are traced. Out: a located error if tracing them changed a list, dict or
set that they name, an attribute of an object that they name, or such a container in one; it is given its old content
back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from types import FunctionType, ModuleType
from typing import Any

from ..errors import NotSupportedYetError
from ..loc import caller_loc
from .cells import Cell
from .containers.traced import TracedDict, TracedList
from .rep import Rep
from .values import describe_static

_CONTAINERS = (list, dict, set, deque, TracedList, TracedDict)
_UNCHANGING = frozenset({FunctionType, ModuleType, Rep, bool, int, float, str, type(None), type})
"""The classes of most of what functions name; nothing of it is compared."""
_LARGEST_COPIED = 10_000
"""Of larger containers only the length is compared: copying them at each staged branch would take too long."""
_FOREIGN_PACKAGES = ("torch", "torchvision", "numpy", "pylms")
"""Their objects keep caches of their own, or are changed by what is staged."""


class Contents:
    """The content of the objects that block functions name, as it was before they ran."""

    def __init__(self, functions: Sequence[object]) -> None:
        self._found = {
            id(container): (what, container, _copied(container))
            for name, value in _named(functions)
            if type(value) not in _UNCHANGING
            for what, container in _containers(name, value)
        }

    @property
    def is_complete(self) -> bool:
        """Whether `restore` gives all of them their content back."""
        return not any(isinstance(content, int) for _, _, content in self._found.values())

    def restore(self) -> None:
        """Give every container its old content back."""
        for _, container, content in self._found.values():
            if not isinstance(content, int):
                _refill(container, content)

    def require_unchanged(self, kind: str) -> None:
        """A located error for an object that has other content now. `kind` is what the construct is called."""
        for what, container, content in self._found.values():
            if _same(container, content):
                continue
            self.restore()
            raise NotSupportedYetError(
                f"{what} is changed inside a staged {kind}: that would happen once, while staging, and not each time",
                loc=caller_loc(),
                hint="keep what the run computes in variables (total += value), or print it",
            )


def named_values(functions: Sequence[object]) -> list[object]:
    """The values of the variables that functions see."""
    return [value for _, value in _named(functions)]


def _named(functions: Sequence[object]) -> Iterator[tuple[str, Any]]:
    """The variables that the functions see, and their values."""
    for function in functions:
        if not isinstance(function, FunctionType):
            continue
        for name, closure_cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            yield name, _content_of(closure_cell)
        for name in function.__code__.co_names:
            if name in function.__globals__:
                yield name, function.__globals__[name]


def _containers(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """What can be compared of a value, and how to call it: the value, or its attributes."""
    if type(value) in _CONTAINERS:
        yield f"`{name}` ({describe_static(value)})", value
    elif _has_attributes(value):
        attributes = vars(value)
        yield f"`{name}` ({describe_static(value)})", attributes
        for attribute, content in attributes.items():
            if type(content) in _CONTAINERS:
                yield f"`{name}.{attribute}` ({describe_static(content)})", content


def _has_attributes(value: Any) -> bool:
    """Whether it is an object of a class of the user's, with attributes that can be set."""
    if isinstance(value, (type, ModuleType, FunctionType)) or not hasattr(value, "__dict__"):
        return False
    modules = (str(each.__module__).partition(".")[0] for each in type(value).__mro__)
    return type(vars(value)) is dict and not any(module in _FOREIGN_PACKAGES for module in modules)


def _content_of(closure_cell: Any) -> object:
    try:
        value = closure_cell.cell_contents
    except ValueError:  # not assigned yet
        return None
    return value.value if isinstance(value, Cell) else value


def _copied(container: Any) -> Any:
    """The content; of a large container its length."""
    return container.copy() if len(container) <= _LARGEST_COPIED else len(container)


def _same(container: Any, content: Any) -> bool:
    """Whether both hold the same objects; staged values must not be compared with ==."""
    if isinstance(content, int):
        return len(container) == content
    if len(container) != len(content):
        return False
    if isinstance(container, dict):
        return all(key in content and content[key] is value for key, value in container.items())
    if isinstance(container, set):
        return bool(container == content)
    return all(now is before for now, before in zip(container, content, strict=True))


def _refill(container: Any, content: Any) -> None:
    """By the methods of Python's own classes: those of lists and dicts in traced functions watch for changes."""
    kind: Any = next(each for each in (list, dict, set, deque) if isinstance(container, each))
    kind.clear(container)
    (kind.extend if kind in (list, deque) else kind.update)(container, content)
