"""Distances, similarities, losses made of them, and attention: compositions of other functions of PyTorch."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from ..errors import StagedTypeError
from ..loc import caller_loc
from .context import Operand, TorchContext
from .functions_elementary import composed
from .functions_loss import reduced, refuse_legacy
from .table import functions, refuse_options
from .tensor import StagedTensor


def _along(context: TorchContext, function: object, tensor: Operand, dim: int, keepdim: bool = False) -> StagedTensor:
    result = context.dispatch_staged(function, (tensor, dim), {"keepdim": keepdim})
    assert isinstance(result, StagedTensor)
    return result


@functions.define(F.cosine_similarity)
def _cosine_similarity(
    context: TorchContext, x1: Operand, x2: Operand, dim: int = 1, eps: float = 1e-8
) -> StagedTensor:
    """The product of both, each divided by its length, which counts as `eps` at least."""
    scaled = [
        composed(context, torch.div, x, composed(context, torch.clamp_min, _length(context, x, dim), eps))
        for x in (x1, x2)
    ]
    return _along(context, torch.sum, composed(context, torch.mul, *scaled), dim)


def _length(context: TorchContext, x: Operand, dim: int) -> StagedTensor:
    length = context.dispatch_staged(torch.linalg.vector_norm, (x, 2, dim, True), {})
    assert isinstance(length, StagedTensor)
    return length


@functions.define(F.pairwise_distance)
def _pairwise_distance(
    context: TorchContext, x1: Operand, x2: Operand, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> StagedTensor:
    difference = composed(context, torch.add, composed(context, torch.sub, x1, x2), eps)
    result = context.dispatch_staged(torch.linalg.vector_norm, (difference, p, -1, keepdim), {})
    assert isinstance(result, StagedTensor)
    return result


def _beyond(context: TorchContext, margin: float, *terms: Operand) -> StagedTensor:
    """The first of the terms without the second, plus the margin, where that is positive."""
    difference = composed(context, torch.sub, *terms) if len(terms) == 2 else terms[0]
    return composed(context, torch.clamp_min, composed(context, torch.add, difference, margin), 0)


@functions.define(F.triplet_margin_loss)
def _triplet_margin_loss(
    context: TorchContext,
    anchor: Operand,
    positive: Operand,
    negative: Operand,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: object = None,
    reduce: object = None,
    reduction: str = "mean",
) -> object:
    refuse_legacy("triplet_margin_loss", size_average, reduce)
    near = _pairwise_distance(context, anchor, positive, p, eps)
    far = _pairwise_distance(context, anchor, negative, p, eps)
    if swap:
        far = composed(context, torch.minimum, far, _pairwise_distance(context, positive, negative, p, eps))
    return reduced(context, _beyond(context, margin, near, far).atom, reduction)


@functions.define(F.margin_ranking_loss)
def _margin_ranking_loss(
    context: TorchContext,
    input1: Operand,
    input2: Operand,
    target: Operand,
    margin: float = 0,
    size_average: object = None,
    reduce: object = None,
    reduction: str = "mean",
) -> object:
    refuse_legacy("margin_ranking_loss", size_average, reduce)
    signed = composed(
        context, torch.mul, composed(context, torch.neg, target), composed(context, torch.sub, input1, input2)
    )
    return reduced(context, _beyond(context, margin, signed).atom, reduction)


@functions.define(F.hinge_embedding_loss)
def _hinge_embedding_loss(
    context: TorchContext,
    input: Operand,
    target: Operand,
    margin: float = 1.0,
    size_average: object = None,
    reduce: object = None,
    reduction: str = "mean",
) -> object:
    """x where the target is not -1, and what x lacks to the margin where it is not 1."""
    refuse_legacy("hinge_embedding_loss", size_average, reduce)
    lacking = _beyond(context, margin, composed(context, torch.neg, input))
    parts = [
        composed(context, torch.where, composed(context, torch.ne, target, other), each, 0.0)
        for other, each in ((1, lacking), (-1, input))
    ]
    return reduced(context, composed(context, torch.add, *parts).atom, reduction)


@functions.define(F.cosine_embedding_loss)
def _cosine_embedding_loss(
    context: TorchContext,
    input1: Operand,
    input2: Operand,
    target: Operand,
    margin: float = 0,
    size_average: object = None,
    reduce: object = None,
    reduction: str = "mean",
) -> object:
    refuse_legacy("cosine_embedding_loss", size_average, reduce)
    assert isinstance(target, torch.Tensor)
    similarity = _cosine_similarity(context, input1, input2, target.dim())
    apart = composed(
        context, torch.where, composed(context, torch.eq, target, -1), _beyond(context, -margin, similarity), 0.0
    )
    unlike = composed(context, torch.rsub, similarity, 1)
    together = composed(context, torch.where, composed(context, torch.eq, target, 1), unlike, 0.0)
    return reduced(context, composed(context, torch.add, apart, together).atom, reduction)


@functions.define(F.gaussian_nll_loss)
def _gaussian_nll_loss(
    context: TorchContext,
    input: Operand,
    target: Operand,
    var: Operand,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> object:
    """(log v + d**2 / v) / 2, where v is `eps` at least, which the derivative does not see."""
    if not isinstance(var, torch.Tensor):
        refuse_options("gaussian_nll_loss", var=(var, None))
    variance = context.dispatch_staged(torch.clone, (var,), {})
    assert isinstance(variance, StagedTensor)
    floor = composed(
        context,
        torch.sub,
        composed(context, torch.clamp_min, composed(context, torch.Tensor.detach, variance), eps),
        composed(context, torch.Tensor.detach, variance),
    )
    variance = composed(context, torch.add, variance, floor)
    square = composed(context, torch.square, composed(context, torch.sub, input, target))
    terms = composed(
        context, torch.add, composed(context, torch.log, variance), composed(context, torch.div, square, variance)
    )
    losses = composed(context, torch.mul, terms, 0.5)
    if full:
        losses = composed(context, torch.add, losses, 0.5 * math.log(2 * math.pi))
    return reduced(context, losses.atom, reduction)


@functions.define(F.scaled_dot_product_attention)
def _scaled_dot_product_attention(
    context: TorchContext,
    query: Operand,
    key: Operand,
    value: Operand,
    attn_mask: Operand | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> object:
    """softmax(q kT scale + mask) v, along the last two dimensions."""
    refuse_options("scaled_dot_product_attention", enable_gqa=(enable_gqa, False))
    shapes = context.type_of(query).shape, context.type_of(key).shape
    if is_causal and attn_mask is not None:
        raise StagedTypeError("attention is either causal or has a mask", loc=caller_loc())
    factor = 1 / math.sqrt(shapes[0][-1]) if scale is None else scale
    scores = composed(
        context,
        torch.matmul,
        composed(context, torch.mul, query, factor),
        composed(context, torch.Tensor.transpose, key, -2, -1),
    )
    if is_causal:
        attn_mask = StagedTensor(
            context.constant_tensor(torch.ones(shapes[0][-2], shapes[1][-2], dtype=torch.bool).tril()), context
        )
    if isinstance(attn_mask, torch.Tensor) and attn_mask.dtype is torch.bool:
        scores = composed(context, torch.where, attn_mask, scores, -math.inf)
    elif attn_mask is not None:
        scores = composed(context, torch.add, scores, attn_mask)
    weights = context.dispatch_staged(torch.softmax, (scores, -1), {})
    if dropout_p:
        weights = context.dispatch(F.dropout, (weights, dropout_p), {})
    return composed(context, torch.matmul, weights, value)
