"""Loop nests over tensors: what a backend with loops turns the tensor operations into (DESIGN D8, D14).

`fused(destination...) {shape, ranks} block(i0, i1, ...)`: a loop nest over `shape`. Its block takes one int64 index an
axis and gives scalars; scalar k defines one element, at the first `ranks[k]` indices, of something of shape
`shape[:ranks[k]]`, and depends on no later index. The first block results are written into the destinations, which are
buffers; the others make up the tensors that are the node's results. All elements could be computed at once: a
destination is read, in the block, at the very element that is being written, or not at all.
`reduction() {kind, shape} block(k0, ...)`: one scalar, the sum or maximum ("sum", "max") of the block's result over
all indices; the order is open. An empty maximum is minus infinity (the least value of an integer type).
`element_at(source, index...) {shape}`: one element of a tensor or buffer, seen as an array of that shape (a reshape of
dense memory costs nothing). Indices are in range.
`matmul_update(buffer, alpha, beta, a, b, c, d...) {transpose_a, transpose_b}`: buffer becomes beta * buffer + alpha *
(a b + c d + ..), all products being of the same types. beta = 0 means that the old content does not count, not even
NaN; no matrix is borrowed from the buffer.
`scatter_update(buffer, alpha, index, updates) {axis}`: adds alpha * updates to the buffer, at the positions at which
`scatter_add` would add to zeros; the updates are not borrowed from the buffer.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from ...errors import StagedTypeError
from ..effects import Effect
from ..node import Atom, AttributeValue, Block, Sym
from ..primitive import Primitive
from ..rules import effect_of_blocks, effect_rules, type_rules
from ..types import INT64, BufferType, ScalarType, TensorType, Type
from .tensor_gathers import SCATTER_ADD
from .tensors import MATMUL, integers

FUSED = Primitive("fused")
REDUCTION = Primitive("reduction")
ELEMENT_AT = Primitive("element_at")
MATMUL_UPDATE = Primitive("matmul_update")
SCATTER_UPDATE = Primitive("scatter_update")
PRIMITIVES = (FUSED, REDUCTION, ELEMENT_AT, MATMUL_UPDATE, SCATTER_UPDATE)

REDUCTION_KINDS = ("sum", "max")

_Attrs = Mapping[str, AttributeValue]


def _require_indices(block: Block, shape: tuple[int, ...]) -> None:
    if [param.type for param in block.params] != [INT64] * len(shape):
        raise StagedTypeError(f"a loop nest over {shape} needs as many int64 indices")


def _scalar(atom: Atom) -> ScalarType:
    if isinstance(atom.type, ScalarType):
        return atom.type
    raise StagedTypeError(f"a loop nest computes one number at a time, not {atom.type}")


@type_rules.define(FUSED)
def _fused_type(args: tuple[Type, ...], attrs: _Attrs, blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    (block,) = blocks
    shape, ranks = integers(attrs, "shape"), integers(attrs, "ranks")
    _require_indices(block, shape)
    if len(ranks) != len(block.results) or any(rank not in range(len(shape) + 1) for rank in ranks):
        raise StagedTypeError(f"the ranks {ranks} do not fit a loop nest over {shape}")
    types = tuple(TensorType(_scalar(result), shape[:rank]) for result, rank in zip(block.results, ranks, strict=True))
    for destination, type_ in zip(args, types):  # noqa: B905 - results beyond the destinations are the node's own
        if not isinstance(destination, BufferType) or destination.tensor != type_:
            raise StagedTypeError(f"{type_} cannot be written into {destination}")
    return types[len(args) :]


@type_rules.define(REDUCTION)
def _reduction_type(_args: tuple[Type, ...], attrs: _Attrs, blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    (block,) = blocks
    _require_indices(block, integers(attrs, "shape"))
    if attrs["kind"] not in REDUCTION_KINDS or len(block.results) != 1:
        raise StagedTypeError("a reduction is a sum or a maximum of one number")
    return (_scalar(block.results[0]),)


@type_rules.define(ELEMENT_AT)
def _element_at_type(args: tuple[Type, ...], attrs: _Attrs, _blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    source, *indices = args
    shape = integers(attrs, "shape")
    if not isinstance(source, (TensorType, BufferType)) or prod(shape) != source.size:
        raise StagedTypeError(f"{source} cannot be read as an array of shape {shape}")
    if len(indices) != len(shape) or any(not isinstance(i, ScalarType) or not i.is_integer for i in indices):
        raise StagedTypeError(f"an array of shape {shape} needs {len(shape)} integer indices")
    return (source.dtype,)


@type_rules.define(MATMUL_UPDATE)
def _matmul_update_type(args: tuple[Type, ...], attrs: _Attrs, blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    buffer, alpha, beta, *factors = args
    (product,) = type_rules[MATMUL](tuple(factors[:2]), attrs, blocks)
    if factors[2:] != factors[:2] * (len(factors) // 2 - 1):
        raise StagedTypeError(f"products of different types, {factors}, cannot be added at once")
    if not isinstance(buffer, BufferType) or buffer.tensor != product or {alpha, beta} != {buffer.dtype}:
        raise StagedTypeError(f"{product} times {alpha} cannot be added to {beta} times {buffer}")
    return ()


@type_rules.define(SCATTER_UPDATE)
def _scatter_update_type(args: tuple[Type, ...], attrs: _Attrs, blocks: tuple[Block, ...]) -> tuple[Type, ...]:
    buffer, alpha, index, updates = args
    axis = attrs["axis"]
    if not isinstance(buffer, BufferType) or not isinstance(axis, int) or axis not in range(len(buffer.shape)):
        raise StagedTypeError(f"{buffer} has no dimension {axis}")
    if alpha != buffer.dtype:
        raise StagedTypeError(f"{updates} times {alpha} cannot be added to parts of {buffer}")
    size: _Attrs = {"axis": axis, "size": buffer.shape[axis]}
    if type_rules[SCATTER_ADD]((index, updates), size, blocks) != (buffer.tensor,):
        raise StagedTypeError(f"{updates} at {index} does not fit into {buffer}")
    return ()


effect_rules.define(REDUCTION)(effect_of_blocks)


def _buffers_among(args: tuple[Atom, ...]) -> frozenset[Sym]:
    return frozenset(arg for arg in args if isinstance(arg, Sym) and isinstance(arg.type, BufferType))


@effect_rules.define(FUSED)
def _fused_effect(args: tuple[Atom, ...], attrs: _Attrs, blocks: tuple[Block, ...]) -> Effect:
    return effect_of_blocks(args, attrs, blocks) | Effect(writes=_buffers_among(args))


@effect_rules.define(ELEMENT_AT)
def _element_at_effect(args: tuple[Atom, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> Effect:
    return Effect(reads=_buffers_among(args[:1]))


@effect_rules.define(MATMUL_UPDATE, SCATTER_UPDATE)
def _update_effect(args: tuple[Atom, ...], _attrs: _Attrs, _blocks: tuple[Block, ...]) -> Effect:
    return Effect(reads=_buffers_among(args[:1]), writes=_buffers_among(args[:1]))
