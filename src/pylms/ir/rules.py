"""The two rules every primitive must have: the type of its results, and its effect.

A type rule checks operand types and gives result types; it raises `StagedTypeError` without a position, which
the builder adds. An effect rule may look at blocks, whose nodes already carry theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from .effects import PURE, Effect, all_of
from .node import Atom, AttributeValue, Block, Sym
from .primitive import Primitive, RuleTable
from .types import Type

TypeRule = Callable[[tuple[Type, ...], Mapping[str, AttributeValue], tuple[Block, ...]], tuple[Type, ...]]
EffectRule = Callable[[tuple[Atom, ...], Mapping[str, AttributeValue], tuple[Block, ...]], Effect]

type_rules: RuleTable[TypeRule] = RuleTable("type")
effect_rules: RuleTable[EffectRule] = RuleTable("effect")


def result_types(
    primitive: Primitive, args: tuple[Type, ...], attrs: Mapping[str, AttributeValue], blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    """What the type rule gives. It is asked once for the same operands, where these alone decide."""
    return type_rules[primitive](args, attrs, blocks) if attrs or blocks else _types_by_operands(primitive, *args)


@lru_cache(maxsize=4096)
def _types_by_operands(primitive: Primitive, *args: Type) -> tuple[Type, ...]:
    return type_rules[primitive](args, {}, ())


def pure(_args: tuple[Atom, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]) -> Effect:
    """The effect rule of primitives that only compute."""
    return PURE


def effect_of_block(block: Block) -> Effect:
    """What running a block does, as seen from outside it: its own variables do not count."""
    total = all_of([node.effect for node in block.nodes])
    if not total.reads and not total.writes:
        return total
    own: set[Sym] = set(block.params)
    for node in block.nodes:
        own.update(node.results)
    return total.without(frozenset(own))


def effect_of_blocks(
    _args: tuple[Atom, ...], _attrs: Mapping[str, AttributeValue], blocks: tuple[Block, ...]
) -> Effect:
    """The effect rule of structured control flow: whatever its blocks may do."""
    return all_of([effect_of_block(block) for block in blocks])
