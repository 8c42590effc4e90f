"""Ordinary functions, each with the arguments it is tried on: every construct, in every nesting that could matter.

Nothing here is decorated with the library's names: the tests rewrite the functions and compare.
"""

from tests.virtualize.corpus import (
    algorithms,
    changes,
    classes,
    closures,
    expressions,
    loops,
    matches,
    reductions,
    returns,
    shadowing,
    tries,
    variables,
    walrus,
)
from tests.virtualize.corpus.record import CASES, events

__all__ = [
    "CASES",
    "algorithms",
    "changes",
    "classes",
    "closures",
    "events",
    "expressions",
    "loops",
    "matches",
    "reductions",
    "returns",
    "shadowing",
    "tries",
    "variables",
    "walrus",
]
