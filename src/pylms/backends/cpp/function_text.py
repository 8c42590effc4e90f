"""One C++ function while it is written."""

from __future__ import annotations

from dataclasses import dataclass, field

from .text import Line


@dataclass(slots=True)
class FunctionText:
    """A C++ function being written: its lines, and what it turned out to need.

    `declarations`: lines that come first.
    `jumps`: errors leave it by a jump to the entry point, and not with a status.
    """

    lines: list[Line] = field(default_factory=list)
    declarations: list[Line] = field(default_factory=list)
    depth: int = 1
    uses_context: bool = False
    uses_arena: bool = False
    can_fail: bool = False
    jumps: bool = False

    def leading_parameters(self) -> tuple[tuple[str, str], ...]:
        """Declaration and name of the parameters that every generated function passes on where it is needed."""
        context = (("pylms_context *ctx", "ctx"),) if self.uses_context else ()
        arena = (("char *arena", "arena"),) if self.uses_arena else ()
        return (*context, *arena)
