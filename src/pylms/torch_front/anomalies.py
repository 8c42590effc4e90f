"""Finding where a NaN comes from, under `torch.autograd.set_detect_anomaly(True)` or `detect_anomaly()`.

In: what staged functions gave, and the gradients of a `backward()`. Out: checks that end the run with RuntimeError
where a gradient is NaN: at the line of the first function whose result is, or at that of `backward()` if none is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ..ir.node import Atom, Const
from ..ir.ops.arithmetic import CONVERT, LOGICAL_AND, LOGICAL_NOT, LOGICAL_OR, NE
from ..ir.ops.control import CHECK
from ..ir.ops.tensors import ELEMENT, REDUCE_MAX
from ..ir.types import INT64, TensorType
from ..loc import Loc, caller_loc
from .table import name_of
from .tensor import StagedTensor

if TYPE_CHECKING:
    from .context import TorchContext


@dataclass(frozen=True, slots=True)
class _Result:
    name: str
    atom: Atom
    loc: Loc


class Anomalies:
    """The results that gradients flow through, of one trace, in order, as far as they were made under detection."""

    def __init__(self, context: TorchContext) -> None:
        self._context = context
        self._results: list[_Result] = []

    def note(self, function: object, value: object) -> None:
        """A function was staged, and gave that."""
        if not torch.is_anomaly_enabled() or not isinstance(value, StagedTensor) or not value.tracks_gradient:
            return
        result = _Result(name_of(function), value.atom, caller_loc())
        self._results.append(result)
        self._context.trace.on_undo(lambda: self._results.remove(result))

    def check(self, gradients: Sequence[Atom]) -> None:
        """A `backward()` was staged, and gives those."""
        if not torch.is_anomaly_enabled():
            return
        is_wrong: Atom = self._is_nan(gradients[0])
        for gradient in gradients[1:]:
            is_wrong = self._context.emit(LOGICAL_OR, is_wrong, self._is_nan(gradient))
        builder = self._context.trace.builder
        for result in self._results:
            if not isinstance(result.atom, Const) and builder.is_in_scope(result.atom):
                began_here = self._context.emit(LOGICAL_AND, is_wrong, self._is_nan(result.atom))
                self._forbid(began_here, f"`{result.name}` gave nan, and so does backward()", result.loc)
        self._forbid(is_wrong, "backward() gave nan, though nothing that it goes back through is", caller_loc())

    def _forbid(self, condition: Atom, message: str, loc: Loc) -> None:
        fine = self._context.emit(LOGICAL_NOT, condition)
        self._context.trace.emit(CHECK, [fine], attrs={"error": "RuntimeError", "message": message}, loc=loc)

    def _is_nan(self, atom: Atom) -> Atom:
        assert isinstance(atom.type, TensorType)
        context = self._context
        if not atom.type.size:
            return context.trace.lift(False)
        flat = context.reshape(atom, (atom.type.size,))
        found = context.emit(CONVERT, context.emit(NE, flat, flat), dtype=INT64)
        return context.emit(NE, context.emit(ELEMENT, context.emit(REDUCE_MAX, found, axes=(0,))), Const(0, INT64))
