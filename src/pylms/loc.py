"""Source positions: where in the user's program something came from.

In: Python frames and AST nodes. Out: `Loc` values, and the caret excerpt every user error shows.
A `Loc` is plain data; nothing here reads a file until an excerpt is asked for.
"""

from __future__ import annotations

import ast
import linecache
import os
import sys
from functools import lru_cache
from types import CodeType, FrameType

from .records import record

_PACKAGE_DIRECTORY = os.path.dirname(os.path.abspath(__file__)) + os.sep
_PYTHON_DIRECTORY = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_TORCH_DIRECTORY = f"{os.sep}site-packages{os.sep}torch{os.sep}"


@record(frozen=True, slots=True)
class Loc:
    """A range of source text. Lines count from 1, columns (UTF-8 bytes, as in `ast`) from 0.

    `col`, `end_line` and `end_col` are None where Python kept only the line.
    """

    file: str
    line: int
    col: int | None = None
    end_line: int | None = None
    end_col: int | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.col is None else f"{self.file}:{self.line}:{self.col + 1}"

    @property
    def text(self) -> str:
        """The first line of source this points at, without its newline; empty where it cannot be read."""
        return linecache.getline(self.file, self.line).rstrip("\n")

    def excerpt(self) -> str:
        """The source line with carets under the range; empty where the source cannot be read."""
        text = self.text
        if not text.strip():
            return ""
        number = str(self.line)
        start, end = self._caret_range(text)
        margin = " " * len(number)
        return f"  {number} | {text}\n  {margin} | {' ' * start}{'^' * (end - start)}"

    def _caret_range(self, text: str) -> tuple[int, int]:
        indent = len(text) - len(text.lstrip())
        if self.col is None:
            return indent, len(text)
        encoded = text.encode()
        start = len(encoded[: self.col].decode(errors="replace"))
        if self.end_col is None or self.end_line not in (None, self.line):
            return start, max(len(text), start + 1)
        return start, max(len(encoded[: self.end_col].decode(errors="replace")), start + 1)


def loc_of_node(file: str, node: ast.AST) -> Loc:
    """The position of an AST node that carries one (a statement, an expression, an argument)."""
    line: int = getattr(node, "lineno")  # noqa: B009 - ast.AST does not declare it
    return Loc(
        file,
        line,
        getattr(node, "col_offset", None),
        getattr(node, "end_lineno", None),
        getattr(node, "end_col_offset", None),
    )


def caller_loc() -> Loc:
    """The position, in the innermost frame that is neither ours nor PyTorch's, that is running now."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if _is_user_file[code.co_filename]:
            return loc_in_code(code, frame.f_lasti)
        frame = frame.f_back
    return Loc("<unknown>", 1)


def is_user_file(filename: str) -> bool:
    """Whether code from this file is the user's: not this package, not PyTorch, not the frozen import system."""
    return _is_user_file[filename]


class _UserFiles(dict[str, bool]):
    """What was found out about files: asked of each frame around each operation, too often for a call."""

    def __missing__(self, filename: str) -> bool:
        is_ours = filename.startswith(("<frozen", _PACKAGE_DIRECTORY)) or _TORCH_DIRECTORY in filename
        self[filename] = not is_ours
        return not is_ours


_is_user_file = _UserFiles()


def is_called_by_user(frame: FrameType | None) -> bool:
    """Whether this frame was called by the user's code, be it through this package, and not by PyTorch's."""
    frame = frame.f_back if frame is not None else None
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE_DIRECTORY):
        frame = frame.f_back
    return frame is not None and is_user_file(frame.f_code.co_filename)


@lru_cache(maxsize=4096)
def is_library_file(filename: str) -> bool:
    """Whether code from this file is nobody's to rewrite: ours, Python's own, or that of an installed package."""
    if not is_user_file(filename) or filename.startswith(_PYTHON_DIRECTORY):
        return True
    return any(f"{os.sep}{folder}{os.sep}" in filename for folder in ("site-packages", "dist-packages"))


def loc_in_code(code: CodeType, last_instruction: int) -> Loc:
    """The position of an instruction of a code object; its line only where Python kept no more."""
    known = _instructions.get(id(code))
    if known is None:
        if len(_instructions) == _MOST_CODE_OBJECTS:
            _instructions.clear()
        known = _instructions[id(code)] = _Instructions(code)
    return known[last_instruction]


class _Instructions(dict[int, Loc]):
    """The positions of a code object's instructions, as far as they were asked for.

    Keeps the code object, so that its identity stays its own: equal ones may be of different files, and hashing one
    takes long.
    """

    def __init__(self, code: CodeType) -> None:
        super().__init__()
        self._code = code
        self._positions = _positions(code)

    def __missing__(self, last_instruction: int) -> Loc:
        where = last_instruction // 2
        start, end, col, end_col = self._positions[where] if where < len(self._positions) else (None,) * 4
        found = self[last_instruction] = Loc(
            self._code.co_filename, start or self._line(last_instruction), col, end, end_col
        )
        return found

    def _line(self, instruction: int) -> int:
        spans = self._code.co_lines()
        lines = [line for first, after, line in spans if first <= instruction < after and line is not None]
        return lines[0] if lines else self._code.co_firstlineno


def _positions(code: CodeType) -> tuple[tuple[int | None, int | None, int | None, int | None], ...]:
    """For each instruction: first line, last line, first column, last column. Python keeps them since 3.11."""
    if sys.version_info < (3, 11):
        return ()
    return tuple(code.co_positions())


_MOST_CODE_OBJECTS = 4096
_instructions: dict[int, _Instructions] = {}
