"""`__try`, `__uncaught`, `__finally`: `try` statements catch what is raised while staging, and nothing else.

Compiled code raises its errors past them. So where a `try` covers what may raise when the compiled code runs, and could
catch that, it is refused.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from ...errors import NotSupportedYetError, PylmsError
from ...ir.node import Node
from ...ir.ops.arithmetic import PRIMITIVES as ARITHMETIC
from ...ir.ops.control import CHECK, ERROR_NAMES
from ...ir.ops.host import HOST_CALL
from ...loc import Loc, caller_loc
from ..context import Trace, current_trace
from ..decisions import Retrace
from ..raising import AlwaysRaises
from .native_loop import BecomesNative

Catches = Callable[[], Any]

UNCAUGHT = (PylmsError, Retrace, AlwaysRaises, BecomesNative)
"""What staging raises for its own ends: no `try` of the program catches it."""


class Attempt:
    """The body of a `try`. `catches` gives the classes its handlers catch; None: it has a `finally`, or catches all."""

    def __init__(self, catches: Catches | None = None, *, statement: str = "`try`") -> None:
        self._statement = statement
        self._catches = catches
        self._loc = caller_loc()
        self._trace: Trace | None = None

    def __enter__(self) -> None:
        self._trace = current_trace()
        if self._trace is not None:
            self._trace.attempts.append(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._trace is not None:
            self._trace.attempts.remove(self)

    def require_safe(self, node: Node) -> None:
        """A located error where the compiled node may raise what the `try` would have to catch."""
        for name in _errors_of(node):
            if self._catches is None or issubclass(getattr(builtins, name), self._catches()):
                self.refuse(f"this may raise {name}", node.loc)

    def refuse(self, what: str, loc: Loc) -> None:
        """The error of `what`, inside the `try`."""
        where = f"the {self._statement} in line {self._loc.line}"
        raise NotSupportedYetError(
            f"{what} when the compiled code runs, and {where} covers only what is raised while staging",
            loc=loc,
            hint=f"do it before or after the {self._statement}, or test for the error beforehand, as in: if d != 0",
        )


def _errors_of(node: Node) -> Sequence[str]:
    """The errors that a node may raise."""
    if node.primitive is CHECK:
        return (str(dict(node.attrs)["error"]),)
    if node.primitive is not HOST_CALL and not node.effect.raises:
        return ()
    return _ARITHMETIC_ERRORS if node.primitive in ARITHMETIC else sorted(ERROR_NAMES)


_ARITHMETIC_ERRORS = ("OverflowError", "ZeroDivisionError", "ValueError")


def run_finally() -> bool:
    """Whether `finally` has its turn: not while staging is about to trace what it follows again."""
    return not isinstance(sys.exc_info()[1], UNCAUGHT)
