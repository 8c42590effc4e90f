"""Exceptions that Python code raises while it is traced under staged control flow.

Whether a branch or loop body runs is known only when the compiled code runs, and so is whether what it raises is
raised. In: an exception that left a block while it was traced. Out: a node that raises it when the block runs, and
a block that ends there.
"""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, NoReturn

from ..errors import NotSupportedYetError, PylmsError
from ..ir.node import Const
from ..ir.ops.control import CHECK, ERROR_NAMES
from ..ir.types import BOOL
from ..loc import caller_loc
from ..tracebacks import error_loc, is_raised_by_statement

if TYPE_CHECKING:
    from .context import Trace

_PLAIN = (bool, int, float, str, type(None))


class AlwaysRaises(BaseException):
    """What is being traced raises whenever it runs: nothing after it is reached."""


def always_raise(trace: Trace, error: str, message: str) -> NoReturn:
    """Emit the raising of an exception: nothing after it is reached."""
    trace.emit(CHECK, [Const(False, BOOL)], attrs={"error": error, "message": message})
    raise AlwaysRaises


def stage_error(trace: Trace, error: Exception) -> None:
    """Emit the raising of an exception at the place it comes from.

    Raises it again where it tells of the staging itself and not of the program: the library's errors, and those that
    failed operations on staged values give. NotSupportedYetError where compiled code cannot raise it.
    """
    name = type(error).__name__
    loc = error_loc(error) or caller_loc()
    is_builtin = getattr(builtins, name, None) is type(error)
    if is_builtin and name in ERROR_NAMES and all(isinstance(part, _PLAIN) for part in error.args):
        trace.emit(CHECK, [Const(False, BOOL)], attrs={"error": name, "message": str(error)}, loc=loc)
    elif isinstance(error, PylmsError) or not is_raised_by_statement(error):
        raise error
    elif is_builtin and name in ERROR_NAMES:
        raise NotSupportedYetError(
            f"a {name} with a staged value in its message is not supported yet", loc=loc, hint="use a plain message"
        )
    else:
        names = ", ".join(sorted(ERROR_NAMES))
        raise NotSupportedYetError(
            f"raising {name} under staged control flow is not supported yet",
            loc=loc,
            hint=f"compiled code can raise {names}",
        )
