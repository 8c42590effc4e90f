"""From a Python function to its virtualised form, with the operators of staging."""

from __future__ import annotations

from types import FunctionType

from ..errors import SourceError, SyntaxNotSupportedError
from ..virtualize import Virtualized, virtualize
from .operators import operators_for


def rewritten(virtualized: Virtualized, function: FunctionType, *, recursive: bool = True) -> FunctionType:
    """The virtualised form of `function`. `recursive`: whether functions that it calls are virtualised as well."""
    rewrite = rewrite_called if recursive else None
    operators = operators_for(virtualized.assigned, virtualized.assigned_outside, rewrite=rewrite)
    return virtualized.instantiate(function, operators)


def rewrite_called(function: FunctionType) -> FunctionType | None:
    """A function that a virtualised one calls, virtualised; None where it cannot be and has to run as it stands.

    A branch on a staged value in it is then a located error, so nothing goes wrong unseen.
    """
    try:
        return rewritten(virtualize(function), function)
    except (SourceError, SyntaxNotSupportedError):
        return None
