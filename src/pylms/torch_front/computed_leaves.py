"""Staged tensors that gradients are taken by: `x.requires_grad_()` and `x.retain_grad()` of what the program computes.

In: staged tensors. Out: the same with a mark in them that a derivative can end at, and a `.grad` of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch

from ..errors import StagedTypeError
from ..ir.node import Sym
from ..ir.ops.arithmetic import ADD
from ..ir.ops.differentiation import LEAF
from ..loc import caller_loc
from ..staging.cells import Cell
from .content import Content
from .tensor import Place, StagedTensor

if TYPE_CHECKING:
    from .context import TorchContext


@dataclass(frozen=True, slots=True)
class _Leaf:
    """`gradient` holds its `.grad`: None, or a staged tensor; there is no such cell where PyTorch leaves none."""

    tensor: StagedTensor
    gradient: Cell | None


class ComputedLeaves:
    """Those of one trace, by the symbol of the mark."""

    def __init__(self, context: TorchContext) -> None:
        self._context = context
        self._leaves: dict[Sym, _Leaf] = {}

    def mark(self, tensor: StagedTensor, *, keeps_gradient: bool) -> None:
        """Derivatives can be taken by the tensor from here on; `keeps_gradient`: `backward()` gives it a `.grad`."""
        known = self._leaf_in(tensor)
        if known is not None and (known.gradient is not None or not keeps_gradient):
            return
        if not tensor.is_floating_point():
            raise StagedTypeError(f"only tensors of floats can require gradients, not {tensor.dtype}", loc=caller_loc())
        trace = self._context.trace
        (symbol,) = trace.emit(LEAF, [tensor.atom], attrs={"number": trace.builder.symbols_made})
        if tensor.content.seen is None:
            self._context.write(tensor, symbol)
        else:
            tensor.content = Content(symbol, self._context, None)
        tensor.note_change(tracks_gradient=True)
        self._leaves[symbol] = _Leaf(tensor, Cell("grad", None) if keeps_gradient else None)

    def symbol_in(self, tensor: StagedTensor) -> Sym | None:
        """The mark that is in the tensor now; None where there is none."""
        return None if self._leaf_in(tensor) is None else cast(Sym, tensor.atom)

    def among(self, symbols: set[Sym]) -> dict[Sym, torch.Tensor]:
        """The leaves that have these marks, and a `.grad`."""
        return {
            symbol: leaf.tensor
            for symbol, leaf in self._leaves.items()
            if symbol in symbols and leaf.gradient is not None
        }

    def read(self, tensor: StagedTensor) -> StagedTensor | None:
        """`tensor.grad`."""
        cell = self._cell_of(tensor)
        value = None if cell is None else cast("StagedTensor | None", cell.read())
        if cell is None or value is None:
            return None
        place = Place(cell.assign)
        return StagedTensor(value.atom, self._context, tracks_gradient=value.tracks_gradient, place=place)

    def write(self, tensor: StagedTensor, value: StagedTensor | None) -> None:
        """`tensor.grad = value`."""
        cell = self._cell_of(tensor)
        if cell is not None:
            cell.assign(value)

    def accumulate(self, tensor: StagedTensor, gradient: StagedTensor) -> None:
        """Add to `tensor.grad`."""
        before = self.read(tensor)
        if before is not None:
            total = self._context.emit(ADD, before.atom, gradient.atom)
            tracks = before.tracks_gradient or gradient.tracks_gradient
            gradient = StagedTensor(total, self._context, tracks_gradient=tracks)
        self.write(tensor, gradient)

    def _cell_of(self, tensor: StagedTensor) -> Cell | None:
        leaf = self._leaf_in(tensor)
        return None if leaf is None else leaf.gradient

    def _leaf_in(self, tensor: StagedTensor) -> _Leaf | None:
        atom = tensor.atom
        return self._leaves.get(atom) if isinstance(atom, Sym) else None
