"""Simplification of regions, joins, gathers, and of several matrix products at a time."""

from __future__ import annotations

from collections.abc import Sequence

from ..ir.node import Atom, Const, Node
from ..ir.ops.tensor_gathers import TAKE
from ..ir.ops.tensor_regions import CONCAT, PLACE, SLICE
from ..ir.ops.tensors import BATCH_MATMUL, BROADCAST, MATMUL, RESHAPE, TRANSPOSE, integers_of
from ..ir.types import element_type
from ..loc import Loc
from .tensor_rewriter import TensorRewriter, shape_of, simplify_rules

Shape = tuple[int, ...]


def _axis(node: Node) -> int:
    axis = node.attr("axis")
    assert isinstance(axis, int)
    return axis


def _zeros(rewriter: TensorRewriter, node: Node) -> Atom:
    dtype = element_type(node.results[0].type)
    zero = Const(0.0 if dtype.is_float else False if dtype.kind == "bool" else 0, dtype)
    return rewriter.broadcast(zero, shape_of(node.results[0]), (), node.loc)


def _is_everything(shape: Shape, sizes: Shape, steps: Shape) -> bool:
    """Whether a region is the whole tensor in its own order."""
    return shape == sizes and all(step == 1 or size <= 1 for step, size in zip(steps, sizes, strict=True))


def _slice_of(rewriter: TensorRewriter, source: Atom, loc: Loc, *, starts: Shape, sizes: Shape, steps: Shape) -> Atom:
    return rewriter.emit(SLICE, (source,), loc, starts=starts, sizes=sizes, steps=steps)


@simplify_rules.define(SLICE)
def _slice(rewriter: TensorRewriter, node: Node) -> Atom | None:
    source = node.args[0]
    starts, sizes, steps = (integers_of(node, name) for name in ("starts", "sizes", "steps"))
    if _is_everything(shape_of(source), sizes, steps):
        return source
    inner = rewriter.definition(source, SLICE)
    if inner is not None:
        first = list(zip(integers_of(inner, "starts"), integers_of(inner, "steps"), strict=True))
        through = tuple(at + start * step for (at, step), start in zip(first, starts, strict=True))
        by = tuple(step * second for (_, step), second in zip(first, steps, strict=True))
        return _slice_of(rewriter, inner.args[0], node.loc, starts=through, sizes=sizes, steps=by)
    inner = rewriter.definition(source, BROADCAST)
    if inner is not None:
        return _slice_of_broadcast(rewriter, node, inner)
    inner = rewriter.definition(source, PLACE)
    if inner is not None:
        return _slice_of_place(rewriter, node, inner)
    inner = rewriter.definition(source, CONCAT)
    if inner is not None:
        return _slice_of_concat(rewriter, node, inner)
    return None


def _slice_of_broadcast(rewriter: TensorRewriter, node: Node, inner: Node) -> Atom:
    starts, sizes, steps = (integers_of(node, name) for name in ("starts", "sizes", "steps"))
    axes, value = integers_of(inner, "axes"), inner.args[0]
    if axes:
        kept = [tuple(each[axis] for axis in axes) for each in (starts, sizes, steps)]
        value = _slice_of(rewriter, value, node.loc, starts=kept[0], sizes=kept[1], steps=kept[2])
    return rewriter.broadcast(value, sizes, axes, node.loc)


def _slice_of_place(rewriter: TensorRewriter, node: Node, inner: Node) -> Atom | None:
    """What was placed, where the very region is read again; zeros, where a region beside it is."""
    starts, sizes, steps = (integers_of(node, name) for name in ("starts", "sizes", "steps"))
    placed = shape_of(inner.args[0])
    places = (integers_of(inner, "starts"), placed, integers_of(inner, "steps"))
    if (starts, sizes, steps) == places:
        return inner.args[0]
    for axis, size in enumerate(sizes):
        ours = _ends(starts[axis], size, steps[axis])
        theirs = _ends(places[0][axis], placed[axis], places[2][axis])
        if ours[1] < theirs[0] or theirs[1] < ours[0]:
            return _zeros(rewriter, node)
    return None


def _ends(start: int, size: int, step: int) -> tuple[int, int]:
    """The least and the greatest index; the wrong way round where there is none."""
    last = start + (size - 1) * step
    return (min(start, last), max(start, last)) if size else (0, -1)


def _slice_of_concat(rewriter: TensorRewriter, node: Node, inner: Node) -> Atom | None:
    """A slice of the parts that it reaches into."""
    axis = _axis(inner)
    starts, sizes, steps = (list(integers_of(node, name)) for name in ("starts", "sizes", "steps"))
    low, high = _ends(starts[axis], sizes[axis], steps[axis])
    begin, reached = 0, []
    for part in inner.args:
        end = begin + shape_of(part)[axis]
        if begin <= high and low < end:
            reached.append((begin, part))
        begin = end
    if not reached or len(reached) == len(inner.args):
        return None
    starts[axis] -= reached[0][0]
    source = _joined(rewriter, [part for _, part in reached], axis, node.loc)
    return _slice_of(rewriter, source, node.loc, starts=tuple(starts), sizes=tuple(sizes), steps=tuple(steps))


