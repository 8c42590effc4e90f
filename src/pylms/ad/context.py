"""What all sweeps over one range of nodes share: tape, memory for adjoints, and the native functions of the program."""

from __future__ import annotations

from collections.abc import Iterable, Set

from ..errors import NotSupportedYetError
from ..ir.builder import Builder
from ..ir.effects import Place
from ..ir.node import Node, Sym
from ..ir.types import TAPE
from ..loc import Loc
from .program import Program
from .shadows import ShadowRegions, Shadows


def written_places(nodes: Iterable[Node]) -> set[Place]:
    """The memory that nodes write."""
    return {place for node in nodes for place in node.effect.writes}


class Context:
    """One range of nodes of one function, with what is called from it."""

    def __init__(
        self,
        builder: Builder,
        program: Program,
        *,
        unstable: Set[Place],
        regions: ShadowRegions | None = None,
        tape: Sym | None = None,
    ) -> None:
        """`unstable`: the memory that the range writes, so that it cannot be read again.

        `regions`, `tape`: those to use, where the range is the body of a native function.
        """
        self.program = program
        self.shadows = Shadows(builder, regions or ShadowRegions(program))
        self.unstable = unstable
        self._builder = builder
        self._tape = tape
        self._of_shadows: dict[Sym, Sym] = {}
        self._of_adjoints: dict[Sym, Sym] = {}
        self._refusal = ""

    def refuse_tape(self, reason: str) -> None:
        """From here on nothing can be kept, for that reason."""
        self._refusal = reason

    def own_tape(self, loc: Loc) -> Sym:
        """The tape on which forward nodes leave what the sweep needs. `loc`: of what it goes through."""
        if self._refusal:
            hint = "call backward() in the block that computes the loss"
            raise NotSupportedYetError(self._refusal, loc=loc, hint=hint)
        if self._tape is None:
            self._tape = self._builder.fresh(TAPE, "tape")
        return self._tape

    @property
    def tape(self) -> Sym | None:
        """The sweep's own tape, where it turned out to need one."""
        return self._tape

    def adjoints_of(self, memory: Sym) -> Sym | None:
        """The tape or buffer with the adjoints of what another one holds; None where there is none."""
        return self._of_adjoints.get(memory)

    def shadows_of(self, tape: Sym) -> Sym:
        """The tape that holds the shadows of the arrays that another one holds."""
        if tape not in self._of_shadows:
            self._of_shadows[tape] = self._builder.fresh(TAPE, f"{tape.name}_shadows" if tape.name else "")
        return self._of_shadows[tape]

    def pair(self, memory: Sym, adjoints: Sym) -> None:
        """Let `adjoints` hold the adjoints of what `memory` holds."""
        self._of_adjoints[memory] = adjoints
