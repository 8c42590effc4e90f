"""`__entering`: context managers of `with` statements, which must not swallow what staging raises for its own ends."""

from __future__ import annotations

import contextlib
from types import TracebackType
from typing import Any

from ..context import current_trace
from .attempt import UNCAUGHT, Attempt


def entering(manager: Any) -> Any:
    """What a `with` statement enters in place of the manager."""
    kind = type(manager)
    if current_trace() is None or not (hasattr(kind, "__enter__") and hasattr(kind, "__exit__")):
        return manager
    return _Managed(manager)


class _Managed:
    """A context manager under a trace; `contextlib.suppress` covers its body as a `try` does."""

    def __init__(self, manager: Any) -> None:
        self._manager = manager
        self._attempt: Attempt | None = None
        if isinstance(manager, contextlib.suppress):
            classes = vars(manager).get("_exceptions", BaseException)
            self._attempt = Attempt(lambda: classes, statement="`with`")

    def __enter__(self) -> object:
        if self._attempt is not None:
            self._attempt.__enter__()
        return type(self._manager).__enter__(self._manager)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if self._attempt is not None:
            self._attempt.__exit__(kind, error, traceback)
        swallows = type(self._manager).__exit__(self._manager, kind, error, traceback)
        return bool(swallows) and not isinstance(error, UNCAUGHT)
