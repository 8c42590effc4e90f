"""C++ for nests over arrays: loops as a person would write them; reductions by function objects (array_reduce.h)."""

from __future__ import annotations

from collections.abc import Sequence

from ...ir.node import Node, Sym
from ...ir.ops.array_nests import (
    ARRAY_BUILD,
    ARRAY_REDUCE,
    ARRAY_UPDATE,
    BROADCAST_EXTENT,
    BROADCAST_INDEX,
    FOLDS,
    SEARCHES,
    empty_result,
    reads_of_other_elements,
)
from ...ir.rules import effect_of_block
from ...ir.types import ArrayType, element_type
from .array_accumulation import accumulates, write_accumulation
from .array_loops import ArrayNest, write_loops
from .array_memory import write_new_array
from .emit_rules import emit_rules
from .emitter import Emitter
from .literals import Binding, c_type, literal, scalar_c_type

_REDUCE_HEADER = "array_reduce.h"
_REDUCERS = {"sum": "sum", "prod": "product", "min": "smallest", "max": "largest", "any": "any", "all": "all"}


@emit_rules.define(ARRAY_BUILD)
def _emit_build(emitter: Emitter, node: Node) -> None:
    (result,), (block,) = node.results, node.blocks
    assert isinstance(result.type, ArrayType)
    extents = [emitter.expression(arg) for arg in node.args]
    write_new_array(emitter, result, extents, zeroed=False)
    name = emitter.name_of(result)
    if accumulates(block):
        write_accumulation(emitter, block, name, extents)
        return
    nest = ArrayNest(emitter, block)
    write_loops(nest, extents, lambda: emitter.line(f"{name}({nest.place()}) = {nest.result()};"))


@emit_rules.define(ARRAY_UPDATE)
def _emit_update(emitter: Emitter, node: Node) -> None:
    (target,), (block,) = node.args, node.blocks
    assert isinstance(target, Sym) and isinstance(target.type, ArrayType)
    name = emitter.expression(target)
    extents = [f"{name}.n[{axis}]" for axis in range(target.type.rank)]
    if accumulates(block) and target.type.region not in effect_of_block(block).reads:
        write_accumulation(emitter, block, name, extents)
        return
    independent = not any(reads_of_other_elements(block, target))
    nest = ArrayNest(emitter, block, keeps_order=not independent)
    write_loops(
        nest, extents, lambda: emitter.line(f"{name}({nest.place()}) = {nest.result()};"), independent=independent
    )


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
    nest = ArrayNest(emitter, block)
    start = f"{literal(empty_result(kind, type_)).text}, " if kind in ("min", "max") else ""
    function = f"pylms::{_REDUCERS[kind]}" + (f"<{scalar_c_type(type_)}>" if kind in FOLDS else "")
    headers = [
        f"{function}({extent}, {start}[&](long long {name})" for extent, name in zip(extents, nest.names, strict=True)
    ]
    declared = f"const {c_type(result.type)} {emitter.name_of(result)} = "
    nest.write_nodes(0)
    _write_fold(nest, headers, declared, 0)


def _write_fold(nest: ArrayNest, headers: Sequence[str], before: str, depth: int) -> None:
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
    nest = ArrayNest(emitter, block)
    value = emitter.fresh_name("value")
    sign = "<" if kind == "argmin" else ">"
    is_better = f"!{position} || {value} {sign} {best}"
    if type_.is_float:
        is_better += f" || ({value} != {value} && {best} == {best})"

    def compare() -> None:
        emitter.line(f"const {spelled} {value} = {nest.result()};")
        emitter.declaration_line(f"if ({is_better}) {best} = {value}, {found} = {position};")
        emitter.declaration_line(f"++{position};")

    write_loops(nest, extents, compare, independent=False)


@emit_rules.define(BROADCAST_EXTENT)
def _emit_broadcast_extent(emitter: Emitter, node: Node) -> None:
    first, second = (emitter.expression(arg) for arg in node.args)
    emitter.define_pure(node.results[0], f"{first} == 1 ? {second} : {first}", Binding.CONDITIONAL)


@emit_rules.define(BROADCAST_INDEX)
def _emit_broadcast_index(emitter: Emitter, node: Node) -> None:
    index, extent = (emitter.expression(arg) for arg in node.args)
    emitter.define_pure(node.results[0], f"{extent} == 1 ? 0 : {index}", Binding.CONDITIONAL)
