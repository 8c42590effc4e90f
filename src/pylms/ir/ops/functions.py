"""Calls of the native functions that stand beside the main one in `Function.functions`.

`call(args...) {callee, results, effect, reads, writes, mutates}`: runs the function of that name, whose results have
the types `results`. What that may do is written at the call, since a node's effect follows from the node alone:
`effect` holds the words `io`, `raises`, `keep`; `reads` and `writes` are numbers of regions, and the types of
containers whose heap is meant; `mutates` the positions of the buffers and tapes among the arguments that may be
written. All that are passed count as read. `call_graph.with_call_effects` writes it, and `verify` compares it with the
callee.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ...errors import StagedTypeError
from ..effects import Effect, Place
from ..node import Atom, AttributeValue, Block, Sym
from ..primitive import Primitive
from ..rules import effect_rules, type_rules
from ..types import BufferType, ContainerType, ContentType, Heap, Region, TapeType, Type

CALL = Primitive("call")
PRIMITIVES = (CALL,)


def call_attributes(
    callee: str, results: AttributeValue, effect: Effect, mutates: Iterable[int]
) -> dict[str, AttributeValue]:
    """The attributes of a call of `callee`, whose body has that effect, and may write those of its parameters."""
    words = tuple(word for word in ("io", "raises", "keep") if getattr(effect, word))
    return {
        "callee": callee,
        "results": results,
        "effect": words,
        "reads": _spelled(effect.reads),
        "writes": _spelled(effect.writes),
        "mutates": tuple(sorted(mutates)),
    }


def _spelled(places: frozenset[Place]) -> tuple[AttributeValue, ...]:
    regions = sorted(place.number for place in places if isinstance(place, Region))
    return (*regions, *sorted((place.type for place in places if isinstance(place, Heap)), key=str))


@type_rules.define(CALL)
def _call_type(
    _args: tuple[Type, ...], attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    results = attrs["results"]
    assert isinstance(results, tuple)
    types = tuple([result for result in results if isinstance(result, ContentType)])
    if len(types) != len(results):
        raise StagedTypeError("a native function gives values")
    return types


@effect_rules.define(CALL)
def _call_effect(args: tuple[Atom, ...], attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]) -> Effect:
    words = attrs["effect"]
    assert isinstance(words, tuple)
    mutates = attrs["mutates"]
    assert isinstance(mutates, tuple)
    buffers = [(index, arg) for index, arg in enumerate(args) if isinstance(arg, Sym) and _is_memory(arg)]
    return Effect(
        reads=frozenset(buffer for _, buffer in buffers) | _places(attrs["reads"]),
        writes=frozenset(buffer for index, buffer in buffers if index in mutates) | _places(attrs["writes"]),
        io="io" in words,
        raises="raises" in words,
        keep="keep" in words,
    )


def _is_memory(symbol: Sym) -> bool:
    return isinstance(symbol.type, (BufferType, TapeType))


def _places(spelled: AttributeValue) -> frozenset[Place]:
    assert isinstance(spelled, tuple)
    regions = {Region(place) for place in spelled if isinstance(place, int)}
    return frozenset(regions | {Heap(place) for place in spelled if isinstance(place, ContainerType)})
