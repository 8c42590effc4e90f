"""What staging decided, told to users who ask (`.diagnostics()`)."""

from __future__ import annotations

from ..loc import Loc
from ..records import record


@record(frozen=True, slots=True)
class Note:
    """One decision: where, of what kind (`loop`, `function`, `arrays`, ...), and in words."""

    loc: Loc
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.loc.file}:{self.loc.line}: {self.kind}: {self.text}"
