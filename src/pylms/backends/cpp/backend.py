"""The C++ backend as the protocol sees it (DESIGN D13)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path

from ...ir.node import Function
from ..base import FunctionPass, SourceBundle
from . import (  # noqa: F401 - each fills the table of rules
    emit_arithmetic,
    emit_control,
    emit_fused,
    emit_host,
    emit_matmul,
    emit_tensors,
    emit_variables,
)
from .legalise import PASSES
from .memory_plan import plan_memory
from .module import emit_module

INCLUDE_DIRECTORY = Path(__file__).parent / "include"


@dataclass(frozen=True, slots=True)
class CppBackend:
    """C++ through g++ or clang.

    `checks=False` leaves out Python's tests for overflow, zero divisors and bounds: ints wrap, floats follow IEEE 754.
    """

    checks: bool = True
    name: str = "cpp"

    def legalise(self) -> tuple[FunctionPass, ...]:
        return PASSES

    def emit(self, function: Function) -> SourceBundle:
        plan = plan_memory(function)
        return emit_module(function, checks=self.checks, offsets=plan.offsets, planned_bytes=plan.size)

    def fingerprint(self) -> str:
        return f"{self.name} checks={self.checks} {_digest_of_sources()}"


@cache
def _digest_of_sources() -> str:
    """A digest of the emitter and of the headers that generated code includes."""
    digest = blake2b(digest_size=16)
    package = Path(__file__).parent
    for path in sorted([*package.glob("*.py"), package.parent / "base.py", *INCLUDE_DIRECTORY.glob("*.h")]):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
