"""The rows of docs/language.md: each is a program, and what becomes of it.

A row that says `staged` is run natively and by Python, on the same arguments; one that says `static` runs too, and has
a second program in which the same thing depends on the run and is refused; one that says `refused` raises the error it
names. The page is written from these rows, and a test compares them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Program = Callable[..., Any]


@dataclass(frozen=True)
class Row:
    """One line of a table.

    section, what: where and what it is called. status: `staged`, `static` or `refused`. arguments: lists of arguments
    to run it with. error: the name of the exception and a part of its message. note: for readers.
    """

    section: str
    what: str
    status: str
    program: Program
    arguments: tuple[tuple[Any, ...], ...] = ()
    error: tuple[str, str] | None = None
    refused_program: Program | None = None
    note: str = ""


ROWS: list[Row] = []


def staged(section: str, what: str, *arguments: tuple[Any, ...], note: str = "") -> Callable[[Program], Program]:
    """The program below means, compiled, what it means in Python."""

    def register(program: Program) -> Program:
        ROWS.append(Row(section, what, "staged", program, arguments, note=note))
        return program

    return register


def static(
    section: str, what: str, *arguments: tuple[Any, ...], error: tuple[str, str], note: str = ""
) -> Callable[[tuple[Program, Program]], tuple[Program, Program]]:
    """Of the two programs, the first has this among values known while staging; the second, refused, of the run."""

    def register(programs: tuple[Program, Program]) -> tuple[Program, Program]:
        known, of_the_run = programs
        ROWS.append(Row(section, what, "static", known, arguments, error, of_the_run, note))
        return programs

    return register


def refused(
    section: str, what: str, *arguments: Any, error: tuple[str, str], note: str = ""
) -> Callable[[Program], Program]:
    """The program below raises that error: staging it, or calling it with those arguments."""

    def register(program: Program) -> Program:
        ROWS.append(Row(section, what, "refused", program, (tuple(arguments),), error, note=note))
        return program

    return register


def page() -> str:
    """docs/language.md."""
    from . import programs  # noqa: F401 - fills ROWS

    lines = [
        "# The language",
        "",
        "What becomes of each part of Python in a function that `@stage` compiles. *staged*: it may depend on the",
        "run, and means what it means in Python. *static*: it works among values that are known while staging; where",
        "it depends on the run it is refused, with the error given. *refused*: always, with the error given. Each row",
        "is a program in `tests/language/programs.py`, which the tests run; `python -m tests.language` writes this",
        "page from them.",
    ]
    for section in dict.fromkeys(row.section for row in ROWS):
        lines += ["", f"## {section}", "", "| | | |", "|---|---|---|"]
        lines += [_line(row) for row in ROWS if row.section == section]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    notes = [row.note] if row.note else []
    if row.error is not None:
        name, message = row.error
        notes.append(f"{name}: {message}")
    cells = (row.what, row.status, "; ".join(notes))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
