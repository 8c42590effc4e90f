"""What containers hold, in C++: one value, or the leaves of a tuple in a record (record.h)."""

from __future__ import annotations

from collections.abc import Sequence

from ...ir.node import Atom, Sym
from ...ir.types import ElementType, RecordType
from .emitter import Emitter
from .literals import element_c_type


def packed(emitter: Emitter, element: ElementType, leaves: Sequence[Atom]) -> str:
    """The element that those leaves make, as an expression."""
    texts = [emitter.expression(leaf) for leaf in leaves]
    if not isinstance(element, RecordType) or len(texts) == 1:
        return texts[0]
    inner = "".join(f", {{{text}" for text in texts[1:])
    return f"{element_c_type(element)}{{{texts[0]}{inner}{'}' * len(texts)}"


def unpack(emitter: Emitter, element: ElementType, results: Sequence[Sym], text: str) -> None:
    """Define the leaves of an element that an expression gives."""
    if not isinstance(element, RecordType) or len(results) == 1:
        emitter.define(results[0], text)
        return
    item = emitter.fresh_name("item")
    emitter.line(f"const {element_c_type(element)} {item} = {text};")
    for index, result in enumerate(results):
        emitter.define(result, f"pylms::get<{index}>({item})")


def define_container(emitter: Emitter, result: Sym, text: str) -> None:
    """Define a new container; leave the function where there is no memory for it."""
    emitter.define(result, text)
    emitter.line(f"if (!{emitter.name_of(result)}.body) {emitter.leave('-1')}")


def require_memory(emitter: Emitter, succeeds: str) -> None:
    """Do something that can fail for want of memory."""
    emitter.line(f"if (!{succeeds}) {emitter.leave('-1')}")
