"""The table of emission rules: what each primitive becomes in C++.

A rule writes the statements of its node through the emitter and defines the node's results. Its operands are settled:
`emitter.expression(arg)` is a name or a literal, to be used as often as is needed. Only the rules of the primitives in
`PLACES_OPERANDS` may get operands that are still to be written out, with `emitter.inline(arg, binding)`; such a rule
writes each at most once, at its own level of braces.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...ir.node import Node
from ...ir.ops import arithmetic, buffers, control, functions, host, integers, variables
from ...ir.primitive import Primitive, RuleTable

if TYPE_CHECKING:
    from .emitter import Emitter

EmitRule = Callable[["Emitter", Node], None]

emit_rules: RuleTable[EmitRule] = RuleTable("C++ emission")

PLACES_OPERANDS: frozenset[Primitive] = frozenset(
    (
        *arithmetic.PRIMITIVES,
        *integers.BITWISE,
        *control.PRIMITIVES,
        *functions.PRIMITIVES,
        *host.PRIMITIVES,
        *variables.PRIMITIVES,
        buffers.LOAD_ELEMENT,
        buffers.STORE_ELEMENT,
    )
)
