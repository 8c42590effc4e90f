"""Random tensors, from a Mersenne Twister (MT19937; Matsumoto and Nishimura, 1998) whose state lies in a buffer.

The state is int32[625]: 624 words, and how many of them have been given out. A float32 takes a word, of which the low
24 bits count; a float64 takes two, of which the low 53 bits count, the first one being the higher: what PyTorch's
generator on the CPU makes of its words.

`random_uniform(state) {dtype, shape}`: floats from 0 on, below 1.
`random_below(state) {probability, shape}`: bools: whether a float64 of `random_uniform` is below the probability.

The state may be that of the whole process, which what Python does in between draws from: draws are as visible as
prints, and keep their places.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import StagedTypeError
from ..effects import Effect
from ..node import Atom, AttributeValue, Block, Sym
from ..primitive import Primitive
from ..rules import effect_rules, type_rules
from ..types import BOOL, FLOAT32, FLOAT64, INT32, BufferType, TensorType, Type
from .tensors import integers

WORDS = 624
STATE = BufferType(INT32, (WORDS + 1,))

RANDOM_UNIFORM = Primitive("random_uniform")
RANDOM_BELOW = Primitive("random_below")
PRIMITIVES = (RANDOM_UNIFORM, RANDOM_BELOW)

_Attrs = Mapping[str, AttributeValue]


def _require_state(args: tuple[Type, ...]) -> None:
    if args != (STATE,):
        raise StagedTypeError(f"random numbers come from the state of a generator, {STATE}, not {args[0]}")


@type_rules.define(RANDOM_UNIFORM)
def _uniform_type(args: tuple[Type, ...], attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    _require_state(args)
    dtype = attrs["dtype"]
    if dtype not in (FLOAT32, FLOAT64):
        raise StagedTypeError(f"random numbers of {dtype} are not uniform")
    return (TensorType(dtype, integers(attrs, "shape")),)


@type_rules.define(RANDOM_BELOW)
def _below_type(args: tuple[Type, ...], attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    _require_state(args)
    probability = attrs["probability"]
    if not isinstance(probability, float) or not 0 <= probability <= 1:
        raise StagedTypeError(f"{probability} is no probability")
    return (TensorType(BOOL, integers(attrs, "shape")),)


@effect_rules.define(*PRIMITIVES)
def _draw_effect(args: tuple[Atom, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> Effect:
    state = frozenset(arg for arg in args if isinstance(arg, Sym))
    return Effect(reads=state, writes=state, io=True)
