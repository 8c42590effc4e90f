"""Derivatives of operations on whole arrays.

The reverse of a nest is loops over the same elements. Each round computes the element again, as the forward nest did,
and sweeps back from its adjoint. What the nest reads of memory that the program writes is copied before it.
Minima and maxima share the derivative evenly among the elements that tie, as PyTorch's do. A product, and an update
that reads what it has written, become loops already in the forward code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..errors import NotSupportedYetError
from ..ir.node import Atom, AttributeValue, Block, Node, Sym, walk
from ..ir.ops.arithmetic import ADD, EQ, MUL, SELECT, TRUEDIV
from ..ir.ops.array_nests import ARRAY_BUILD, ARRAY_REDUCE, ARRAY_UPDATE, reads_of_other_elements
from ..ir.ops.arrays import ARRAY_DIM, ARRAY_LOAD, ARRAY_STORE, VIEWS
from ..ir.types import INT, ArrayType, Region
from ..passes.rewrite import Replacements, copy_nodes, replace_atoms
from .activity import extend
from .loop_nests import emit_loops
from .rename import renamed_block
from .sweep import Sweep, derivative_rules

Seed = Callable[[Sequence[Atom], Atom], Atom]
"""Emits the adjoint of an element, from its indices and its value."""


@derivative_rules.define(ARRAY_BUILD)
def _build(sweep: Sweep, node: Node) -> None:
    (array,) = node.results
    shadow = sweep.shadow(array)
    zeros = sweep.context.shadows.zeros(array, node.loc, node.args)
    before, block = _with_copies(sweep, node)
    _sweep_elements(sweep, block, node.args, lambda indices, _: sweep.emit(ARRAY_LOAD, shadow, *indices))
    sweep.replace_forward(node, *before, node, *zeros)


@derivative_rules.define(ARRAY_UPDATE)
def _update(sweep: Sweep, node: Node) -> None:
    (target,), (block,) = node.args, node.blocks
    assert isinstance(target, Sym) and isinstance(target.type, ArrayType)
    if not sweep.is_active(target):
        return
    if any(reads_of_other_elements(block, target)):
        _sweep_as_loops(sweep, node)
        return
    shadow = sweep.shadow(target)

    def seed(indices: Sequence[Atom], element: Atom) -> Atom:
        adjoint = sweep.emit(ARRAY_LOAD, shadow, *indices)
        sweep.builder.emit(ARRAY_STORE, [shadow, sweep.constant(element.type, 0), *indices], loc=node.loc)
        return adjoint

    extents = [sweep.emit(ARRAY_DIM, target, axis=axis) for axis in range(target.type.rank)]
    before, block = _with_copies(sweep, node)
    _sweep_elements(sweep, block, extents, seed)
    sweep.replace_forward(node, *before, node)


@derivative_rules.define(ARRAY_REDUCE)
def _reduce(sweep: Sweep, node: Node) -> None:
    (result,) = node.results
    kind, adjoint = node.attr("kind"), sweep.adjoint(result)
    if kind == "prod":
        _sweep_as_loops(sweep, node)
        return
    before, block = _with_copies(sweep, node)
    if kind == "sum":
        _sweep_elements(sweep, block, node.args, lambda _indices, _element: adjoint)
    else:
        zero = sweep.constant(result.type, 0)
        share = sweep.emit(TRUEDIV, adjoint, _count_ties(sweep, node, block))

        def seed(_: Sequence[Atom], element: Atom) -> Atom:
            return sweep.emit(SELECT, sweep.emit(EQ, element, result), share, zero)

        _sweep_elements(sweep, block, node.args, seed)
    sweep.replace_forward(node, *before, node)


def add_to_shadow(sweep: Sweep, array: Atom, adjoints: Atom) -> None:
    """Emit loops that add an array of adjoints to the shadow of another array."""
    assert isinstance(array.type, ArrayType)
    shadow, builder = sweep.shadow(array), sweep.builder

    def add(places: Sequence[Atom], _: Sequence[Atom]) -> Sequence[Atom]:
        both = [sweep.emit(ARRAY_LOAD, each, *places) for each in (shadow, adjoints)]
        builder.emit(ARRAY_STORE, [shadow, sweep.emit(ADD, *both), *places], loc=sweep.loc)
        return []

    extents = [sweep.emit(ARRAY_DIM, array, axis=axis) for axis in range(array.type.rank)]
    emit_loops(builder, extents, [], add, sweep.loc)


def _count_ties(sweep: Sweep, node: Node, block: Block) -> Sym:
    """How many elements are the extreme one."""
    zero, one = (sweep.constant(node.results[0].type, number) for number in (0, 1))
    indices = [sweep.builder.fresh(INT) for _ in node.args]
    with sweep.builder.block(indices) as scope:
        element = _computed(sweep, block, indices, scope.nodes)
        tie = sweep.emit(SELECT, sweep.emit(EQ, element, node.results[0]), one, zero)
    attrs: dict[str, AttributeValue] = {"kind": "sum"}
    return sweep.builder.emit(ARRAY_REDUCE, node.args, loc=node.loc, attrs=attrs, blocks=[scope.finish([tie])])[0]


def _computed(sweep: Sweep, block: Block, indices: Sequence[Atom], nodes: list[Node]) -> Atom:
    """What a nest's block gives for some indices; the nodes that compute it are appended."""
    copies: Replacements = dict(zip(block.params, indices, strict=True))
    nodes += copy_nodes(block.nodes, sweep.builder, copies)
    return replace_atoms(block.results, copies)[0]


