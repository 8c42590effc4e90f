"""The table of derivative rules, filled: every family of primitives that has derivatives."""

from __future__ import annotations

from . import (  # noqa: F401
    rules_array_nests,
    rules_arrays,
    rules_calls,
    rules_checkpoints,
    rules_control,
    rules_elementary,
    rules_loops,
    rules_scalar,
    rules_tapes,
    rules_tensor,
    rules_tensor_calls,
    rules_tensor_parts,
    rules_windows,
)
from .sweep import derivative_rules

__all__ = ["derivative_rules"]
