"""Backends by name, imported when first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import PylmsError

if TYPE_CHECKING:
    from .base import Backend

BACKEND_NAMES = ("cpp",)


def backend_named(name: str, *, checks: bool = True, threads: int = 0) -> Backend:
    """The backend of that name, with Python's checks or without them (DESIGN D7), and threads for parallel loops."""
    if name == "cpp":
        from .cpp.backend import CppBackend

        return CppBackend(checks=checks, threads=threads)
    known = ", ".join(BACKEND_NAMES)
    raise PylmsError(f"there is no backend `{name}`", hint=f"use one of: {known}")
