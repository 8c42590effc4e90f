"""Reverse-mode differentiation of structured SSA (DESIGN D12).

In: a `Function` without IR variables. Out: one where every `backward` node is replaced by its reverse sweep.
"""

from __future__ import annotations

from .reverse import Differentiate, gradient_function
from .sweep import DerivativeRule, Sweep, derivative_rules

__all__ = ["DerivativeRule", "Differentiate", "Sweep", "derivative_rules", "gradient_function"]
