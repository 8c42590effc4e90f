"""Lines of C++ that remember the Python line they come from, and the two ways to write them out.

In: lines with an indentation and a `Loc` where they come from the user's program. Out: the text for the compiler,
with `#line` directives, and the text for people, with the Python line as a comment. Both have the same lines.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ...loc import Loc

INDENT = "  "
_COMMENT_COLUMN = 60
_LONGEST_LINE = 100


@dataclass(frozen=True, slots=True)
class Line:
    """One line of C++. `loc` is None for what belongs to no line of the user's; `commented` lines show theirs."""

    depth: int
    text: str
    loc: Loc | None = None
    commented: bool = False

    @property
    def indented(self) -> str:
        return INDENT * self.depth + self.text if self.text else ""


def list_lines(start: str, items: Sequence[str], end: str, *, depth: int) -> list[Line]:
    """`start items, ... end` on as many lines as it needs."""
    lines: list[Line] = []
    text = start
    for index, item in enumerate(items):
        piece = item + (end if index == len(items) - 1 else ",")
        if text != start and len(text) + len(piece) + 1 > _LONGEST_LINE:
            lines.append(Line(depth + 2 * bool(lines), text))
            text = piece
        else:
            text += piece if text == start else f" {piece}"
    lines.append(Line(depth + 2 * bool(lines), text if items else start + end))
    return lines


def render_listing(lines: Iterable[Line]) -> str:
    """The program for people."""
    texts = []
    for line in lines:
        text = line.indented
        if line.commented and line.loc is not None:
            comment = f"// {base_name(line.loc.file)}:{line.loc.line}"
            text = f"{text:<{_COMMENT_COLUMN}}  {comment}"
        texts.append(text)
    return "\n".join(texts) + "\n"


def render_source(lines: Iterable[Line], own_name: str) -> str:
    """The program for the compiler: lines of the user's program claim to be there, the others to be in `own_name`."""
    texts: list[str] = []
    file, number = own_name, 1
    for line in lines:
        if line.loc is not None:
            wanted_file, wanted_number = line.loc.file, line.loc.line
        else:
            directive_lines = 0 if file == own_name else 1
            wanted_file, wanted_number = own_name, len(texts) + 1 + directive_lines
        if wanted_file != file:
            texts.append(f'#line {wanted_number} "{_quoted(wanted_file)}"')
        elif wanted_number != number:
            texts.append(f"#line {wanted_number}")
        texts.append(line.indented)
        file, number = wanted_file, wanted_number + 1
    return "\n".join(texts) + "\n"


@lru_cache(maxsize=256)
def base_name(file: str) -> str:
    """The file's name without its folder."""
    return os.path.basename(file) or file


@lru_cache(maxsize=256)
def _quoted(file: str) -> str:
    return file.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
