"""C++ for what only Python can do: prints and callbacks, their arguments packed into slots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ...errors import InternalError
from ...ir.node import Atom, Node, Sym
from ...ir.ops.host import HOST_CALL, PRINT
from ...ir.ops.tensor_calls import TENSOR_CALL
from ...ir.ops.texts import TEXT_CALL, TEXT_FORMAT
from ...ir.types import BufferType, DictType, ElementType, ListType, ScalarType, TensorType, TextType, Type, UnknownType
from ...loc import Loc
from ..base import CallbackSpec
from .emit_rules import emit_rules
from .emitter import Emitter
from .literals import is_in_register, number_type, scalar_c_type


@emit_rules.define(PRINT)
def _emit_print(emitter: Emitter, node: Node) -> None:
    format_ = node.attr("format")
    if not isinstance(format_, str):
        raise InternalError("a print without its format", loc=node.loc)
    types = tuple(arg.type for arg in node.args)
    spec = CallbackSpec("print", format_, number=0, argument_types=types, result_types=(), loc=node.loc)
    emitter.call_python(spec, _pack(emitter, node.args))


@emit_rules.define(HOST_CALL)
def _emit_host_call(emitter: Emitter, node: Node) -> None:
    index = node.attr("callback")
    if not isinstance(index, int):
        raise InternalError("a host call without its callback", loc=node.loc)
    types = tuple(arg.type for arg in node.args)
    results = tuple(number_type(result.type) for result in node.results)
    spec = CallbackSpec("host", "", number=index, argument_types=types, result_types=results, loc=node.loc)
    slots = _pack(emitter, node.args, results=len(results))
    emitter.call_python(spec, slots)
    for position, (result, type_) in enumerate(zip(node.results, results, strict=True)):
        emitter.define(result, unpacked(f"{slots}[{position}]", type_))


@emit_rules.define(TENSOR_CALL)
def _emit_tensor_call(emitter: Emitter, node: Node) -> None:
    """The callback gets addresses; what is in a register is written down for it, and read again."""
    index = node.attr("callback")
    assert isinstance(index, int)
    tensors = [*node.results, *node.args]
    addresses = [_result_address(emitter, result) for result in node.results]
    addresses += [_argument_address(emitter, arg) for arg in node.args]
    types = tuple(_memory_type(each.type) for each in tensors)
    spec = CallbackSpec("host", "", number=index, argument_types=types, result_types=(), loc=node.loc)
    slots = emitter.fresh_name("slots")
    emitter.declaration_line(f"pylms_value {slots}[{len(addresses)}];")
    for position, address in enumerate(addresses):
        emitter.declaration_line(f"{slots}[{position}].p = (void *){address};")
    emitter.call_python(spec, slots)


def _memory_type(type_: Type) -> BufferType:
    assert isinstance(type_, TensorType)
    return BufferType(type_.dtype, type_.shape)


def _result_address(emitter: Emitter, result: Sym) -> str:
    type_ = _memory_type(result.type)
    if is_in_register(result.type):
        emitter.line(f"{scalar_c_type(type_.dtype)} {emitter.name_of(result)} = 0;")
        return f"&{emitter.name_of(result)}"
    emitter.define(result, emitter.allocate(result, type_.size * type_.dtype.itemsize))
    return emitter.name_of(result)


def _argument_address(emitter: Emitter, arg: Atom) -> str:
    if not is_in_register(arg.type):
        return emitter.expression(arg)
    name = emitter.fresh_name("number")
    emitter.line(f"{scalar_c_type(_memory_type(arg.type).dtype)} {name} = {emitter.expression(arg)};")
    return f"&{name}"


@emit_rules.define(TEXT_FORMAT, TEXT_CALL)
def _emit_text_from_python(emitter: Emitter, node: Node) -> None:
    (result,) = node.results
    assert isinstance(result.type, (ScalarType, TextType))
    emitter.include_for(result.type)
    kind: Literal["format", "method"] = "format" if node.primitive is TEXT_FORMAT else "method"
    text = node.attr("format" if kind == "format" else "method")
    assert isinstance(text, str)
    types = tuple(arg.type for arg in node.args)
    spec = CallbackSpec(kind, text, number=0, argument_types=types, result_types=(result.type,), loc=node.loc)
    slots = _pack(emitter, node.args, results=_slot_count(result.type))
    emitter.call_python(spec, slots)
    if isinstance(result.type, TextType):
        emitter.define(result, unpacked_text(f"{slots}[0]", f"{slots}[1]"))
    else:
        emitter.define(result, unpacked(f"{slots}[0]", result.type))


def emit_raising(
    emitter: Emitter, condition: str, error: str, template: str, element: ElementType, leaves: Sequence[Atom], loc: Loc
) -> None:
    """Where the condition holds, leave with a Python exception that shows a value of the run.

    Without a template the value itself is the exception's argument, as KeyError has it.
    """
    assert not isinstance(element, UnknownType)
    spec = CallbackSpec("raise", template, number=0, argument_types=(element,), result_types=(), loc=loc, error=error)
    with emitter.braces(f"if (__builtin_expect({condition}, 0))"):
        emitter.call_python(spec, _pack(emitter, leaves))


def _pack(emitter: Emitter, args: Sequence[Atom], results: int = 0) -> str:
    """The address of slots that hold the arguments, with room for so many results."""
    slots = max(sum(_slot_count(arg.type) for arg in args), results)
    if not slots:
        return "nullptr"
    name = emitter.fresh_name("slots")
    emitter.declaration_line(f"pylms_value {name}[{slots}];")
    position = 0
    for arg in args:
        for member, value in _slot_values(emitter, arg):
            emitter.declaration_line(f"{name}[{position}].{member} = {value};")
            position += 1
    return name


def _slot_count(type_: Type) -> int:
    return 2 if isinstance(type_, TextType) else 1


def _slot_values(emitter: Emitter, arg: Atom) -> list[tuple[str, str]]:
    """The members of slots that an argument takes, and what goes there."""
    match arg.type:
        case BufferType():
            return [("p", emitter.expression(arg))]
        case TextType():
            text = emitter.expression(arg)
            return [("p", f"(void *){text}.data"), ("i", f"{text}.length")]
        case ListType() | DictType():
            return [("p", f"{emitter.expression(arg)}.body")]
        case _:
            return [("f" if number_type(arg.type).is_float else "i", emitter.inline(arg))]


def unpacked_text(data: str, length: str) -> str:
    """The string in two slots."""
    return f"pylms::text{{(const char32_t *){data}.p, {length}.i}}"


def unpacked(slot: str, type_: ScalarType) -> str:
    """The number in a slot, as its C++ type."""
    if type_.kind == "bool":
        return f"{slot}.i != 0"
    member = "f" if type_.is_float else "i"
    if type_.bits == 64 and type_.kind != "uint":
        return f"{slot}.{member}"
    return f"({scalar_c_type(type_)}){slot}.{member}"
