"""The two rules every primitive must have: the type of its results, and its effect.

A type rule checks operand types and gives result types; it raises `StagedTypeError` without a position, which
the builder adds. An effect rule may look at blocks, whose nodes already carry theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .effects import PURE, Effect
from .node import Atom, AttributeValue, Block, Sym
from .primitive import RuleTable
from .types import Type

TypeRule = Callable[[tuple[Type, ...], Mapping[str, AttributeValue], tuple[Block, ...]], tuple[Type, ...]]
EffectRule = Callable[[tuple[Atom, ...], Mapping[str, AttributeValue], tuple[Block, ...]], Effect]

type_rules: RuleTable[TypeRule] = RuleTable("type")
effect_rules: RuleTable[EffectRule] = RuleTable("effect")


def pure(_args: tuple[Atom, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]) -> Effect:
    """The effect rule of primitives that only compute."""
    return PURE


def effect_of_block(block: Block) -> Effect:
    """What running a block does, as seen from outside it: its own variables do not count."""
    total = PURE
    own: set[Sym] = set(block.params)
    for node in block.nodes:
        total = total | node.effect
        own.update(node.results)
    return total.without(frozenset(own))


def effect_of_blocks(
    _args: tuple[Atom, ...], _attrs: Mapping[str, AttributeValue], blocks: tuple[Block, ...]
) -> Effect:
    """The effect rule of structured control flow: whatever its blocks may do."""
    total = PURE
    for block in blocks:
        total = total | effect_of_block(block)
    return total
