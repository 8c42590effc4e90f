"""What users see of a traceback: their own frames (DESIGN D16).

In: an exception on its way to the user. Out: the same exception, its traceback without this library's frames, or
the place in the user's code that it comes from; and for errors of compiled code, a frame at the user's line.
"""

from __future__ import annotations

import dis
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType, TracebackType

from .loc import Loc, is_user_file, loc_in_code

_RAISE = dis.opmap["RAISE_VARARGS"]


def error_loc(error: BaseException) -> Loc | None:
    """The place in the innermost of the user's frames that the error went through; None where it met none."""
    innermost = None
    for entry in _entries(error.__traceback__):
        if is_user_file(entry.tb_frame.f_code.co_filename):
            innermost = entry
    if innermost is None:
        return None
    return loc_in_code(innermost.tb_frame.f_code, innermost.tb_lasti, innermost.tb_lineno)


def is_raised_by_statement(error: BaseException) -> bool:
    """Whether a `raise` statement raised it, and no operation that failed."""
    innermost = None
    for innermost in _entries(error.__traceback__):
        pass
    return innermost is not None and innermost.tb_frame.f_code.co_code[innermost.tb_lasti] == _RAISE


def hide_library_frames(error: BaseException) -> None:
    """Take this library's frames out of the error's traceback and of those it arose from."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        each = pending.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        each.__traceback__ = _of_users(each.__traceback__)
        pending += [each.__cause__, each.__context__]


def place_at(error: BaseException, loc: Loc, function: str) -> None:
    """Give an error that compiled code raised a traceback of one frame: the line of Python it comes from."""
    try:
        exec(_raising_code(loc.file, loc.line, function), {"error": error})
    except type(error):
        assert error.__traceback__ is not None
        error.__traceback__ = error.__traceback__.tb_next


def _entries(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _of_users(traceback: TracebackType | None) -> TracebackType | None:
    kept = [each for each in _entries(traceback) if is_user_file(each.tb_frame.f_code.co_filename)]
    result: TracebackType | None = None
    for each in reversed(kept):
        result = TracebackType(result, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return result


@lru_cache(maxsize=256)
def _raising_code(file: str, line: int, function: str) -> CodeType:
    code = compile("\n" * (line - 1) + "raise error", file, "exec")
    return code.replace(co_name=function)
