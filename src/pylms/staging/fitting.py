"""Values as the structure that a variable, or the result of a function, has.

In: atoms of one structure. Out: the nodes and atoms that make another one of them: numbers widened, zeros for what is
not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..ir.builder import BlockScope
from ..ir.node import Atom, AttributeValue, Const
from ..ir.ops.arithmetic import CONVERT
from ..ir.types import BOOL, INT, ArrayType, ContainerType, ScalarType, TensorType, TextType, Type
from ..late import late_module
from ..loc import Loc, caller_loc
from .context import Trace
from .values import Leaf, Static, Structure, TupleOf, is_none, item_of_maybe, leaf_types
from .widening import widened_constant

if TYPE_CHECKING:
    from ..ir import empty_array, empty_container
    from ..ir.ops import arrays, tensors
else:
    empty_array = late_module("pylms.ir.empty_array")
    empty_container = late_module("pylms.ir.empty_container")
    arrays = late_module("pylms.ir.ops.arrays")
    tensors = late_module("pylms.ir.ops.tensors")


def as_structure(trace: Trace, wanted: Structure, found: Structure, atoms: Iterator[Atom]) -> list[Atom]:
    """The atoms of a value as those of a structure that it widens to."""
    item = item_of_maybe(wanted)
    if item is not None and item_of_maybe(found) is None:
        if is_none(found):
            return [Const(False, BOOL), *[_zero(trace, type_) for type_ in leaf_types(item)]]
        return [Const(True, BOOL), *as_structure(trace, item, found, atoms)]
    match wanted, found:
        case Leaf(type_), Leaf():
            return [as_widened(trace, next(atoms), type_)]
        case TupleOf(items, _, _), TupleOf(others, _, _):
            pairs = zip(items, others, strict=True)
            return [atom for one, other in pairs for atom in as_structure(trace, one, other, atoms)]
        case _:
            assert isinstance(found, Static)
            return []


def _zero(trace: Trace, type_: Type) -> Atom:
    return zero_in(trace, trace.builder.scope, type_, caller_loc())


def as_widened(trace: Trace, atom: Atom, target: Type) -> Atom:
    """A number as the type that it widens to; a conversion is emitted where the run knows it, and for tensors."""
    if atom.type == target:
        return atom
    if isinstance(target, ArrayType):
        return trace.emit(arrays.ARRAY_AS_STRIDED, [atom])[0]
    if isinstance(target, TensorType):
        return tensor_in(trace, trace.builder.scope, atom, target, caller_loc())
    assert isinstance(target, ScalarType)
    if isinstance(atom, Const):
        return widened_constant(atom, target)
    return trace.emit(CONVERT, [atom], attrs={"dtype": target})[0]


def zero_in(trace: Trace, scope: BlockScope, type_: Type, loc: Loc) -> Atom:
    """Zero of that type; a tensor, array, string or container is made at the end of `scope`."""
    if isinstance(type_, ScalarType):
        return Const(False if type_ == BOOL else 0.0 if type_.is_float else 0, type_)
    if isinstance(type_, ArrayType):
        nodes = empty_array.empty_array(trace.builder, type_, loc)
        scope.nodes.extend(nodes)
        return nodes[-1].results[0]
    if isinstance(type_, (TextType, ContainerType)):
        node = empty_container.empty_container(trace.builder, type_, loc)
        scope.nodes.append(node)
        return node.results[0]
    assert isinstance(type_, TensorType)
    return tensor_in(trace, scope, Const(0, INT), type_, loc)


def tensor_in(trace: Trace, scope: BlockScope, number: Atom, type_: TensorType, loc: Loc) -> Atom:
    """A tensor that is filled with a number known now, made at the end of `scope`."""
    assert isinstance(number, Const), "no other number widens to a tensor"
    attrs: dict[str, AttributeValue] = {"shape": type_.shape, "axes": ()}
    filled = trace.builder.node(tensors.BROADCAST, [widened_constant(number, type_.dtype)], attrs=attrs, loc=loc)
    scope.nodes.append(filled)
    return filled.results[0]
