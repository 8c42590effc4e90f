"""The C++ backend as the protocol sees it (DESIGN D13)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...ir.node import Function
from ..base import FunctionPass, SourceBundle
from . import (  # noqa: F401 - each fills the table of rules
    emit_arithmetic,
    emit_array_nests,
    emit_arrays,
    emit_control,
    emit_dicts,
    emit_elementary,
    emit_functions,
    emit_fused,
    emit_host,
    emit_integers,
    emit_lists,
    emit_matmul,
    emit_random,
    emit_tapes,
    emit_tensor_parts,
    emit_tensors,
    emit_texts,
    emit_variables,
    emit_waiting,
    emit_windows,
)
from .legalise import PASSES
from .memory_plan import plan_memory
from .module import emit_module

INCLUDE_DIRECTORY = Path(__file__).parent / "include"


@dataclass(frozen=True, slots=True)
class CppBackend:
    """C++ through g++ or clang.

    `checks=False` leaves out Python's tests for overflow, zero divisors and bounds: ints wrap, floats follow IEEE 754.
    `threads` is how many run parallel loops; 0 for as many as there are cores.
    """

    checks: bool = True
    threads: int = 0
    name: str = "cpp"

    def legalise(self) -> tuple[FunctionPass, ...]:
        return PASSES

    def emit(self, function: Function) -> SourceBundle:
        plan = plan_memory(function)
        return emit_module(
            function, checks=self.checks, threads=self.threads, offsets=plan.offsets, planned_bytes=plan.size
        )
