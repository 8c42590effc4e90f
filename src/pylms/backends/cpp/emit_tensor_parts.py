"""C++ for copying parts of tensors to their places, adding up at positions, and sorting: all have their own kernels."""

from __future__ import annotations

from contextlib import ExitStack
from math import prod

from ...ir.node import Atom, Const, Node
from ...ir.ops.fusion import SCATTER_UPDATE
from ...ir.ops.one_hot_products import ONE_HOT_PRODUCT, ONE_HOT_SUMS
from ...ir.ops.tensor_gathers import ORDER, SCATTER_ADD, SCATTER_ADD_ALONG
from ...ir.ops.tensor_regions import CONCAT, PLACE
from ...ir.ops.tensors import integers_of
from ...ir.types import BufferType, TensorType
from .emit_rules import emit_rules
from .emit_variables import array_bytes
from .emitter import Emitter
from .literals import Binding, is_in_register


def _type(atom: Atom) -> TensorType:
    assert isinstance(atom.type, TensorType)
    return atom.type


def _axis(node: Node) -> int:
    axis = node.attr("axis")
    assert isinstance(axis, int)
    return axis


def _new(emitter: Emitter, node: Node) -> str:
    """Memory for the result."""
    (result,) = node.results
    emitter.define(result, emitter.allocate(result, array_bytes(_type(result))))
    return emitter.name_of(result)


def _new_zeros(emitter: Emitter, node: Node) -> str:
    name = _new(emitter, node)
    emitter.line(f"__builtin_memset({name}, 0, {array_bytes(_type(node.results[0]))});")
    return name


def _loop(emitter: Emitter, hint: str, count: int, stack: ExitStack) -> str:
    """Open a loop that lasts as long as the stack; its index."""
    if count == 1:
        return "0"
    index = emitter.fresh_name(hint)
    stack.enter_context(emitter.braces(f"for (long long {index} = 0; {index} < {count}; ++{index})"))
    return index


def _offset(*terms: tuple[str, int], start: int = 0) -> str:
    """`index * stride + ... + start`, without what is zero."""
    parts = [index if stride == 1 else f"{index} * {stride}" for index, stride in terms if index != "0"]
    return " + ".join([*parts, *([str(start)] if start or not parts else [])])


@emit_rules.define(CONCAT)
def _emit_concat(emitter: Emitter, node: Node) -> None:
    type_, axis = _type(node.results[0]), _axis(node)
    target = _new(emitter, node)
    inner, row = prod(type_.shape[axis + 1 :]), prod(type_.shape[axis:])
    start = 0
    with ExitStack() as stack:
        index = _loop(emitter, "row", prod(type_.shape[:axis]), stack)
        for part in node.args:
            run = _type(part).shape[axis] * inner
            if run:
                here, there = _offset((index, row), start=start), _offset((index, run))
                _copy(emitter, f"{target} + {here}", part, there, run)
            start += run


@emit_rules.define(PLACE)
def _emit_place(emitter: Emitter, node: Node) -> None:
    (source,) = node.args
    type_, sizes = _type(node.results[0]), _type(source).shape
    target = (_new if prod(sizes) == type_.size else _new_zeros)(emitter, node)
    if not prod(sizes):
        return
    starts, steps = integers_of(node, "starts"), integers_of(node, "steps")
    looped, run = _contiguous(type_.shape, sizes, steps)
    here: list[tuple[str, int]] = []
    there: list[tuple[str, int]] = []
    with ExitStack() as stack:
        for axis in range(looped):
            index = _loop(emitter, "i", sizes[axis], stack)
            here.append((index, steps[axis] * prod(type_.shape[axis + 1 :])))
            there.append((index, prod(sizes[axis + 1 :])))
        offset = sum(start * prod(type_.shape[axis + 1 :]) for axis, start in enumerate(starts))
        _copy(emitter, f"{target} + {_offset(*here, start=offset)}", source, _offset(*there), run)


def _copy(emitter: Emitter, target: str, source: Atom, there: str, count: int) -> None:
    """Copy that many elements in a row."""
    size = count * _type(source).dtype.itemsize
    emitter.line(f"__builtin_memcpy({target}, {emitter.expression(source)} + {there}, {size});")


def _contiguous(shape: tuple[int, ...], sizes: tuple[int, ...], steps: tuple[int, ...]) -> tuple[int, int]:
    """How many leading axes need a loop, and how many elements in a row there are in the others."""
    axis, run = len(shape), 1
    while axis and (steps[axis - 1] == 1 or sizes[axis - 1] == 1):
        axis -= 1
        run *= sizes[axis]
        if sizes[axis] != shape[axis]:
            break
    return axis, run


