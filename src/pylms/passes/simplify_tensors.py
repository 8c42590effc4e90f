"""Rewrite tensor operations so that a training step fuses (DESIGN D8).

In: a function, after differentiation. Out: an equal one with fewer and smaller tensor operations: transposes folded
into matrix products, products along an axis of one element as outer products, scalar factors gathered on the smallest
operand, signs and constants folded, work before a broadcast rather than after it.

What is kept and what is not: values are equal up to rounding. Nobody promised the order in which a tensor expression
rounds, so two constant factors become one, a division by a constant becomes a product with its reciprocal, and a
factor moves between the operands of a product. Sums are not reassociated. A zero may change its sign, where 0 is
added or subtracted. Scalars of Python's own types are left alone: their rounding is promised.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.node import Function
from . import simplify_rules_arithmetic, simplify_rules_parts, simplify_rules_shape  # noqa: F401 - they fill the table
from .tensor_rewriter import TensorRewriter


@dataclass(frozen=True)
class SimplifyTensors:
    """D8's rewrites. What they make unused stays for `dce` to drop."""

    name: str = "simplify_tensors"

    def run(self, function: Function) -> Function:
        return TensorRewriter(function).run()
