"""Modules that are loaded when something in them is first used, so that programs without it start without it (ADR 11).

In: the name of a module. Out: what stands for it. Where modules meet, one imports the other for type checkers only, and
for the run takes the late module of the same name:

    if TYPE_CHECKING:
        from . import arrays
    else:
        arrays = late_module("pylms.staging.arrays")
"""

from __future__ import annotations

from importlib import import_module


class LateModule:
    """Has the attributes of a module; the first one that is asked for loads it."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __getattr__(self, attribute: str) -> object:
        if attribute.startswith("__"):
            raise AttributeError(attribute)  # asked by tools that look at what this is: no reason to load anything
        value: object = getattr(import_module(self.__name__), attribute)
        self.__dict__[attribute] = value
        return value


def late_module(name: str) -> LateModule:
    """What stands for the module of that full name."""
    return LateModule(name)
