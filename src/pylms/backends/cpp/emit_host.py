"""C++ for what only Python can do: prints and callbacks, their arguments packed into slots."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import InternalError
from ...ir.node import Atom, Node
from ...ir.ops.host import HOST_CALL, PRINT
from ...ir.types import BufferType, ScalarType
from ..base import CallbackSpec
from .emit_rules import emit_rules
from .emitter import Emitter
from .literals import number_type, scalar_c_type


@emit_rules.define(PRINT)
def _emit_print(emitter: Emitter, node: Node) -> None:
    format_ = node.attr("format")
    if not isinstance(format_, str):
        raise InternalError("a print without its format", loc=node.loc)
    types = tuple(arg.type for arg in node.args)
    spec = CallbackSpec("print", format_, number=0, argument_types=types, result_types=(), loc=node.loc)
    emitter.call_python(spec, _pack(emitter, node.args, slots=len(node.args)))


@emit_rules.define(HOST_CALL)
def _emit_host_call(emitter: Emitter, node: Node) -> None:
    index = node.attr("callback")
    if not isinstance(index, int):
        raise InternalError("a host call without its callback", loc=node.loc)
    types = tuple(arg.type for arg in node.args)
    results = tuple(number_type(result.type) for result in node.results)
    spec = CallbackSpec("host", "", number=index, argument_types=types, result_types=results, loc=node.loc)
    slots = _pack(emitter, node.args, slots=max(len(node.args), len(results)))
    emitter.call_python(spec, slots)
    for position, (result, type_) in enumerate(zip(node.results, results, strict=True)):
        emitter.define(result, unpacked(f"{slots}[{position}]", type_))


def _pack(emitter: Emitter, args: Sequence[Atom], slots: int) -> str:
    """The address of slots that hold the arguments, with room for so many."""
    if not slots:
        return "nullptr"
    name = emitter.fresh_name("slots")
    emitter.declaration_line(f"pylms_value {name}[{slots}];")
    for position, arg in enumerate(args):
        if isinstance(arg.type, BufferType):
            emitter.declaration_line(f"{name}[{position}].p = {emitter.expression(arg)};")
        else:
            member = "f" if number_type(arg.type).is_float else "i"
            emitter.declaration_line(f"{name}[{position}].{member} = {emitter.inline(arg)};")
    return name


def unpacked(slot: str, type_: ScalarType) -> str:
    """The number in a slot, as its C++ type."""
    if type_.kind == "bool":
        return f"{slot}.i != 0"
    member = "f" if type_.is_float else "i"
    if type_.bits == 64 and type_.kind != "uint":
        return f"{slot}.{member}"
    return f"({scalar_c_type(type_)}){slot}.{member}"