def _sweep_elements(sweep: Sweep, block: Block, extents: Sequence[Atom], seed: Seed) -> None:
    """Emit loops that sweep back through the computation of each element."""
    builder, loc = sweep.builder, sweep.loc
    with builder.block() as rounds:
        indices = [builder.fresh(INT) for _ in extents]
        inner = sweep.inner()
        nodes: list[Node] = []
        element = _computed(sweep, block, indices, nodes)
        extend(sweep.varied, nodes)
        with builder.block() as reverse:
            inner.accumulate(element, seed(indices, element))
            rounds.nodes.extend(inner.run(nodes))
        rounds.nodes.extend(reverse.nodes)
    own = {result for node in rounds.nodes for result in node.results}
    added = {target: adjoint for target, adjoint in inner.adjoints.items() if target not in own}

    def one_round(places: Sequence[Atom], sums: Sequence[Atom]) -> Sequence[Atom]:
        found: Replacements = dict(zip(indices, places, strict=True))
        inside = renamed_block(rounds.finish(tuple(added.values())), found)
        builder.scope.nodes.extend(inside.nodes)
        return [sweep.emit(ADD, total, more) for total, more in zip(sums, inside.results, strict=True)]

    totals = emit_loops(builder, extents, [sweep.adjoint_or_zero(target) for target in added], one_round, loc)
    sweep.adjoints.update(zip(added, totals, strict=True))


def _with_copies(sweep: Sweep, node: Node) -> tuple[list[Node], Block]:
    """Copies of the arrays that a nest reads and the program writes, made before it; the block that reads these."""
    (block,) = node.blocks
    nodes: list[Node] = []
    copies: Replacements = {}
    for inside in walk(block):
        reads_unstable = not sweep.context.unstable.isdisjoint(inside.effect.reads)
        if inside.primitive is ARRAY_LOAD and reads_unstable and inside.args[0] not in copies:
            array = inside.args[0]
            assert isinstance(array, Sym)
            region = sweep.context.program.fresh_region()
            copies[array] = copy = copy_of_array(sweep, array, region, nodes)
            if sweep.is_active(array):
                sweep.context.shadows.share(copy, array)
                sweep.varied.add(region)
        if inside.primitive in VIEWS:
            _refuse_views(sweep, inside)
    return nodes, renamed_block(block, copies)


def copy_of_array(sweep: Sweep, array: Sym, region: Region, nodes: list[Node]) -> Sym:
    """A copy of an array in that region, made by the nodes appended."""
    builder, loc = sweep.builder, sweep.loc
    assert isinstance(array.type, ArrayType)
    extents = [builder.node(ARRAY_DIM, [array], loc=loc, attrs={"axis": axis}) for axis in range(array.type.rank)]
    indices = [builder.fresh(INT) for _ in extents]
    load = builder.node(ARRAY_LOAD, [array, *indices], loc=loc)
    attrs: dict[str, AttributeValue] = {"region": region.number}
    blocks = [Block(tuple(indices), (load,), load.results)]
    made = builder.node(ARRAY_BUILD, [each.results[0] for each in extents], loc=loc, attrs=attrs, blocks=blocks)
    nodes += [*extents, made]
    return made.results[0]


def _refuse_views(sweep: Sweep, node: Node) -> None:
    array = node.args[0].type
    assert isinstance(array, ArrayType)
    if array.region in sweep.context.unstable:
        raise NotSupportedYetError(
            "the derivative of an operation on whole arrays that takes views of arrays within is not supported yet",
            loc=node.loc,
        )


def _sweep_as_loops(sweep: Sweep, node: Node) -> None:
    """Have loops stand for a nest in the forward code, and sweep back through these."""
    sweep.loc = node.loc
    with sweep.builder.block() as scope:
        if node.primitive is ARRAY_REDUCE:
            _emit_product(sweep, node)
            # What is used of the nest is its result.
            scope.nodes[-1] = replace(scope.nodes[-1], results=node.results)
        else:
            _emit_update(sweep, node)
    extend(sweep.varied, scope.nodes)
    sweep.replace_forward(node, *sweep.run(scope.nodes))


def _emit_product(sweep: Sweep, node: Node) -> None:
    builder = sweep.builder

    def multiply(places: Sequence[Atom], so_far: Sequence[Atom]) -> Sequence[Atom]:
        return [sweep.emit(MUL, so_far[0], _computed(sweep, node.blocks[0], places, builder.scope.nodes))]

    emit_loops(builder, node.args, [sweep.constant(node.results[0].type, 1)], multiply, node.loc)


def _emit_update(sweep: Sweep, node: Node) -> None:
    builder, (target,) = sweep.builder, node.args
    assert isinstance(target.type, ArrayType)

    def store(places: Sequence[Atom], _: Sequence[Atom]) -> Sequence[Atom]:
        element = _computed(sweep, node.blocks[0], places, builder.scope.nodes)
        builder.emit(ARRAY_STORE, [target, element, *places], loc=node.loc)
        return []

    extents = [sweep.emit(ARRAY_DIM, target, axis=axis) for axis in range(target.type.rank)]
    emit_loops(builder, extents, [], store, node.loc)
