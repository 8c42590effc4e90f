"""Lists and dicts of generation time that a traced function makes: Python's own, as long as that will do.

Each knows where in the program it was made. What only the run can decide (a change in a staged branch or loop that is
younger than the container, a staged index or key) makes that place one of run-time containers (`sites`). Changes
are taken back when a construct around them is traced again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, SupportsIndex, cast

from ...loc import Loc
from ..rep import StagedValue
from ..values import is_maybe

if TYPE_CHECKING:
    from ..context import Trace


class _Traced:
    """What both kinds know."""

    trace: Trace
    site: Loc
    birth: int

    def _remember(self, trace: Trace, site: Loc) -> None:
        self.trace, self.site, self.birth = trace, site, trace.tick()

    def _before_change(self, undo: Callable[[], object], *decisive: object) -> None:
        """Let the run do it where it must; else note how to take the change back."""
        trace = self.trace
        if not trace.is_running:
            return
        is_decided_by_run = any(construct.entry > self.birth for construct in trace.constructs)
        if is_decided_by_run or any(map(is_staged_key, decisive)):
            trace.sites.make_run_time(self.site)
        trace.on_undo(lambda: cast(None, undo()))

    def _before_look(self, key: object) -> None:
        if self.trace.is_running and is_staged_key(key):
            self.trace.sites.make_run_time(self.site)


def is_staged_key(key: object) -> bool:
    """Whether an index or key is known to the run only."""
    if isinstance(key, tuple):
        return any(map(is_staged_key, key))
    if isinstance(key, slice):
        return any(map(is_staged_key, (key.start, key.stop, key.step)))
    return isinstance(key, StagedValue)


class TracedList(list[Any], _Traced):
    """A list that a display in a traced function made."""

    def __init__(self, items: Iterable[object], trace: Trace, site: Loc) -> None:
        super().__init__(items)
        self._remember(trace, site)

    def __reduce_ex__(self, _protocol: SupportsIndex) -> Any:
        return list, (list(self),)

    def _changes(self, *decisive: object) -> None:
        content = list(self)
        self._before_change(lambda: list.__setitem__(self, slice(None), content), *decisive)

    def append(self, value: object) -> None:
        self._before_change(lambda: list.pop(self))
        super().append(value)

    def extend(self, values: Iterable[object]) -> None:
        self._changes(values)
        super().extend(values)

    def insert(self, index: SupportsIndex, value: object) -> None:
        self._changes(index)
        super().insert(index, value)

    def pop(self, index: SupportsIndex = -1) -> Any:
        self._changes(index)
        return super().pop(index)

    def remove(self, value: object) -> None:
        self._changes(value)
        super().remove(value)

    def clear(self) -> None:
        self._changes()
        super().clear()

    def reverse(self) -> None:
        self._changes()
        super().reverse()

    def sort(self, **kwargs: Any) -> None:
        self._changes(*self)
        super().sort(**kwargs)

    def index(self, value: object, *bounds: SupportsIndex) -> int:
        self._look_for(value)
        return super().index(value, *bounds)

    def count(self, value: object) -> int:
        self._look_for(value)
        return super().count(value)

    def _look_for(self, value: object) -> None:
        """Comparing with what only the run knows."""
        for each in (value, *self):
            self._before_look(each)

    def __getitem__(self, index: Any) -> Any:
        self._before_look(index)
        found = super().__getitem__(index)
        return self._made(found) if isinstance(index, slice) else found

    def __setitem__(self, index: Any, value: Any) -> None:
        self._changes(index)
        super().__setitem__(index, value)

    def __delitem__(self, index: Any) -> None:
        self._changes(index)
        super().__delitem__(index)

    def __iadd__(self, values: Iterable[object]) -> Any:  # type: ignore[misc]  # lists take any iterable
        self._changes(values)
        return super().__iadd__(values)

    def __imul__(self, count: Any) -> Any:
        self._changes(count)
        return super().__imul__(count)

    def __mul__(self, count: Any) -> Any:
        self._before_look(count)
        return self._made(super().__mul__(count))

    __rmul__ = __mul__

    def __add__(self, other: Any) -> Any:
        if is_maybe(other):
            return self + other.required('can only concatenate list (not "NoneType") to list')
        return self._made(super().__add__(other)) if isinstance(other, list) else NotImplemented

    def copy(self) -> TracedList:
        return self._made(self)

    def _made(self, items: list[object]) -> TracedList:
        """A list made of this one, at the same place of the program as far as that matters."""
        return TracedList(items, self.trace, self.site)


class TracedDict(dict[Any, Any], _Traced):
    """A dict that a display in a traced function made."""

    def __init__(self, items: Any, trace: Trace, site: Loc) -> None:
        super().__init__(items)
        self._remember(trace, site)

    def __reduce_ex__(self, _protocol: SupportsIndex) -> Any:
        return dict, (dict(self),)

    def _changes(self, *decisive: object) -> None:
        content = dict(self)

        def undo() -> None:
            dict.clear(self)
            dict.update(self, content)

        self._before_change(undo, *decisive)

    def __setitem__(self, key: object, value: object) -> None:
        self._changes(key)
        super().__setitem__(key, value)

    def __delitem__(self, key: object) -> None:
        self._changes(key)
        super().__delitem__(key)

    def pop(self, key: object, *default: object) -> Any:
        self._changes(key)
        return super().pop(key, *default)

    def popitem(self) -> tuple[Any, Any]:
        self._changes()
        return super().popitem()

    def setdefault(self, key: object, default: object = None) -> Any:
        self._changes(key)
        return super().setdefault(key, default)

    def update(self, *others: Any, **items: Any) -> None:
        self._changes(*others)
        super().update(*others, **items)

    def clear(self) -> None:
        self._changes()
        super().clear()

    def __getitem__(self, key: object) -> Any:
        self._before_look(key)
        return super().__getitem__(key)

    def get(self, key: object, default: object = None) -> Any:
        self._before_look(key)
        return super().get(key, default)

    def copy(self) -> TracedDict:
        return TracedDict(self, self.trace, self.site)


# In messages, Python's and ours, they are what the user wrote.
TracedList.__name__ = TracedList.__qualname__ = "list"
TracedDict.__name__ = TracedDict.__qualname__ = "dict"
