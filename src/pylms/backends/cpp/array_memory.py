"""C++ that makes arrays: memory of their own, or that of the loop's round before where no round leaves it behind."""

from __future__ import annotations

from collections.abc import Sequence

from ...ir.node import Sym
from ...ir.types import ArrayType
from .emitter import Emitter
from .literals import ARRAYS_HEADER, scalar_c_type
from .text import Line


def write_new_array(emitter: Emitter, symbol: Sym, extents: Sequence[str], *, zeroed: bool) -> None:
    """Define the symbol as a new array; the function is left where there is no memory for it."""
    assert isinstance(symbol.type, ArrayType)
    emitter.include(ARRAYS_HEADER)
    function, places = "new_array", [emitter.context()]
    if symbol in emitter.made_again:
        memory = emitter.fresh_name(f"{emitter.name_of(symbol)}_memory")
        emitter.function.declarations.append(Line(1, f"pylms::kept_memory {memory} = {{nullptr, 0}};", emitter.loc))
        function, places = "new_array_in", [*places, memory]
    arguments = ", ".join([*places, "true" if zeroed else "false", *extents])
    kind = f"{scalar_c_type(symbol.type.dtype)}, {symbol.type.rank}"
    emitter.define(symbol, f"pylms::{function}<{kind}>({arguments})")
    emitter.line(f"if (!{emitter.name_of(symbol)}.data) {emitter.leave('-1')}")
