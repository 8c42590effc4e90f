"""Loop nests over arrays of run-time shape: what NumPy's operations on whole arrays become (DESIGN D14).

`array_build(n...) {region} block(i...)`: a new dense array of those extents, each element being what the block gives
for its indices. All elements could be computed at once.
`array_update(target) block(i...)`: stores what the block gives to each element of an array, one after the other in
row-major order.
`array_reduce(n...) {kind} block(i...)`: one number out of what the block gives for all indices. The order of a "sum" or
"prod" is open; "min" and "max" are NaN where an element is; "any" and "all" need not look at every element; "argmin"
and "argmax" give the position, in row-major order, of the first extreme element, or of the first NaN. Of no elements,
what the first four give is `empty_result`, and "argmin" and "argmax" give 0.
`broadcast_extent(n, m)`: n, or m where n is 1: the extent that two dimensions that fit have together.
`broadcast_index(i, n)`: i, or 0 where n is 1: the index at which a dimension of n elements is read.

The extents are not negative. Blocks have no effect but reading, and read at indices that are in range.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from ...errors import StagedTypeError
from ..effects import Effect, writes
from ..node import Atom, AttributeValue, Block, Const, Node, Sym, walk
from ..primitive import Primitive
from ..rules import effect_of_blocks, effect_rules, pure, type_rules
from ..types import BOOL, INT, INT64, ArrayType, Region, ScalarType, Type
from .arrays import ARRAY_LOAD

ARRAY_BUILD = Primitive("array_build")
ARRAY_UPDATE = Primitive("array_update")
ARRAY_REDUCE = Primitive("array_reduce")
BROADCAST_EXTENT = Primitive("broadcast_extent")
BROADCAST_INDEX = Primitive("broadcast_index")
NESTS = (ARRAY_BUILD, ARRAY_UPDATE, ARRAY_REDUCE)
PRIMITIVES = (*NESTS, BROADCAST_EXTENT, BROADCAST_INDEX)

FOLDS = ("sum", "prod", "min", "max")
TESTS = ("any", "all")
SEARCHES = ("argmin", "argmax")

_Attrs = Mapping[str, AttributeValue]


def empty_result(kind: str, type_: ScalarType) -> Const:
    """What a fold gives of no elements; the element it starts from."""
    if kind in ("sum", "prod"):
        number = 0 if kind == "sum" else 1
        return Const(float(number) if type_.is_float else number, type_)
    if type_.is_float:
        return Const(math.inf if kind == "min" else -math.inf, type_)
    return Const(type_.largest if kind == "min" else type_.smallest, type_)


def _element(block: Block, rank: int) -> ScalarType:
    """The type of the one number that a nest's block gives."""
    if [param.type for param in block.params] != [INT] * rank:
        raise StagedTypeError(f"a nest over {rank} dimensions needs as many int indices")
    if len(block.results) != 1 or not isinstance(block.results[0].type, ScalarType):
        raise StagedTypeError("a nest computes one number at a time")
    if any(_does_more_than_read(node.effect) for node in block.nodes):
        raise StagedTypeError("the block of a nest has no effect but reading")
    return block.results[0].type


def _does_more_than_read(effect: Effect) -> bool:
    return bool(effect.writes) or effect.io or effect.raises or effect.keep


def _require_extents(types: Sequence[Type]) -> None:
    if any(type_ != INT for type_ in types):
        raise StagedTypeError(f"extents are ints, not ({', '.join(map(str, types))})")


@type_rules.define(ARRAY_BUILD)
def _build_type(args: tuple[Type, ...], attrs: _Attrs, blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    _require_extents(args)
    region = attrs["region"]
    assert isinstance(region, int)
    return (ArrayType(_element(blocks[0], len(args)), len(args), True, Region(region)),)


@type_rules.define(ARRAY_UPDATE)
def _update_type(args: tuple[Type, ...], _attrs: _Attrs, blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    (target,) = args
    if not isinstance(target, ArrayType) or _element(blocks[0], target.rank) != target.dtype:
        raise StagedTypeError(f"such elements do not go into {target}")
    return ()


@type_rules.define(ARRAY_REDUCE)
def _reduce_type(args: tuple[Type, ...], attrs: _Attrs, blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    _require_extents(args)
    element, kind = _element(blocks[0], len(args)), attrs["kind"]
    if kind in SEARCHES:
        return (INT64,)
    if kind in TESTS and element == BOOL:
        return (BOOL,)
    if kind not in FOLDS or element == BOOL:
        raise StagedTypeError(f"{kind} is no reduction of {element}")
    return (element,)


@type_rules.define(BROADCAST_EXTENT, BROADCAST_INDEX)
def _broadcast_type(args: tuple[Type, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    if args != (INT, INT):
        raise StagedTypeError(f"two ints are needed here, not ({', '.join(map(str, args))})")
    return (INT,)


effect_rules.define(ARRAY_BUILD, ARRAY_REDUCE)(effect_of_blocks)
effect_rules.define(BROADCAST_EXTENT, BROADCAST_INDEX)(pure)


@effect_rules.define(ARRAY_UPDATE)
def _update_effect(args: tuple[Atom, ...], attrs: _Attrs, blocks: tuple[Block, ...]) -> Effect:
    target = args[0].type
    assert isinstance(target, ArrayType)
    return effect_of_blocks(args, attrs, blocks) | writes(target.region)


def reads_of_other_elements(update: Block, target: Sym) -> Iterator[Node]:
    """What, in a block that is to be stored to each element of `target`, may read an element that is another one's."""
    assert isinstance(target.type, ArrayType)
    region, own = target.type.region, (target, *update.params)
    for node in walk(update):
        if region in node.effect.reads and not node.blocks and (node.primitive is not ARRAY_LOAD or node.args != own):
            yield node