def _joined(rewriter: TensorRewriter, parts: Sequence[Atom], axis: int, loc: Loc) -> Atom:
    return parts[0] if len(parts) == 1 else rewriter.emit(CONCAT, parts, loc, axis=axis)


@simplify_rules.define(PLACE)
def _place(rewriter: TensorRewriter, node: Node) -> Atom | None:
    (source,) = node.args
    shape, steps = integers_of(node, "shape"), integers_of(node, "steps")
    if _is_everything(shape, shape_of(source), steps):
        return source
    number = rewriter.scalar_of(source)
    if 0 in shape_of(source) or (isinstance(number, Const) and number.value == 0):
        return _zeros(rewriter, node)
    inner = rewriter.definition(source, PLACE)
    if inner is not None:
        outer = list(zip(integers_of(node, "starts"), steps, strict=True))
        starts = tuple(at + start * step for (at, step), start in zip(outer, integers_of(inner, "starts"), strict=True))
        by = tuple(step * first for (_, step), first in zip(outer, integers_of(inner, "steps"), strict=True))
        return rewriter.emit(PLACE, inner.args, node.loc, shape=shape, starts=starts, steps=by)
    return None


@simplify_rules.define(CONCAT)
def _concat(rewriter: TensorRewriter, node: Node) -> Atom | None:
    """Parts of parts are joined at once, and neighbouring slices of one tensor are one slice."""
    axis = _axis(node)
    parts: list[Atom] = []
    for part in node.args:
        inner = rewriter.definition(part, CONCAT)
        if inner is not None and _axis(inner) == axis:
            parts.extend(inner.args)
        elif shape_of(part)[axis]:
            parts.append(part)
    merged: list[Atom] = []
    for part in parts:
        both = _merged(rewriter, merged[-1], part, axis, node.loc) if merged else None
        if both is None:
            merged.append(part)
        else:
            merged[-1] = both
    if tuple(merged) == node.args and len(merged) != 1:
        return None
    return _joined(rewriter, merged, axis, node.loc) if merged else node.args[0]


def _merged(rewriter: TensorRewriter, left: Atom, right: Atom, axis: int, loc: Loc) -> Atom | None:
    """The slice that holds two neighbouring ones, if they are."""
    first, second = rewriter.definition(left, SLICE), rewriter.definition(right, SLICE)
    if first is None or second is None or first.args != second.args:
        return None
    starts, others = integers_of(first, "starts"), list(integers_of(second, "starts"))
    sizes, steps = list(integers_of(first, "sizes")), integers_of(first, "steps")
    others[axis] -= sizes[axis]
    if tuple(others) != starts or integers_of(second, "steps") != steps or steps[axis] != 1:
        return None
    sizes[axis] += integers_of(second, "sizes")[axis]
    return _slice_of(rewriter, first.args[0], loc, starts=starts, sizes=tuple(sizes), steps=steps)


@simplify_rules.define(TAKE)
def _take(rewriter: TensorRewriter, node: Node) -> Atom | None:
    """What stands at a known position is a slice, repeated where the index asks for it several times."""
    source, index = node.args
    axis, shape = _axis(node), shape_of(source)
    position = rewriter.scalar_of(index)
    if not isinstance(position, Const) or not shape[axis]:
        return None
    at = min(max(int(position.value), 0), shape[axis] - 1)
    starts = tuple(at if each == axis else 0 for each in range(len(shape)))
    sizes = tuple(1 if each == axis else extent for each, extent in enumerate(shape))
    value = _slice_of(rewriter, source, node.loc, starts=starts, sizes=sizes, steps=(1,) * len(shape))
    rest = (*shape[:axis], *shape[axis + 1 :])
    value = rewriter.emit(RESHAPE, (value,), node.loc, shape=rest)
    added = len(shape_of(index))
    axes = tuple(each if each < axis else each + added for each in range(len(rest)))
    return rewriter.broadcast(value, shape_of(node.results[0]), axes, node.loc)


@simplify_rules.define(BATCH_MATMUL)
def _batch_matmul(rewriter: TensorRewriter, node: Node) -> Atom | None:
    args, flags = list(node.args), [bool(node.attr("transpose_a")), bool(node.attr("transpose_b"))]
    folded = False
    for side in range(2):
        transposed = rewriter.definition(args[side], TRANSPOSE)
        if transposed is not None and integers_of(transposed, "permutation") == (0, 2, 1):
            args[side], flags[side] = transposed.args[0], not flags[side]
            folded = True
    if folded:
        return rewriter.emit(BATCH_MATMUL, args, node.loc, transpose_a=flags[0], transpose_b=flags[1])
    if shape_of(args[0])[0] != 1:
        return None
    matrices = [rewriter.emit(RESHAPE, (arg,), node.loc, shape=shape_of(arg)[1:]) for arg in args]
    product = rewriter.emit(MATMUL, matrices, node.loc, transpose_a=flags[0], transpose_b=flags[1])
    return rewriter.emit(RESHAPE, (product,), node.loc, shape=shape_of(node.results[0]))
