"""The native functions of a program while it is differentiated, and those that are made of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from itertools import count

from ..ir.call_graph import with_call_effects
from ..ir.node import Block, Function


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

    def finish(self, body: Block) -> Function:
        """The main function with that body, with all native functions."""
        for name in list(self._waiting):
            self.function(name)
        return with_call_effects(replace(self._main, body=body, functions=tuple(self.functions.values())))
