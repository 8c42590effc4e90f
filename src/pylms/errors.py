"""The error tree (DESIGN D16). Every error a user can cause says where, what is wrong, and what to do.

In: a message, the `Loc` it concerns, a hint. Out: exceptions whose text holds file, line and caret excerpt.
"""

from __future__ import annotations

from .loc import Loc


class PylmsError(Exception):
    """The root of every error this library raises on purpose.

    `message` says what is wrong, `loc` where (None only where no user code is involved, as for a missing
    compiler), `hint` what to do about it.
    """

    def __init__(self, message: str, *, loc: Loc | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.loc = loc
        self.hint = hint

    def __str__(self) -> str:
        lines = [self.message if self.loc is None else f"{self.loc}: {self.message}"]
        if self.loc is not None and (excerpt := self.loc.excerpt()):
            lines.append(excerpt)
        if self.hint is not None:
            lines.append(f"help: {self.hint}")
        return "\n".join(lines)


class SourceError(PylmsError):
    """The source of a function to be virtualised is not available."""


class SyntaxNotSupportedError(PylmsError):
    """Syntax that a virtualised function may not contain."""


class StagingError(PylmsError):
    """A staged value is used where Python needs a plain one, or the other way about."""


class StagedTypeError(PylmsError, TypeError):
    """Staged types that do not fit: across branches, across iterations, or as operands."""


class NotSupportedYetError(PylmsError, NotImplementedError):
    """A feature the project means to have and does not have yet; see docs/limitations.md."""


class ArgumentError(PylmsError, TypeError):
    """A compiled function was called with arguments it cannot take."""


class OutdatedError(ArgumentError):
    """What a function was compiled for has changed since; it is staged again, once, before this reaches a user."""


class TorchFeatureError(PylmsError):
    """A PyTorch operation, module, loader or optimiser feature that cannot be staged."""


class AutogradError(PylmsError, RuntimeError):
    """A derivative that PyTorch refuses as well: of a graph that was freed, or by what has no part in it."""


class ToolchainError(PylmsError):
    """No C++ compiler was found, or it failed; `log_path` tells where its output was kept."""

    def __init__(
        self, message: str, *, loc: Loc | None = None, hint: str | None = None, log_path: str | None = None
    ) -> None:
        super().__init__(message, loc=loc, hint=hint)
        self.log_path = log_path


class DataError(PylmsError):
    """Data files are missing or corrupt."""


class InternalError(PylmsError):
    """A bug in this compiler, not in the user's program. `ir` holds the IR that showed it, printed."""

    def __init__(self, message: str, *, loc: Loc | None = None, ir: str | None = None) -> None:
        hint = "this is a bug in Snek-LMS; please report it with the program and the IR below"
        super().__init__(message, loc=loc, hint=hint)
        self.ir = ir

    def __str__(self) -> str:
        return super().__str__() + (f"\n{self.ir}" if self.ir else "")
