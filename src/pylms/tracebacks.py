"""What users see of a traceback: their own frames (DESIGN D16).

In: an exception on its way to the user. Out: the same exception, its traceback without this library's frames, or
the place in the user's code that it comes from; and for errors of compiled code, a frame at the user's line.
"""

from __future__ import annotations

import ast
import dis
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache, wraps
from types import CodeType, TracebackType
from typing import Any, TypeVar, cast

from .errors import InternalError, PylmsError
from .loc import Loc, is_user_file, loc_in_code
from .options import Options

Entry = TypeVar("Entry", bound=Callable[..., Any])
_RAISE = dis.opmap["RAISE_VARARGS"]


def error_loc(error: BaseException) -> Loc | None:
    """The place in the innermost of the user's frames that the error went through; None where it met none."""
    innermost = None
    for entry in _entries(error.__traceback__):
        if is_user_file(entry.tb_frame.f_code.co_filename):
            innermost = entry
    if innermost is None:
        return None
    return loc_in_code(innermost.tb_frame.f_code, innermost.tb_lasti)


def is_raised_by_statement(error: BaseException) -> bool:
    """Whether a `raise` statement raised it, and no operation that failed."""
    innermost = _innermost(error)
    return innermost is not None and innermost.tb_frame.f_code.co_code[innermost.tb_lasti] == _RAISE


def hide_library_frames(error: BaseException) -> None:
    """Take this library's frames out of the error's traceback and of those of the errors it arose from.

    An error that this library did not mean to raise keeps them: they tell where its bug is.
    """
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        each = pending.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        if _is_meant_for_users(each):
            each.__traceback__ = _of_users(each.__traceback__)
        pending += [each.__cause__, each.__context__]


def hiding_library_frames(function: Entry) -> Entry:
    """A function that users call: its errors come without the library's frames (before Python 3.11, one is left)."""

    @wraps(function)
    def entry(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except PylmsError as error:
            if not Options.from_environment().full_tracebacks:
                hide_library_frames(error)
            if sys.version_info < (3, 11):
                raise error  # a bare `raise` would bring the frames back
            raise

    return cast(Entry, entry)


def place_at(error: BaseException, loc: Loc, function: str) -> None:
    """Give an error that compiled code raised a traceback of one frame: the line of Python that it comes from."""
    namespace: dict[str, object] = {"error": error}
    try:
        exec(_raising_code(loc, function), namespace)
    except type(error):
        assert error.__traceback__ is not None
        error.__traceback__ = error.__traceback__.tb_next
    namespace.clear()  # or the error would hold itself


def _is_meant_for_users(error: BaseException) -> bool:
    if isinstance(error, PylmsError):
        return not isinstance(error, InternalError)
    innermost = _innermost(error)
    return innermost is None or is_user_file(innermost.tb_frame.f_code.co_filename)


def _entries(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _innermost(error: BaseException) -> TracebackType | None:
    return next(reversed(list(_entries(error.__traceback__))), None)


def _of_users(traceback: TracebackType | None) -> TracebackType | None:
    kept = [each for each in _entries(traceback) if is_user_file(each.tb_frame.f_code.co_filename)]
    result: TracebackType | None = None
    for each in reversed(kept):
        result = TracebackType(result, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return result


@lru_cache(maxsize=256)
def _raising_code(loc: Loc, function: str) -> CodeType:
    """Code that raises the global `error` at that position."""
    position = {
        "lineno": loc.line,
        "col_offset": loc.col or 0,
        "end_lineno": loc.end_line or loc.line,
        "end_col_offset": len(loc.text.encode()) if loc.end_col is None else loc.end_col,
    }
    raising = ast.Raise(ast.Name("error", ast.Load(), **position), None, **position)
    code = compile(ast.Module([raising], []), loc.file, "exec")
    if sys.version_info >= (3, 11):
        return code.replace(co_name=function, co_qualname=function)
    return code.replace(co_name=function)
