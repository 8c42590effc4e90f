"""The native functions of a program while it is differentiated, and those that are made of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from itertools import count

from ..ir.call_graph import with_call_effects
from ..ir.node import Block, Function, walk
from ..ir.types import ArrayType, Region


@dataclass(frozen=True)
class Derived:
    """A function's forward and reverse form, by their names; see `rules_calls`."""

    forward: str
    reverse: str


class Program:
    """A main function and what it calls. `expand` brings a native function into a form that has derivatives."""

    def __init__(self, main: Function, expand: Callable[[Function], Function] | None = None) -> None:
        self._main = main
        self._expand = expand or (lambda function: function)
        self._waiting = {each.name: each for each in main.functions}
        self.functions: dict[str, Function] = {}
        self.derived: dict[Hashable, Derived] = {}
        self._regions = 0
        self._names = {main.name, *self._waiting}

    def function(self, name: str) -> Function:
        """The native function of that name, in which nothing is left to differentiate."""
        if name not in self.functions:
            self.functions[name] = self._expand(self._waiting.pop(name))
        return self.functions[name]

    def add(self, function: Function) -> None:
        """A function made by differentiation."""
        self.functions[function.name] = function

    def fresh_name(self, wanted: str) -> str:
        """A name that no function has."""
        candidates: Iterator[str] = (f"{wanted}{number or ''}" for number in count())
        name = next(each for each in candidates if each not in self._names)
        self._names.add(name)
        return name

    def fresh_region(self) -> Region:
        """A region that no array lies in."""
        if not self._regions:
            functions = (self._main, *self._waiting.values(), *self.functions.values())
            self._regions = max(map(_highest_region, functions))
        self._regions += 1
        return Region(self._regions)

    def finish(self, body: Block) -> Function:
        """The main function with that body, with all native functions."""
        for name in list(self._waiting):
            self.function(name)
        return with_call_effects(replace(self._main, body=body, functions=tuple(self.functions.values())))


def _highest_region(function: Function) -> int:
    """The greatest number of a region that arrays of a function lie in, or will."""
    nodes = list(walk(function.body))
    symbols = [*function.params, *[result for node in nodes for result in node.results]]
    numbers = [symbol.type.region.number for symbol in symbols if isinstance(symbol.type, ArrayType)]
    return max(numbers, default=0)
