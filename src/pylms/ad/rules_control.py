"""Derivatives of branches, of variables of derivatives within, and of calls into Python.

An `if` differentiates into an `if` on the same condition that gives adjoints. What its blocks need from inside the
forward blocks is carried out of the forward `if` as extra results; a slot that one side does not fill is zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import NotSupportedYetError
from ..ir.builder import BlockScope
from ..ir.node import Atom, Block, Node, Sym
from ..ir.ops.arithmetic import ADD
from ..ir.ops.control import IF
from ..ir.ops.host import HOST_CALL
from ..ir.rules import effect_of_block
from ..ir.types import ScalarType
from ..passes.rewrite import with_results
from .rename import free_symbols, renamed_block
from .sweep import Sweep, derivative_rules
from .taping import keep_on_tape

# Of more values, or of whole tensors, a branch that is taken often keeps only those of the side that was taken.
_MOST_CARRIED = 4


@dataclass
class _Side:
    """One side of a branch after its sweep."""

    results: tuple[Atom, ...]  # of the forward block, with the shadows of arrays
    forward: list[Node]  # its nodes now
    reverse: BlockScope  # the sweep's nodes
    contributions: dict[Sym, Atom]  # to the adjoints of symbols from outside the block

    @property
    def defined(self) -> set[Sym]:
        return {result for node in self.forward for result in node.results}


@derivative_rules.define(IF)
def _if(sweep: Sweep, node: Node) -> None:
    arrays = [index for index, result in enumerate(node.results) if result in sweep.context.shadows]
    results = (*node.results, *[sweep.shadow(node.results[index]) for index in arrays])
    sides = [_sweep_side(sweep, node, block, arrays) for block in node.blocks]
    targets = list(dict.fromkeys(symbol for side in sides for symbol in side.contributions))
    if not targets and not any(effect_of_block(side.reverse.finish(())).writes for side in sides):
        _carry_out(sweep, node, results, sides, ((), ()))
        return
    reverse_blocks = [_finish_reverse(sweep, side, targets) for side in sides]
    needed = [
        [symbol for symbol in free_symbols(block) if symbol in side.defined]
        for block, side in zip(reverse_blocks, sides, strict=True)
    ]
    if sweep.runs_often and _is_much(needed):
        forward_blocks: list[Block] = []
        for index, side in enumerate(sides):
            forward, reverse_blocks[index] = keep_on_tape(sweep, (), side.forward, reverse_blocks[index], {}, node.loc)
            forward_blocks.append(Block((), tuple(forward), side.results))
        sweep.replace_forward(node, with_results(node, results, node.args, forward_blocks))
        blocks = reverse_blocks
    else:
        carried = _carry_out(sweep, node, results, sides, needed)
        blocks = [renamed_block(block, mapping) for block, mapping in zip(reverse_blocks, carried, strict=True)]
    adjoints = sweep.builder.emit(IF, node.args, loc=node.loc, blocks=blocks)
    sweep.adjoints.update(zip(targets, adjoints, strict=True))


def _is_much(needed: Sequence[Sequence[Sym]]) -> bool:
    """Whether what the sides need is too much to be carried out of them, for the side not taken as well."""
    symbols = [symbol for side in needed for symbol in side]
    return len(symbols) > _MOST_CARRIED or any(not isinstance(symbol.type, ScalarType) for symbol in symbols)


def _sweep_side(sweep: Sweep, node: Node, block: Block, arrays: Sequence[int]) -> _Side:
    inner = sweep.inner()
    results = (*block.results, *[sweep.shadow(block.results[index]) for index in arrays])
    with sweep.builder.block() as scope:
        for result, block_result in zip(node.results, block.results, strict=True):
            if result in sweep.adjoints:
                inner.accumulate(block_result, sweep.adjoint(result))
        forward = inner.run(block.nodes)
    own = {result for inside in block.nodes for result in inside.results}
    outside = {symbol: adjoint for symbol, adjoint in inner.adjoints.items() if symbol not in own}
    return _Side(results, forward, scope, outside)


def _finish_reverse(sweep: Sweep, side: _Side, targets: Sequence[Sym]) -> Block:
    """The reverse block: for each target, its adjoint so far plus this side's contribution."""
    results: list[Atom] = []
    with sweep.builder.block() as tail:
        for target in targets:
            so_far, contribution = sweep.adjoints.get(target), side.contributions.get(target)
            if so_far is not None and contribution is not None:
                results.append(sweep.emit(ADD, so_far, contribution))
            elif contribution is not None:
                results.append(contribution)
            else:
                results.append(so_far if so_far is not None else sweep.constant(target.type, 0))
    side.reverse.nodes.extend(tail.nodes)
    return side.reverse.finish(results)


def _carry_out(
    sweep: Sweep,
    node: Node,
    results: Sequence[Sym],
    sides: Sequence[_Side],
    needed: Sequence[Sequence[Sym]],
) -> list[dict[Sym, Atom]]:
    """Replace the forward `if` by one that also gives what is needed; for each side, where to find it.

    Values of the two sides that have the same type share a result.
    """
    found: list[dict[Sym, Atom]] = [{}, {}]
    slots: list[list[Sym | None]] = []
    for position, (side, symbols) in enumerate(zip(sides, needed, strict=True)):
        for symbol in symbols:
            if symbol in side.results:
                found[position][symbol] = results[side.results.index(symbol)]
                continue
            shared = next((s for s in slots if s[position] is None and _filler(s).type == symbol.type), None)
            if shared is None:
                shared = [None, None]
                slots.append(shared)
            shared[position] = symbol
    extra = [sweep.builder.fresh(_filler(slot).type, _filler(slot).name) for slot in slots]
    for slot, result in zip(slots, extra, strict=True):
        for position, filler in enumerate(slot):
            if filler is not None:
                found[position][filler] = result
    blocks = [_extended(sweep, side, [slot[position] for slot in slots], extra) for position, side in enumerate(sides)]
    sweep.replace_forward(node, with_results(node, (*results, *extra), node.args, blocks))
    return found


def _filler(slot: Sequence[Sym | None]) -> Sym:
    return next(symbol for symbol in slot if symbol is not None)


def _extended(sweep: Sweep, side: _Side, carried: Sequence[Sym | None], extra: Sequence[Sym]) -> Block:
    """The forward block with more results: the carried symbols, and zeros where this side has none."""
    with sweep.builder.block() as scope:
        scope.nodes.extend(side.forward)
        more = [
            sweep.constant(slot.type, 0) if symbol is None else symbol
            for symbol, slot in zip(carried, extra, strict=True)
        ]
    return scope.finish((*side.results, *more))


@derivative_rules.define(HOST_CALL)
def _host_call(_sweep: Sweep, node: Node) -> None:
    raise NotSupportedYetError(
        "the loss depends on the result of a call into Python, which has no derivative",
        loc=node.loc,
        hint="give it a rule by custom_gradient(); .detach() of what goes in lets no gradient through the call",
    )
