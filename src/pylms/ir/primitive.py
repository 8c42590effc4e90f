"""Primitives, the open half of the IR, and the tables of rules about them.

A primitive is a name. What it means is in tables, one a purpose (type, effect, evaluate, derivative, emit),
so that adding an operation touches the files of its family and no central visitor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

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


class RuleTable(Generic[Rule]):
    """From primitives to rules of one purpose. Filled while modules load, only read afterwards."""

    def __init__(self, purpose: str) -> None:
        self.purpose = purpose
        self._rules: dict[Primitive, Rule] = {}

    def define(self, *primitives: Primitive) -> Callable[[Rule], Rule]:
        """Decorator: the function below is the rule of these primitives."""

        def register(rule: Rule) -> Rule:
            for primitive in primitives:
                self._rules[primitive] = rule
            return rule

        return register

    def __getitem__(self, primitive: Primitive) -> Rule:
        try:
            return self._rules[primitive]
        except KeyError:
            raise InternalError(f"primitive `{primitive}` has no {self.purpose} rule") from None

    def __contains__(self, primitive: Primitive) -> bool:
        return primitive in self._rules

    def missing(self, primitives: Iterable[Primitive]) -> list[Primitive]:
        """Those of `primitives` that this table has no rule for."""
        return [primitive for primitive in primitives if primitive not in self._rules]
