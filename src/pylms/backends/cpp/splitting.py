"""Long straight-line code in functions of about a thousand operations each (DESIGN D14).

The values that cross from one part to another, or come from outside, live in a struct that the parts share by
address. Within a part each has its usual name: it is read from the struct at the start, and written at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...ir.node import Block, Node, Sym
from ...ir.types import FLOAT
from .literals import declaration, is_register_variable
from .text import Line
from .usage import symbols_used

if TYPE_CHECKING:
    from .emitter import Emitter
    from .function_text import FunctionText

# A struct of more fields than this lies in the arena, not on the stack.
_FIELDS_ON_THE_STACK = 4096
_FIELD_BYTES = 8
# So many parts take seconds to compile: they may be compiled in several pieces at once. Each piece reads the whole
# source: fewer parts of numbers would not pay for that, while those with loops over tensors take a second each.
_PARTS_OF_A_PIECE = 8
_PARTS_ON_TENSORS_OF_A_PIECE = 1


@dataclass(frozen=True, slots=True)
class _Part:
    """A run of nodes; `inputs` it reads from the struct, `outputs` it leaves there."""

    nodes: Sequence[Node]
    inputs: tuple[Sym, ...]
    outputs: tuple[Sym, ...]


def emit_in_parts(emitter: Emitter, block: Block) -> None:
    """The block's nodes as calls of functions that are written here as well."""
    runs = emitter.weights.parts(block)
    home = {symbol: index for index, nodes in enumerate(runs) for node in nodes for symbol in node.results}
    parts = _parts(block, runs, home)
    fields = list(dict.fromkeys(symbol for part in parts for symbol in (*part.inputs, *part.outputs)))
    struct, shared = emitter.fresh_global_name("Values"), emitter.fresh_name("v")
    own_variables = {symbol for symbol in fields if is_register_variable(symbol.type) and symbol in home}
    place_of_struct = len(emitter.top_level)
    emitter.stored_elsewhere.update(own_variables)
    if len(fields) <= _FIELDS_ON_THE_STACK:
        emitter.line(f"{struct} {shared};")
    else:
        emitter.line(f"{struct} &{shared} = *({struct} *){emitter.scratch(FLOAT, len(fields) * _FIELD_BYTES)};")
    from_outside = _by_name(emitter, [symbol for symbol in fields if symbol not in home])
    for name, symbol in from_outside.items():
        emitter.line(f"{shared}.{name} = {'&' if is_register_variable(symbol.type) else ''}{name};")
    is_apart = len(parts) >= 2 * _parts_of_a_piece(emitter)
    for part in parts:
        written = _emit_part(
            emitter, part, struct=struct, shared=shared, own_variables=own_variables, is_apart=is_apart
        )
        _call_part(emitter, written, shared)
    # Only now have all fields their names: a loop's result is called as the loop's variable.
    emitter.top_level[place_of_struct:place_of_struct] = _struct_lines(emitter, struct, fields, own_variables)
    results = [result for result in block.results if isinstance(result, Sym) and result in home]
    for name, result in _by_name(emitter, results).items():
        if name not in from_outside:
            emitter.define(result, f"{shared}.{name}")


def pieces(emitter: Emitter) -> int:
    """In how many pieces at most it pays to compile what has been written."""
    return max(1, emitter.parts_apart // _parts_of_a_piece(emitter))


def _parts_of_a_piece(emitter: Emitter) -> int:
    return _PARTS_ON_TENSORS_OF_A_PIECE if emitter.has_tensors else _PARTS_OF_A_PIECE


def _by_name(emitter: Emitter, symbols: Sequence[Sym]) -> dict[str, Sym]:
    """The symbols without those that only are another one's value, as what was loaded from a buffer may be."""
    return {emitter.name_of(symbol): symbol for symbol in symbols}


def _parts(block: Block, runs: Sequence[Sequence[Node]], home: dict[Sym, int]) -> list[_Part]:
    """The runs with what they read and leave; `home` tells in which run a symbol is defined."""
    used = [symbols_used(nodes) for nodes in runs]
    leaving = {symbol for symbols in used for symbol in symbols}
    leaving.update(result for result in block.results if isinstance(result, Sym))
    return [
        _Part(nodes, tuple(inputs), tuple(symbol for node in nodes for symbol in node.results if symbol in leaving))
        for nodes, inputs in zip(runs, used, strict=True)
    ]


def _struct_lines(emitter: Emitter, struct: str, fields: Sequence[Sym], own_variables: set[Sym]) -> list[Line]:
    lines = [Line(0, f"struct {struct} {{")]
    for name, symbol in _by_name(emitter, fields).items():
        is_reference = is_register_variable(symbol.type) and symbol not in own_variables
        lines.append(Line(1, f"{declaration(symbol.type, f'*{name}' if is_reference else name)};"))
    return [*lines, Line(0, "};"), Line(0, "")]


def _emit_part(
    emitter: Emitter, part: _Part, *, struct: str, shared: str, own_variables: set[Sym], is_apart: bool
) -> tuple[str, FunctionText]:
    """`is_apart`: whether it may be compiled in another piece than what calls it."""
    name = emitter.fresh_global_name("part")
    with emitter.new_function() as function:
        for symbol in _by_name(emitter, part.inputs).values():
            _read(emitter, symbol, shared, is_own=symbol in own_variables)
        for symbol in part.outputs:
            if symbol in own_variables:
                _read(emitter, symbol, shared, is_own=True)
        emitter.emit_run(part.nodes)
        for symbol in _by_name(emitter, part.outputs).values():
            if symbol not in own_variables:
                emitter.line(f"{shared}.{emitter.name_of(symbol)} = {emitter.inline(symbol)};")
        if function.can_fail:
            emitter.line("return 0;")
    parameters = ", ".join([*(parameter for parameter, _ in function.leading_parameters()), f"{struct} &{shared}"])
    result = "int" if function.can_fail else "void"
    # Without `noinline`, compilers would put a function that is called once back where it came from.
    head = f"__attribute__((noinline)) {result} {name}({parameters})"
    if is_apart:
        emitter.include("pieces.h")
        emitter.top_level.append(Line(0, f"PYLMS_PART {head};"))
        emitter.top_level.append(Line(0, f"#if PYLMS_HAS_PART({emitter.parts_apart})"))
        emitter.parts_apart += 1
    emitter.top_level.append(Line(0, f"{'PYLMS_PART' if is_apart else 'static'} {head} {{"))
    emitter.top_level.extend(function.lines)
    emitter.top_level.append(Line(0, "}"))
    if is_apart:
        emitter.top_level.append(Line(0, "#endif"))
    emitter.top_level.append(Line(0, ""))
    return name, function


def _read(emitter: Emitter, symbol: Sym, shared: str, *, is_own: bool) -> None:
    name = emitter.name_of(symbol)
    if is_register_variable(symbol.type):
        emitter.line(f"{declaration(symbol.type, f'&{name}')} = {'' if is_own else '*'}{shared}.{name};")
    else:
        emitter.define(symbol, f"{shared}.{name}")


def _call_part(emitter: Emitter, part: tuple[str, FunctionText], shared: str) -> None:
    name, function = part
    outer = emitter.function
    outer.uses_context |= function.uses_context
    outer.uses_arena |= function.uses_arena
    outer.can_fail |= function.can_fail
    call = f"{name}({', '.join([*(argument for _, argument in function.leading_parameters()), shared])})"
    emitter.line(f"if (int status = {call}) return status;" if function.can_fail else f"{call};")
