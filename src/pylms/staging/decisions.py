"""What tracing decides about a cell that a staged construct assigns, and the states that come of it.

In: cells and the values they meet. Out: a `Decision`, noted with the outermost construct that the cell is older than,
which is traced again (`Retrace`).
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, NoReturn

from .parameters import is_changeable, items_of
from .rep import StagedValue
from .values import Leaf, describe, describe_static, is_maybe

if TYPE_CHECKING:
    from .cells import Cell
    from .constructs import Construct
    from .context import Trace


class _Unset:
    """The content of a cell that was never assigned."""

    def __repr__(self) -> str:
        return "unset"


UNSET = _Unset()


class Poison:
    """The content of a cell whose value depends on staged control flow in a way that no variable can hold."""

    def __init__(self, construct: Construct, value: object) -> None:
        self.construct = construct
        self.value = value


class Decision(Enum):
    """What a staged construct does with a cell that is older than it."""

    PROMOTE = auto()
    """It becomes IR variables."""
    KEEP = auto()
    """It was promoted and got no assignment: it stays a plain value."""
    LOCAL = auto()
    """It is assigned what cannot be staged: its value is good only within the block that assigned it."""


class Retrace(BaseException):
    """Trace this construct again: a decision about one of its cells has changed."""

    def __init__(self, construct: Construct) -> None:
        super().__init__()
        self.construct = construct


def decide(trace: Trace, cell: Cell, decision: Decision, value: object) -> NoReturn:
    """Trace the outermost construct that the cell is older than again: this decision, made on meeting that value."""
    outermost = trace.constructs_within(cell)[0]
    birth = trace.birth_of(cell)
    outermost.decisions.cells[birth] = decision
    if decision is Decision.LOCAL:
        trace.sites.met[birth] = value
        outermost.decisions.met[birth] = describe_value(trace, value)
    raise Retrace(outermost)


def is_stageable(trace: Trace, value: object) -> bool:
    """Whether a variable can hold it: None, numbers, tensors, and tuples and frozen dataclasses of them."""
    if value is None:
        return True
    if isinstance(value, StagedValue):
        return trace.try_lift(value) is not None
    if is_maybe(value):
        return is_stageable(trace, value.value)
    items = value if isinstance(value, tuple) else None if is_changeable(value) else items_of(value)
    if items is not None:
        return all(is_stageable(trace, item) for item in items)
    return value is not UNSET and not isinstance(value, Poison) and trace.try_lift(value) is not None


def describe_value(trace: Trace, value: object) -> str:
    """How an error message names a Python value: `int`, `a tuple of 2`, `a list`, `a tuple of 2 with a list in it`."""
    while isinstance(value, Poison):
        value = value.value
    if value is UNSET:
        return "nothing"
    if isinstance(value, tuple):
        unstageable = [item for item in value if not is_stageable(trace, item)]
        inside = f" with {describe_value(trace, unstageable[0])} in it" if unstageable else ""
        return f"a tuple of {len(value)}{inside}"
    if is_maybe(value):
        return f"{describe_value(trace, value.value)} or None"
    atom = trace.try_lift(value)
    return describe_static(value) if atom is None else describe(Leaf(atom.type))
