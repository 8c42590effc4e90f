"""How a loop nest reads regions, joins and gathers of tensors: by computing where the element comes from."""

from __future__ import annotations

from ..ir.node import Atom, Const, Node
from ..ir.ops.arithmetic import ADD, EQ, FLOORDIV, GE, LOGICAL_AND, LT, MAXIMUM, MINIMUM, MOD, MUL, SELECT, SUB
from ..ir.ops.tensor_gathers import TAKE, TAKE_ALONG
from ..ir.ops.tensor_regions import CONCAT, PLACE, SLICE
from ..ir.ops.tensors import integers_of
from ..ir.types import INT64, ScalarType
from .nest_builder import ZERO, Indices, NestBuilder, Shape, plain, read_rules, tensor_type


def _axis(node: Node) -> int:
    axis = node.attr("axis")
    assert isinstance(axis, int)
    return axis


def _number(value: int) -> Const:
    return Const(value, INT64)


def _shifted(nest: NestBuilder, index: Atom, start: int, step: int) -> Atom:
    """start + index * step."""
    if isinstance(index, Const):
        return _number(start + int(index.value) * step)
    scaled = index if step == 1 else nest.emit(MUL, (index, _number(step)))
    return scaled if start == 0 else nest.emit(ADD, (scaled, _number(start)))


@read_rules.define(SLICE)
def _slice(nest: NestBuilder, node: Node, shape: Shape, indices: Indices) -> Atom:
    indices = nest.regroup(shape, indices, tensor_type(node.results[0]).shape)
    regions = zip(indices, integers_of(node, "starts"), integers_of(node, "steps"), strict=True)
    there = tuple(_shifted(nest, index, start, step) for index, start, step in regions)
    return nest.read(node.args[0], tensor_type(node.args[0]).shape, there)


@read_rules.define(PLACE)
def _place(nest: NestBuilder, node: Node, shape: Shape, indices: Indices) -> Atom:
    """Zero outside the region; there the read that is not wanted goes to an element that there is."""
    source = node.args[0]
    target, sizes = integers_of(node, "shape"), tensor_type(source).shape
    zero = _zero(plain(tensor_type(source).dtype))
    if 0 in sizes:
        return zero
    indices = nest.regroup(shape, indices, target)
    conditions: list[Atom] = []
    there = []
    regions = zip(indices, target, sizes, integers_of(node, "starts"), integers_of(node, "steps"), strict=True)
    for index, extent, size, start, step in regions:
        where, tests = _origin(nest, index, extent, size, start, step)
        conditions += tests
        there.append(where)
    is_inside = _all(nest, conditions)
    if is_inside is None:
        return nest.read(source, sizes, tuple(there))
    safe = tuple(where if where == ZERO else nest.emit(SELECT, (is_inside, where, ZERO)) for where in there)
    return nest.emit(SELECT, (is_inside, nest.read(source, sizes, safe), zero))


def _origin(nest: NestBuilder, index: Atom, extent: int, size: int, start: int, step: int) -> tuple[Atom, list[Atom]]:
    """The position in the source that goes to `index`, and what must hold for there to be one."""
    if extent == 1:
        return ZERO, []
    if size == extent and abs(step) == 1:
        return (index if step == 1 else nest.emit(SUB, (_number(start), index))), []
    if size == 1:
        return ZERO, [nest.emit(EQ, (index, _number(start)))]
    distance = nest.emit(SUB, (index, _number(start))) if step > 0 else nest.emit(SUB, (_number(start), index))
    stride = _number(abs(step))
    tests = []
    if abs(step) != 1:
        tests.append(nest.emit(EQ, (nest.emit(MOD, (distance, stride)), ZERO)))
    if (start if step > 0 else extent - 1 - start) != 0:
        tests.append(nest.emit(GE, (distance, ZERO)))
    if (extent - 1 - start if step > 0 else start) >= size * abs(step):
        tests.append(nest.emit(LT, (distance, _number(size * abs(step)))))
    return (distance if abs(step) == 1 else nest.emit(FLOORDIV, (distance, stride))), tests


def _all(nest: NestBuilder, conditions: list[Atom]) -> Atom | None:
    """Their conjunction; None where there are none."""
    if not conditions:
        return None
    total, *rest = conditions
    for condition in rest:
        total = nest.emit(LOGICAL_AND, (total, condition))
    return total


def _zero(dtype: ScalarType) -> Const:
    return Const(0.0 if dtype.is_float else False if dtype.kind == "bool" else 0, dtype)


@read_rules.define(CONCAT)
def _concat(nest: NestBuilder, node: Node, shape: Shape, indices: Indices) -> Atom:
    """Each part is read at its nearest element, and the one chosen that the index falls into."""
    axis = _axis(node)
    indices = nest.regroup(shape, indices, tensor_type(node.results[0]).shape)
    value: Atom | None = None
    start = tensor_type(node.results[0]).shape[axis]
    for part in reversed(node.args):
        sizes = tensor_type(part).shape
        start -= sizes[axis]
        if not sizes[axis]:
            continue
        end = None if value is None else _number(start + sizes[axis])
        read = nest.read(part, sizes, _nearest(nest, indices, axis, start=start, size=sizes[axis], end=end))
        if value is None or end is None:
            value = read
        else:
            value = nest.emit(SELECT, (nest.emit(LT, (indices[axis], end)), read, value))
    # Without elements nothing is read.
    return _zero(plain(tensor_type(node.results[0]).dtype)) if value is None else value


def _nearest(nest: NestBuilder, indices: Indices, axis: int, *, start: int, size: int, end: Const | None) -> Indices:
    """The indices within a part that begins at `start` and after which, if there is an `end`, others follow."""
    index: Atom = ZERO
    if size > 1:
        index = _shifted(nest, indices[axis], -start, 1)
        if start:
            index = nest.emit(MAXIMUM, (index, ZERO))
        if end is not None:
            index = nest.emit(MINIMUM, (index, _number(size - 1)))
    return (*indices[:axis], index, *indices[axis + 1 :])


@read_rules.define(TAKE)
def _take(nest: NestBuilder, node: Node, shape: Shape, indices: Indices) -> Atom:
    source, index = node.args
    axis, positions = _axis(node), tensor_type(index).shape
    indices = nest.regroup(shape, indices, tensor_type(node.results[0]).shape)
    end = axis + len(positions)
    there = _position(nest, node, nest.read(index, positions, indices[axis:end]))
    return nest.read(source, tensor_type(source).shape, (*indices[:axis], there, *indices[end:]))


@read_rules.define(TAKE_ALONG)
def _take_along(nest: NestBuilder, node: Node, shape: Shape, indices: Indices) -> Atom:
    source, index = node.args
    axis = _axis(node)
    indices = nest.regroup(shape, indices, tensor_type(index).shape)
    there = _position(nest, node, nest.read(index, tensor_type(index).shape, indices))
    return nest.read(source, tensor_type(source).shape, (*indices[:axis], there, *indices[axis + 1 :]))


def _position(nest: NestBuilder, node: Node, position: Atom) -> Atom:
    """A position brought into range: what is read before the check has failed must be memory of ours."""
    extent = tensor_type(node.args[0]).shape[_axis(node)]
    if extent <= 1:
        return ZERO
    position = nest.emit(MAXIMUM, (nest.convert(position, INT64), ZERO))
    return nest.emit(MINIMUM, (position, _number(extent - 1)))
