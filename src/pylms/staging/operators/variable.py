"""`__var`, `__assign`, `__read`, and the in-place operators on cells."""

from __future__ import annotations

from ..cells import Cell
from ..context import current_trace
from ..decisions import UNSET
from ..rep import Rep


def make_variable(initial: object = UNSET, *, name: str = "variable") -> Cell:
    """A cell, unset or with the value of a parameter that is assigned again."""
    return Cell(name, initial)


def assign(cell: Cell, value: object) -> object:
    """`name = value`, and `(name := value)`."""
    cell.assign(value)
    return value


def delete(cell: Cell) -> None:
    """`del name`."""
    cell.delete()


def read(cell: Cell) -> object:
    """`name`."""
    return cell.read()


def finish_return(value: object) -> object:
    """`return value`: a staged value must belong to the staging run that is going on."""
    if isinstance(value, Rep):
        trace = current_trace()
        if trace is not None:
            value.require_trace(trace)
    return value
