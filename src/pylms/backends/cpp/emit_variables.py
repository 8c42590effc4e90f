"""C++ for variables and for single elements of buffers.

A variable of a number is a C++ variable. One of an array has memory of its own, and is read and assigned by copying:
the values that were read from it live on when it changes.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...ir.node import Atom, Const, Node, Sym
from ...ir.ops.buffers import LOAD_ELEMENT, STORE_ELEMENT
from ...ir.ops.variables import VAR_GET, VAR_NEW, VAR_SET
from ...ir.types import BufferType, TensorType, Type, VarType
from .emit_rules import emit_rules
from .emitter import Emitter
from .literals import Binding, Expression, declaration, is_in_register, is_number, literal, number_type


@emit_rules.define(VAR_NEW)
def _emit_new(emitter: Emitter, node: Node) -> None:
    (variable,) = node.results
    content = _content(variable)
    name = emitter.name_of(variable)
    if isinstance(content, TensorType) and content.shape != ():
        emitter.line(f"{declaration(content, name)} = {emitter.allocate(variable, array_bytes(content))};")
        if node.args:
            copy_array(emitter, name, emitter.expression(node.args[0]), content)
        else:
            emitter.line(f"__builtin_memset({name}, 0, {array_bytes(content)});")
        return
    if node.args:
        initial = emitter.inline(node.args[0])
    elif is_number(content):
        initial = literal(Const(0, number_type(content))).text
    else:
        initial = "{}"
    target = name if variable in emitter.stored_elsewhere else declaration(content, name)
    emitter.line(f"{target} = {initial};")


@emit_rules.define(VAR_GET)
def _emit_get(emitter: Emitter, node: Node) -> None:
    (variable,), (value,) = node.args, node.results
    name = emitter.expression(variable)
    if is_in_register(value.type):
        emitter.define(value, name)
        return
    assert isinstance(value.type, TensorType)
    emitter.define(value, emitter.allocate(value, array_bytes(value.type)))
    copy_array(emitter, emitter.name_of(value), name, value.type)


@emit_rules.define(VAR_SET)
def _emit_set(emitter: Emitter, node: Node) -> None:
    variable, value = node.args
    assign(emitter, emitter.expression(variable), emitter.inline(value), value.type)


def assign(emitter: Emitter, name: str, value: str, type_: Type) -> None:
    """Give a C++ variable, or the memory of an array variable, a new value."""
    if isinstance(type_, TensorType) and type_.shape != ():
        copy_array(emitter, name, value, type_)
    else:
        emitter.line(f"{name} = {value};")


def copy_array(emitter: Emitter, target: str, source: str, type_: TensorType) -> None:
    """Copy an array; the two may be the same one."""
    emitter.line(f"__builtin_memmove({target}, {source}, {array_bytes(type_)});")


def array_bytes(type_: TensorType | BufferType) -> int:
    """What the elements take."""
    return type_.size * type_.dtype.itemsize


def _content(variable: Sym) -> Type:
    assert isinstance(variable.type, VarType)
    return variable.type.content


@emit_rules.define(LOAD_ELEMENT)
def _emit_load_element(emitter: Emitter, node: Node) -> None:
    buffer, *indices = node.args
    position = _position(emitter, buffer.type, indices)
    emitter.define(node.results[0], f"{emitter.expression(buffer)}[{position}]")


@emit_rules.define(STORE_ELEMENT)
def _emit_store_element(emitter: Emitter, node: Node) -> None:
    buffer, value, *indices = node.args
    position = _position(emitter, buffer.type, indices)
    emitter.line(f"{emitter.expression(buffer)}[{position}] = {emitter.inline(value)};")


def _position(emitter: Emitter, type_: Type, indices: Sequence[Atom]) -> str:
    """The place of an element in row-major order, as Horner's rule spells it."""
    assert isinstance(type_, BufferType)
    if not indices:
        return "0"
    position = Expression(emitter.inline(indices[0], Binding.MULTIPLICATIVE), Binding.MULTIPLICATIVE)
    for index, extent in zip(indices[1:], type_.shape[1:], strict=True):
        rows = position.within(Binding.MULTIPLICATIVE)
        position = Expression(f"{rows} * {extent} + {emitter.inline(index, Binding.ADDITIVE)}", Binding.ADDITIVE)
    return position.text
