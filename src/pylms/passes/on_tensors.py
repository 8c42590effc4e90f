"""Passes that concern tensors alone are not run on functions without any: long programs of numbers need none."""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.node import Block, Function
from ..ir.ops import fusion
from ..ir.types import TensorType
from .base import Pass

_OF_TENSORS = frozenset(fusion.PRIMITIVES)


@dataclass(frozen=True)
class OnTensors:
    """A pass, where there are tensors or what becomes of them."""

    inner: Pass

    @property
    def name(self) -> str:
        return self.inner.name

    def run(self, function: Function) -> Function:
        return self.inner.run(function) if has_tensors(function) else function


def has_tensors(function: Function) -> bool:
    """Whether the function computes with whole arrays, before or after they became loop nests."""
    return any(isinstance(param.type, TensorType) for param in function.params) or _has_tensors(function.body)


def _has_tensors(block: Block) -> bool:
    for node in block.nodes:
        for result in node.results:
            if result.type.__class__ is TensorType:
                return True
        if node.primitive in _OF_TENSORS or any(map(_has_tensors, node.blocks)):
            return True
    return False
