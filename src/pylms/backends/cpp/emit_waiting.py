"""C++ for matrices to which products of rows may be added later (waiting.h): memory behind them, and what is called."""

from __future__ import annotations

from ...ir.node import Atom, Const, Node
from ...ir.ops.buffers import SETTLE
from ...ir.types import BufferType, TensorType
from .emit_rules import emit_rules
from .emitter import Emitter

_PADDING = 16
_HEADER = "waiting.h"
# With more rows at a time, a product is bound by arithmetic, which waiting does not save.
_MOST_ROWS = 4


def buffer_bytes(type_: BufferType) -> int:
    """What a buffer takes in memory, with the rows that may wait and their number."""
    if not type_.waiting:
        return type_.size * type_.dtype.itemsize
    elements = _padded(type_.size) + type_.waiting * sum(map(_padded, type_.shape)) + _PADDING
    return elements * type_.dtype.itemsize


def _padded(count: int) -> int:
    return -(-count // _PADDING) * _PADDING


@emit_rules.define(SETTLE)
def _emit_settle(emitter: Emitter, node: Node) -> None:
    settle(emitter, node.args[0])


def settle(emitter: Emitter, buffer: Atom) -> None:
    """Add what waits to be added."""
    if _of(buffer).waiting:
        emitter.line(f"{_function(emitter, 'settle', buffer)}({emitter.expression(buffer)});")


def start_waiting(emitter: Emitter, buffer: Atom) -> None:
    """Nothing waits in the memory of a new buffer."""
    if _of(buffer).waiting:
        emitter.line(f"{_function(emitter, 'nothing_waits', buffer)}({emitter.expression(buffer)});")


def may_wait(update: Node) -> bool:
    """Whether a `matmul_update` adds a few products of rows to a matrix that lets them wait."""
    buffer, alpha, beta, left, right, *others = update.args
    assert isinstance(left.type, TensorType) and isinstance(right.type, TensorType)
    rows = left.type.shape[0 if update.attr("transpose_a") else 1]
    are_rows = rows == 1 or (update.attr("transpose_a") and not update.attr("transpose_b"))
    is_plain = not others and _is_one(alpha) and _is_one(beta)
    return bool(_of(buffer).waiting and are_rows and 0 < rows <= _MOST_ROWS and is_plain)


def emit_add_later(emitter: Emitter, update: Node) -> None:
    """Such an update."""
    buffer, _, _, *factors = update.args
    assert isinstance(factors[0].type, TensorType)
    left, right = map(emitter.expression, factors)
    height, width = _of(buffer).shape
    function = _function(emitter, "add_later", buffer)
    for row in range(factors[0].type.size // height):
        offsets = [f" + {row * size}" if row else "" for size in (height, width)]
        emitter.line(f"{function}({emitter.expression(buffer)}, {left}{offsets[0]}, {right}{offsets[1]});")


def _function(emitter: Emitter, name: str, buffer: Atom) -> str:
    emitter.include(_HEADER)
    height, width = _of(buffer).shape
    return f"pylms::{name}<{height}, {width}, {_of(buffer).waiting}>"


def _of(buffer: Atom) -> BufferType:
    assert isinstance(buffer.type, BufferType)
    return buffer.type


def _is_one(atom: Atom) -> bool:
    return isinstance(atom, Const) and atom.value == 1