@emit_rules.define(SCATTER_ADD)
def _emit_scatter_add(emitter: Emitter, node: Node) -> None:
    index, updates = node.args
    _add_at_positions(emitter, node, _new_zeros(emitter, node), _type(node.results[0]).shape, index, updates)


@emit_rules.define(SCATTER_UPDATE)
def _emit_scatter_update(emitter: Emitter, node: Node) -> None:
    buffer, alpha, index, updates = node.args
    assert isinstance(buffer.type, BufferType)
    factor = "" if isinstance(alpha, Const) and alpha.value == 1 else f"{emitter.inline(alpha, Binding.UNARY)} * "
    _add_at_positions(emitter, node, emitter.expression(buffer), buffer.type.shape, index, updates, factor=factor)


def _add_at_positions(
    emitter: Emitter, node: Node, target: str, shape: tuple[int, ...], index: Atom, updates: Atom, *, factor: str = ""
) -> None:
    axis, count, extent = _axis(node), _type(index).size, shape[_axis(node)]
    outer, inner = prod(_type(updates).shape[:axis]), prod(_type(updates).shape[axis + _type(index).rank :])
    if not _type(updates).size:
        return
    with ExitStack() as stack:
        row = _loop(emitter, "row", outer, stack)
        k = _loop(emitter, "k", count, stack)
        at = _position(emitter, index, k, extent)
        column = _loop(emitter, "column", inner, stack)
        here = _offset((row, extent * inner), (at, inner), (column, 1))
        there = _offset((row, count * inner), (k, inner), (column, 1))
        _add(emitter, target, here, updates, there, factor=factor)


@emit_rules.define(SCATTER_ADD_ALONG)
def _emit_scatter_add_along(emitter: Emitter, node: Node) -> None:
    index, updates = node.args
    axis, shape, extent = _axis(node), _type(updates).shape, _type(node.results[0]).shape[_axis(node)]
    outer, inner = prod(shape[:axis]), prod(shape[axis + 1 :])
    target = _new_zeros(emitter, node)
    if not _type(updates).size:
        return
    with ExitStack() as stack:
        row = _loop(emitter, "row", outer, stack)
        k = _loop(emitter, "k", shape[axis], stack)
        column = _loop(emitter, "column", inner, stack)
        there = _offset((row, shape[axis] * inner), (k, inner), (column, 1))
        at = _position(emitter, index, there, extent)
        here = _offset((row, extent * inner), (at, inner), (column, 1))
        _add(emitter, target, here, updates, there)


@emit_rules.define(ORDER)
def _emit_order(emitter: Emitter, node: Node) -> None:
    (source,) = node.args
    shape = _type(source).shape
    target = _new(emitter, node)
    emitter.include("order.h")
    kernel = f"pylms::order_rows<{'true' if node.attr('descending') else 'false'}>"
    emitter.line(f"{kernel}({target}, {emitter.expression(source)}, {prod(shape[:-1])}, {shape[-1]});")


def _position(emitter: Emitter, index: Atom, where: str, extent: int) -> str:
    """A name for the position that stands at `where`, in range."""
    position, at = emitter.fresh_name("position"), emitter.fresh_name("at")
    emitter.line(f"const long long {position} = {_element(emitter, index, where)};")
    emitter.line(f"const long long {at} = {position} < 0 ? 0 : {position} < {extent} ? {position} : {extent - 1};")
    return at


def _element(emitter: Emitter, atom: Atom, where: str) -> str:
    name = emitter.expression(atom)
    return name if is_in_register(atom.type) else f"{name}[{where}]"


def _add(emitter: Emitter, target: str, here: str, updates: Atom, there: str, *, factor: str = "") -> None:
    emitter.line(f"{target}[{here}] += {factor}{_element(emitter, updates, there)};")


@emit_rules.define(ONE_HOT_PRODUCT, ONE_HOT_SUMS)
def _emit_one_hot(emitter: Emitter, node: Node) -> None:
    index, matrix = node.args
    target = _new(emitter, node)
    (rows,), (depth, columns) = _type(index).shape, _type(matrix).shape
    if node.primitive is ONE_HOT_SUMS:
        depth = _type(node.results[0]).shape[0]
    emitter.include("one_hot.h")
    operands = ", ".join([target, *map(emitter.expression, node.args)])
    emitter.line(f"pylms::{node.primitive.name}<{rows}, {depth}, {columns}>({operands});")
