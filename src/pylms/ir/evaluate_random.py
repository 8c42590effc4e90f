"""What random primitives mean: the generator word by word."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from .evaluate_rules import Value, evaluate_rules
from .node import Node
from .ops.random import RANDOM_BELOW, RANDOM_UNIFORM, WORDS
from .ops.tensors import integers_of
from .types import FLOAT32

if TYPE_CHECKING:
    from .interpret import Interpreter

_DISTANCE = 397
_LOW_32 = 0xFFFFFFFF


@evaluate_rules.define(RANDOM_UNIFORM)
def _evaluate_uniform(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    shape = integers_of(node, "shape")
    if node.attr("dtype") == FLOAT32:
        words = [_next_word(args[0]) for _ in range(prod(shape))]
        return (np.array([(word & 0xFFFFFF) * 2.0**-24 for word in words], np.float32).reshape(shape),)
    return (np.array([number * 2.0**-53 for number in draw_numbers(args[0], prod(shape))], np.float64).reshape(shape),)


@evaluate_rules.define(RANDOM_BELOW)
def _evaluate_below(_interpreter: Interpreter, node: Node, args: list[Any]) -> tuple[Value, ...]:
    shape, probability = integers_of(node, "shape"), node.attr("probability")
    numbers = draw_numbers(args[0], prod(shape))
    return (np.array([number * 2.0**-53 < probability for number in numbers], np.bool_).reshape(shape),)  # type: ignore[operator]


def draw_numbers(state: Any, count: int) -> list[int]:
    """The next integers of 53 bits that a generator gives; `state` is an int32 array that moves on."""
    pairs = [(_next_word(state), _next_word(state)) for _ in range(count)]
    return [(high << 32 | low) & (2**53 - 1) for high, low in pairs]


def _next_word(state: Any) -> int:
    if state[WORDS] >= WORDS:
        words = [int(word) & _LOW_32 for word in state[:WORDS]]
        for index in range(WORDS):
            mixed = (words[index] & 0x80000000) | (words[(index + 1) % WORDS] & 0x7FFFFFFF)
            words[index] = words[(index + _DISTANCE) % WORDS] ^ (mixed >> 1) ^ (0x9908B0DF if mixed & 1 else 0)
        state[:WORDS] = np.array(words, np.uint32).view(np.int32)
        state[WORDS] = 0
    word = int(state[state[WORDS]]) & _LOW_32
    state[WORDS] += 1
    word ^= word >> 11
    word ^= (word << 7) & 0x9D2C5680
    word ^= (word << 15) & 0xEFC60000
    return word ^ (word >> 18)
