"""Python AST to Python AST: control flow and variables become calls of operators (DESIGN §2, D1 to D4)."""

from __future__ import annotations

from .context import OPERATOR_NAMES
from .pipeline import Virtualized, virtualize
from .rebind import is_rewritten

__all__ = ["OPERATOR_NAMES", "Virtualized", "is_rewritten", "virtualize"]
