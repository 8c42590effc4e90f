"""What asks for derivatives. The passes of `ad` replace it; nothing later in the pipeline knows it.

`independent(x) {number}`: x, as a variable of the differentiation of that number. Only what is computed from this
result depends on it, so that derivatives within derivatives do not take each other's variables for their own. An array
stays the same memory.
`pullback(y..., y_bar..., x...) {outputs, regions}`: of `outputs` values y that depend on results x of `independent`, in
the same block: the sum over y of y_bar times the derivative of y by x; one result for each x, of its type. That of an
array is new memory, of the region that `regions` tells at its place.
`custom_gradient(y..., x...) {outputs} block(y_bar...)`: y, whose derivatives by x the block tells: from what is pulled
back to y it computes what that is for x. The block runs in reverse sweeps only. Derivatives do not pass to y as it was
computed.
`checkpoint_begin() {number}`, `checkpoint_end(begin, y...)`: y, which the nodes since `begin`, in the same block, have
computed. A reverse sweep computes them again, so that nothing of them is kept until then.
`leaf(x) {number}`: the tensor x, as a variable that a `backward` differentiates by.
`backward(loss, variable...) {create_graph}`: gradients of a rank-0 loss with respect to buffers, as of the loads before
it, and to results of `leaf`. One result a variable, of the tensor type it has; zero where the loss does not depend on
it. Derivatives pass to what the gradients are computed from where `create_graph` is there and true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...errors import StagedTypeError
from ..effects import Effect
from ..node import Atom, AttributeValue, Block, Node, Sym
from ..primitive import Primitive
from ..rules import effect_rules, pure, type_rules
from ..types import BOOL, ArrayType, BufferType, Region, ScalarType, TensorType, Type
from .tensors import integers

INDEPENDENT = Primitive("independent")
PULLBACK = Primitive("pullback")
CUSTOM_GRADIENT = Primitive("custom_gradient")
CHECKPOINT_BEGIN = Primitive("checkpoint_begin")
CHECKPOINT_END = Primitive("checkpoint_end")
LEAF = Primitive("leaf")
BACKWARD = Primitive("backward")
PRIMITIVES = (INDEPENDENT, PULLBACK, CUSTOM_GRADIENT, CHECKPOINT_BEGIN, CHECKPOINT_END, LEAF, BACKWARD)


def is_differentiable(type_: Type) -> bool:
    """Whether values of this type have derivatives."""
    if isinstance(type_, ScalarType):
        return type_.is_float
    return isinstance(type_, (TensorType, ArrayType)) and type_.dtype.is_float


def creates_graph(node: Node) -> bool:
    """Whether the gradients that a `backward` gives have derivatives themselves."""
    return bool(dict(node.attrs).get("create_graph", False))


@type_rules.define(INDEPENDENT, LEAF)
def _independent_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    _require_differentiable(args)
    return args


@type_rules.define(PULLBACK)
def _pullback_type(
    args: tuple[Type, ...], attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    outputs, cotangents, variables = _parts(args, attrs["outputs"])
    _require_differentiable(args)
    if [_without_region(type_) for type_ in outputs] != [_without_region(type_) for type_ in cotangents]:
        raise StagedTypeError("what is pulled back must have the types of the results")
    regions = integers(attrs, "regions")
    return tuple([_gradient_type(type_, number) for type_, number in zip(variables, regions, strict=True)])


def _parts(atoms: Sequence[Type], outputs: AttributeValue) -> tuple[Sequence[Type], Sequence[Type], Sequence[Type]]:
    assert isinstance(outputs, int)
    return atoms[:outputs], atoms[outputs : 2 * outputs], atoms[2 * outputs :]


def pullback_parts(node: Node) -> tuple[tuple[Atom, ...], tuple[Atom, ...], tuple[Atom, ...]]:
    """The values, what is pulled back, and the variables of a `pullback`."""
    outputs = node.attr("outputs")
    assert isinstance(outputs, int)
    return node.args[:outputs], node.args[outputs : 2 * outputs], node.args[2 * outputs :]


def _require_differentiable(types: Sequence[Type]) -> None:
    for type_ in types:
        if not is_differentiable(type_):
            raise StagedTypeError(f"values of type {type_} have no derivatives")


def _without_region(type_: Type) -> object:
    return (type_.dtype, type_.rank) if isinstance(type_, ArrayType) else type_


def _gradient_type(type_: Type, region: int) -> Type:
    return replace(type_, is_dense=True, region=Region(region)) if isinstance(type_, ArrayType) else type_


effect_rules.define(INDEPENDENT, LEAF)(pure)


@effect_rules.define(PULLBACK)
def _pullback_effect(
    args: tuple[Atom, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> Effect:
    return Effect(reads=frozenset(arg.type.region for arg in args if isinstance(arg.type, ArrayType)))


@type_rules.define(CUSTOM_GRADIENT)
def _custom_gradient_type(
    args: tuple[Type, ...], attrs: Mapping[str, AttributeValue], blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    outputs = attrs["outputs"]
    (block,) = blocks
    assert isinstance(outputs, int)
    _require_differentiable(args)
    values, variables = args[:outputs], args[outputs:]
    pulled = [result.type for result in block.results]
    for left, right in ((values, [param.type for param in block.params]), (variables, pulled)):
        if [_without_region(type_) for type_ in left] != [_without_region(type_) for type_ in right]:
            raise StagedTypeError("a rule takes what is like the results, and gives what is like the arguments")
    return values


@type_rules.define(CHECKPOINT_BEGIN)
def _checkpoint_begin_type(
    _args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    return (BOOL,)


@type_rules.define(CHECKPOINT_END)
def _checkpoint_end_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    return args[1:]


effect_rules.define(CUSTOM_GRADIENT, CHECKPOINT_BEGIN, CHECKPOINT_END)(pure)


@type_rules.define(BACKWARD)
def _backward_type(
    args: tuple[Type, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> tuple[Type, ...]:
    loss, *variables = args
    if not isinstance(loss, TensorType) or loss.shape != () or not loss.dtype.is_float:
        raise StagedTypeError(f"backward needs a floating-point tensor of one element, not {loss}")
    return tuple([_tensor_of(variable) for variable in variables])


def _tensor_of(variable: Type) -> TensorType:
    if isinstance(variable, BufferType):
        return variable.tensor
    if not isinstance(variable, TensorType):
        raise StagedTypeError("backward differentiates with respect to buffers and tensors")
    return variable


@effect_rules.define(BACKWARD)
def _backward_effect(
    args: tuple[Atom, ...], _attrs: Mapping[str, AttributeValue], _blocks: tuple[Block, ...]
) -> Effect:
    return Effect(reads=frozenset(arg for arg in args[1:] if isinstance(arg, Sym) and isinstance(arg.type, BufferType)))
