"""What the corpus is written with: `case` registers a function, `note` records a side effect."""

from typing import Any

CASES: list[tuple[Any, tuple[Any, ...]]] = []
events: list[str] = []


def note(value):
    events.append(repr(value))
    return value


def case(*argument_lists):
    def register(function):
        CASES.extend((function, arguments) for arguments in argument_lists)
        return function

    return register


class Manager:
    def __init__(self, name, swallows=()):
        self.name = name
        self.swallows = swallows

    def __enter__(self):
        note(("enter", self.name))
        return self

    def __exit__(self, kind, error, traceback):
        # An unset name may be told by NameError or by its subclass UnboundLocalError: see test_same_behaviour.
        kind_seen = NameError if kind is UnboundLocalError else kind
        note(("exit", self.name, kind_seen and kind_seen.__name__))
        return kind is not None and issubclass(kind, self.swallows)


class Loud:
    """Comparisons and truth tests are side effects."""

    def __init__(self, value):
        self.value = value

    def __repr__(self):
        return f"Loud({self.value})"

    def __lt__(self, other):
        note((self, "<", other))
        return Loud(self.value < getattr(other, "value", other))

    def __gt__(self, other):
        note((self, ">", other))
        return Loud(self.value > getattr(other, "value", other))

    def __bool__(self):
        note(("bool", self))
        return bool(self.value)
