"""What a pass is: a frozen dataclass with a name and a pure `run` (DESIGN D11)."""

from __future__ import annotations

from typing import Protocol

from ..ir.node import Function


class Pass(Protocol):
    """In: a well-formed function. Out: a well-formed function that does the same."""

    @property
    def name(self) -> str:
        """How dumps and errors call the pass."""

    def run(self, function: Function) -> Function:
        """The rewritten function; the one given is not changed."""
