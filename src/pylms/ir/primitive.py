"""Primitives, the open half of the IR, and the tables of rules about them.

A primitive is a name. What it means is in tables, one a purpose (type, effect, evaluate, derivative, emit),
so that adding an operation touches the files of its family and no central visitor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from ..errors import InternalError
from ..records import record

Rule = TypeVar("Rule")


@record(frozen=True, slots=True, eq=False)
class Primitive:
    """An operation of the IR. `name` is unique; `symbol` is how the documents' S-expressions write it."""

    name: str
    symbol: str = ""

    def __repr__(self) -> str:
        return self.name

    @property
    def spelling(self) -> str:
        return self.symbol or self.name


class RuleTable(dict[Primitive, Rule]):
    """From primitives to rules of one purpose. Filled while modules load, only read afterwards."""

    def __init__(self, purpose: str) -> None:
        super().__init__()
        self.purpose = purpose

    def define(self, *primitives: Primitive) -> Callable[[Rule], Rule]:
        """Decorator: the function below is the rule of these primitives."""

        def register(rule: Rule) -> Rule:
            for primitive in primitives:
                self[primitive] = rule
            return rule

        return register

    def __missing__(self, primitive: Primitive) -> Rule:
        raise InternalError(f"primitive `{primitive}` has no {self.purpose} rule")

    def missing(self, primitives: Iterable[Primitive]) -> list[Primitive]:
        """Those of `primitives` that this table has no rule for."""
        return [primitive for primitive in primitives if primitive not in self]
