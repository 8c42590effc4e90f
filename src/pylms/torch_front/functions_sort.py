"""Sorting and what is made of it: `sort`, `argsort`, `msort`, `topk`, `kthvalue`, `median`.

Values are taken at the positions that `order` gives, so their derivatives go to where they came from. NaN counts as
greater than everything. Of equal elements the first one comes first, where PyTorch leaves open which.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from ..errors import StagedTypeError, StagingError, TorchFeatureError
from ..ir.node import Atom
from ..ir.ops.arithmetic import EQ, NE, SELECT
from ..ir.ops.tensor_gathers import ORDER, TAKE_ALONG
from ..ir.ops.tensors import TRANSPOSE
from ..loc import caller_loc
from ..staging.rep import Rep
from .context import Operand, TorchContext, normalised_axis
from .functions_join import region
from .functions_reduce import ValuesAndIndices
from .table import functions, methods, refuse_options
from .tensor import StagedTensor
from .view_steps import tensor_type


class _Sorted(NamedTuple):
    """The positions that sort a tensor along a dimension: its values there are sorted."""

    source: Atom
    order: Atom
    axis: int

    def part(self, context: TorchContext, start: int, size: int) -> _Sorted:
        """The same of `size` elements from one on."""
        shape = tensor_type(self.order).shape
        return _Sorted(self.source, region(shape, self.axis, start, size).read(context, self.order), self.axis)

    def results(self, context: TorchContext, *, keepdim: bool = True) -> ValuesAndIndices:
        """Values and positions; without their dimension, which has one element, unless `keepdim`."""
        order = self.order
        values: Atom = context.emit(TAKE_ALONG, self.source, order, axis=self.axis)
        if not keepdim:
            shape = tensor_type(order).shape
            rest = (*shape[: self.axis], *shape[self.axis + 1 :])
            values, order = context.reshape(values, rest), context.reshape(order, rest)
        return ValuesAndIndices(context.wrap(values), StagedTensor(order, context))


def _sorted(context: TorchContext, input: Operand, dim: object, *, descending: bool = False) -> _Sorted:
    """A tensor without dimensions is taken as one of a single element."""
    atom: Atom = context.atom(input)
    rank = max(tensor_type(atom).rank, 1)
    if not tensor_type(atom).rank:
        atom = context.reshape(atom, (1,))
    axis = normalised_axis(dim, rank)
    # The dimension comes last to be sorted, and goes back to where it was.
    to_last = (*range(axis), *range(axis + 1, rank), axis)
    back = (*range(axis), rank - 1, *range(axis, rank - 1))
    rows: Atom = atom if axis == rank - 1 else context.emit(TRANSPOSE, atom, permutation=to_last)
    order: Atom = context.emit(ORDER, rows, descending=descending)
    if axis != rank - 1:
        order = context.emit(TRANSPOSE, order, permutation=back)
    return _Sorted(atom, order, axis)


def _like(context: TorchContext, input: Operand, found: ValuesAndIndices) -> ValuesAndIndices:
    """The results for a tensor that may have no dimensions."""
    if context.type_of(input).rank:
        return found
    values, positions = (context.reshape(each.atom, ()) for each in found)
    return ValuesAndIndices(context.wrap(values), StagedTensor(positions, context))


@functions.define(*methods("sort"))
def _sort(
    context: TorchContext,
    input: Operand,
    dim: int = -1,
    descending: bool = False,
    stable: bool | None = None,
    *,
    out: object = None,
) -> object:
    refuse_options("sort", out=(out, None))
    return _like(context, input, _sorted(context, input, dim, descending=bool(descending)).results(context))


@functions.define(*methods("msort"))
def _msort(context: TorchContext, input: Operand, *, out: object = None) -> object:
    refuse_options("msort", out=(out, None))
    return _like(context, input, _sorted(context, input, 0).results(context)).values


@functions.define(*methods("argsort"))
def _argsort(
    context: TorchContext, input: Operand, dim: int = -1, descending: bool = False, stable: bool = False
) -> object:
    return _like(context, input, _sorted(context, input, dim, descending=bool(descending)).results(context)).indices


@functions.define(*methods("topk"))
def _topk(
    context: TorchContext,
    input: Operand,
    k: int,
    dim: int = -1,
    largest: bool = True,
    sorted: bool = True,
    *,
    out: object = None,
) -> object:
    refuse_options("topk", out=(out, None))
    found = _sorted(context, input, dim, descending=bool(largest))
    _require_count(context, "topk", k, 0, found)
    return _like(context, input, found.part(context, 0, k).results(context))


@functions.define(*methods("kthvalue"))
def _kthvalue(
    context: TorchContext, input: Operand, k: int, dim: int = -1, keepdim: bool = False, *, out: object = None
) -> object:
    refuse_options("kthvalue", out=(out, None))
    found = _sorted(context, input, dim)
    _require_count(context, "kthvalue", k, 1, found)
    return _like(context, input, found.part(context, k - 1, 1).results(context, keepdim=keepdim))


def _require_count(context: TorchContext, name: str, k: object, least: int, found: _Sorted) -> None:
    if isinstance(k, (Rep, StagedTensor)):
        raise StagingError(f"`k` of {name}() must be known while staging", loc=caller_loc())
    extent = tensor_type(found.order).shape[found.axis]
    if not isinstance(k, int) or not least <= k <= extent:
        raise StagedTypeError(f"{name}() of {k!r} elements of a dimension of size {extent}", loc=caller_loc())


@functions.define(*methods("median"))
def _median(context: TorchContext, input: Operand, dim: int | None = None, keepdim: bool = False) -> object:
    """The lower one of two; NaN where there is one. Without `dim`, equal elements share the derivative evenly."""
    if dim is None:
        return _median_of_all(context, input)
    return _like(context, input, _median_along(context, input, dim).results(context, keepdim=keepdim))


def _median_along(context: TorchContext, input: Operand, dim: int) -> _Sorted:
    found = _sorted(context, input, dim)
    extent = tensor_type(found.order).shape[found.axis]
    if not extent:
        raise StagedTypeError("median() of no elements", loc=caller_loc())
    middle, last = (found.part(context, place, 1) for place in ((extent - 1) // 2, extent - 1))
    greatest = context.emit(TAKE_ALONG, found.source, last.order, axis=found.axis)
    is_nan = context.emit(NE, greatest, greatest)
    return _Sorted(found.source, context.emit(SELECT, is_nan, last.order, middle.order), found.axis)


def _median_of_all(context: TorchContext, input: Operand) -> StagedTensor:
    type_ = context.type_of(input)
    flat = context.reshape(context.atom(input), (type_.size,))
    with torch.no_grad():
        fixed = StagedTensor(context.without_gradient(input), context)
        found = _median_along(context, context.dispatch(torch.reshape, (fixed, (type_.size,)), {}), 0)
        middle = context.emit(TAKE_ALONG, found.source, found.order, axis=0)
    if not context.tracks_gradient:
        return context.wrap(context.reshape(middle, ()))
    every = context.wrap(flat)
    is_it = StagedTensor(context.emit(EQ, flat, context.broadcast(middle, (type_.size,))), context)
    # The mean of what equals it is the median itself, and has the derivative.
    total = context.dispatch(torch.sum, (context.dispatch(torch.where, (is_it, every, 0.0), {}),), {})
    share = context.dispatch(torch.div, (total, context.dispatch(torch.sum, (is_it,), {})), {})
    assert isinstance(share, StagedTensor)
    return share


def _define_refusal(name: str) -> None:
    @functions.define(*methods(name))
    def refuse(context: TorchContext, input: Operand, *_arguments: object, **_options: object) -> object:
        raise TorchFeatureError(
            f"`torch.{name}` cannot be staged yet",
            loc=caller_loc(),
            hint="use sort, topk, kthvalue or median, or compute it outside staged code",
        )


for _name in ("quantile", "nanquantile", "nanmedian", "unique", "unique_consecutive", "mode"):
    _define_refusal(_name)
