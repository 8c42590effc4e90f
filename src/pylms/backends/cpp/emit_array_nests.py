"""C++ for loop nests over arrays: loops as a person would write them, reductions by function objects (array_reduce.h).

What holds: each node of a nest's block stands in the outermost loop that knows its operands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...ir.node import Atom, Block, Node, Sym
from ...ir.ops.array_nests import (
    ARRAY_BUILD,
    ARRAY_REDUCE,
    ARRAY_UPDATE,
    BROADCAST_EXTENT,
    BROADCAST_INDEX,
    FOLDS,
    SEARCHES,
    empty_result,
    reads_other_elements,
)
from ...ir.ops.arrays import ARRAY_LOAD
from ...ir.types import ArrayType, element_type
from .emit_rules import emit_rules
from .emitter import Emitter
from .literals import ARRAYS_HEADER, Binding, c_type, literal, scalar_c_type

_LOOPS_HEADER = "loops.h"
_REDUCE_HEADER = "array_reduce.h"
_INDEX_NAMES = ("i", "j", "k", "l", "m")
_REDUCERS = {"sum": "sum", "prod": "product", "min": "smallest", "max": "largest", "any": "any", "all": "all"}


class _Nest:
    """The block of a nest, its nodes by the depth at which they stand."""

    def __init__(self, emitter: Emitter, block: Block, *, keeps_order: bool = False) -> None:
        """`keeps_order`: whether all nodes stand in the innermost loop."""
        self.emitter = emitter
        self.block = block
        self.rank = len(block.params)
        self.names = [emitter.fresh_name(_INDEX_NAMES[min(axis, 4)]) for axis in range(self.rank)]
        for param, name in zip(block.params, self.names, strict=True):
            emitter.alias(param, name)
        self._nodes: list[list[Node]] = [[] for _ in range(self.rank + 1)]
        depths: dict[Atom, int] = {param: axis + 1 for axis, param in enumerate(block.params)}
        for node in block.nodes:
            depth = self.rank if keeps_order else max([depths.get(atom, 0) for atom in _used(node)], default=0)
            depths.update(dict.fromkeys(node.results, depth))
            self._nodes[depth].append(node)

    def write_nodes(self, depth: int) -> None:
        """What stands at a depth. What inner loops use is written down there, so that it is not computed again."""
        for node in self._nodes[depth]:
            if node.primitive is ARRAY_LOAD:
                _emit_load(self.emitter, node)
            else:
                self.emitter.emit_node(node)
        for node in self._nodes[depth] if depth < self.rank else ():
            for result in node.results:
                self.emitter.settle(result)

    def has_loops(self, depth: int) -> bool:
        """Whether a node at that depth is itself a nest."""
        return any(node.blocks for node in self._nodes[depth])

    def result(self) -> str:
        """The number that the block gives, to be written once in the innermost loop."""
        return self.emitter.inline(self.block.results[0])

    def place(self) -> str:
        """The indices, as those of an element."""
        return ", ".join(self.names)


def _emit_load(emitter: Emitter, node: Node) -> None:
    """An element where it is used, since nothing is written meanwhile."""
    array, *indices = node.args
    place = ", ".join([emitter.inline(index) for index in indices])
    emitter.define_pure(node.results[0], f"{emitter.expression(array)}({place})", Binding.POSTFIX)


def _used(node: Node) -> list[Atom]:
    """What the node and its blocks name."""
    used = list(node.args)
    for block in node.blocks:
        used += block.results
        for inner in block.nodes:
            used += _used(inner)
    return used


@emit_rules.define(ARRAY_BUILD)
def _emit_build(emitter: Emitter, node: Node) -> None:
    (result,), (block,) = node.results, node.blocks
    assert isinstance(result.type, ArrayType)
    emitter.include(ARRAYS_HEADER)
    extents = [emitter.expression(arg) for arg in node.args]
    arguments = ", ".join([emitter.context(), "false", *extents])
    emitter.define(result, f"pylms::new_array<{scalar_c_type(result.type.dtype)}, {result.type.rank}>({arguments})")
    name = emitter.name_of(result)
    emitter.line(f"if (!{name}.data) {emitter.leave('-1')}")
    nest = _Nest(emitter, block)
    _write_loops(nest, extents, lambda: emitter.line(f"{name}({nest.place()}) = {nest.result()};"))


@emit_rules.define(ARRAY_UPDATE)
def _emit_update(emitter: Emitter, node: Node) -> None:
    (target,), (block,) = node.args, node.blocks
    assert isinstance(target, Sym) and isinstance(target.type, ArrayType)
    name = emitter.expression(target)
    independent = not reads_other_elements(block, target)
    nest = _Nest(emitter, block, keeps_order=not independent)
    extents = [f"{name}.n[{axis}]" for axis in range(target.type.rank)]
    _write_loops(
        nest, extents, lambda: emitter.line(f"{name}({nest.place()}) = {nest.result()};"), independent=independent
    )


def _write_loops(nest: _Nest, extents: Sequence[str], store: Callable[[], None], *, independent: bool = True) -> None:
    _write_loop(nest, extents, store, 0, independent=independent)


def _write_loop(
    nest: _Nest, extents: Sequence[str], store: Callable[[], None], depth: int, *, independent: bool
) -> None:
    """What stands at `depth`, and the loops within."""
    emitter = nest.emitter
    nest.write_nodes(depth)
    if depth == nest.rank:
        store()
        return
    is_innermost = depth == nest.rank - 1 and not nest.has_loops(depth + 1)
    if is_innermost and independent:
        emitter.include(_LOOPS_HEADER)
        emitter.line("PYLMS_INDEPENDENT")
    index = nest.names[depth]
    with emitter.braces(f"for (long long {index} = 0; {index} < {extents[depth]}; ++{index})"):
        _write_loop(nest, extents, store, depth + 1, independent=independent)
        if depth == 0 and not is_innermost:
            emitter.poll()


@emit_rules.define(ARRAY_REDUCE)
def _emit_reduce(emitter: Emitter, node: Node) -> None:
    kind = str(node.attr("kind"))
    extents = [emitter.expression(arg) for arg in node.args]
    if kind in SEARCHES:
        _emit_search(emitter, node, kind, extents)
    else:
        _emit_fold(emitter, node, kind, extents)


def _emit_fold(emitter: Emitter, node: Node, kind: str, extents: Sequence[str]) -> None:
    (result,), (block,) = node.results, node.blocks
    emitter.include(_REDUCE_HEADER)
    emitter.require_flag("-fopenmp-simd")
    type_ = element_type(result.type)
    nest = _Nest(emitter, block)
    start = f"{literal(empty_result(kind, type_)).text}, " if kind in ("min", "max") else ""
    function = f"pylms::{_REDUCERS[kind]}" + (f"<{scalar_c_type(type_)}>" if kind in FOLDS else "")
    headers = [
        f"{function}({extent}, {start}[&](long long {name})" for extent, name in zip(extents, nest.names, strict=True)
    ]
    declared = f"const {c_type(result.type)} {emitter.name_of(result)} = "
    nest.write_nodes(0)
    _write_fold(nest, headers, declared, 0)


def _write_fold(nest: _Nest, headers: Sequence[str], before: str, depth: int) -> None:
    """One function object within the other, as deep as there are dimensions."""
    emitter = nest.emitter
    if depth == len(headers):
        emitter.line(f"{before}{nest.result()};")
        return
    with emitter.braces(before + headers[depth], tail=");"):
        nest.write_nodes(depth + 1)
        _write_fold(nest, headers, "return ", depth + 1)


def _emit_search(emitter: Emitter, node: Node, kind: str, extents: Sequence[str]) -> None:
    """A loop that keeps the best element so far and where it is; the first NaN is better than all."""
    (result,), (block,) = node.results, node.blocks
    type_ = element_type(block.results[0].type)
    found, best, position = emitter.name_of(result), emitter.fresh_name("best"), emitter.fresh_name("position")
    spelled = scalar_c_type(type_)
    emitter.line(f"long long {found} = 0, {position} = 0;")
    emitter.declaration_line(f"{spelled} {best} = 0;")
    nest = _Nest(emitter, block)
    value = emitter.fresh_name("value")
    sign = "<" if kind == "argmin" else ">"
    is_better = f"!{position} || {value} {sign} {best}"
    if type_.is_float:
        is_better += f" || ({value} != {value} && {best} == {best})"

    def compare() -> None:
        emitter.line(f"const {spelled} {value} = {nest.result()};")
        emitter.declaration_line(f"if ({is_better}) {best} = {value}, {found} = {position};")
        emitter.declaration_line(f"++{position};")

    _write_loops(nest, extents, compare, independent=False)


@emit_rules.define(BROADCAST_EXTENT)
def _emit_broadcast_extent(emitter: Emitter, node: Node) -> None:
    first, second = (emitter.expression(arg) for arg in node.args)
    emitter.define_pure(node.results[0], f"{first} == 1 ? {second} : {first}", Binding.CONDITIONAL)


@emit_rules.define(BROADCAST_INDEX)
def _emit_broadcast_index(emitter: Emitter, node: Node) -> None:
    index, extent = (emitter.expression(arg) for arg in node.args)
    emitter.define_pure(node.results[0], f"{extent} == 1 ? 0 : {index}", Binding.CONDITIONAL)
