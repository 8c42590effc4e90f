"""C++ for programs of several native functions: one static C++ function each, and their calls.

Such a function gives its result as its C++ result, several in a struct; a tensor is written into memory that its caller
passes for it alone. Whatever goes wrong leaves all of them at once, by `longjmp` to the entry point: after a call there
is nothing to test (see docs/adr on native functions).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...errors import InternalError
from ...ir import python_errors as errors
from ...ir.call_graph import all_functions, callee_of, recursive_names
from ...ir.node import Atom, Block, Function, Node, walk
from ...ir.ops.control import IF
from ...ir.ops.functions import CALL
from ...ir.types import TensorType, Type
from .emit_rules import emit_rules
from .emit_variables import array_bytes
from .emitter import Emitter
from .literals import c_type, declaration, is_in_register
from .memory_plan import plan_memory
from .result_places import ResultPlaces
from .text import Line, base_name, list_lines

HEADER = "native_functions.h"
_ACTIVATION_HEADER = "activation.h"
# More scratch memory for a call does not come from the stack; what the stack check leaves free must hold what does.
_MOST_ON_STACK = 1024


@dataclass(frozen=True, slots=True)
class NativeFunction:
    """A native function as C++ knows it: its name, and the name of the struct of its results, if they need one."""

    name: str
    struct: str
    results: tuple[Type, ...]

    @property
    def returned(self) -> list[int]:
        """The positions of the results that it returns; the others are written."""
        return [index for index, type_ in enumerate(self.results) if is_in_register(type_)]

    @property
    def written(self) -> list[int]:
        """The positions of the results that it writes where its caller wants them."""
        return [index for index, type_ in enumerate(self.results) if not is_in_register(type_)]

    @property
    def result_type(self) -> str:
        if not self.returned:
            return "void"
        return self.struct or c_type(self.results[self.returned[0]])

    def result(self, call: str, index: int) -> str:
        """The text of one returned result, given that of the whole."""
        return f"{call}.{_field(index)}" if self.struct else call


def _field(index: int) -> str:
    return f"r{index}"


def declare_functions(emitter: Emitter, function: Function) -> dict[str, NativeFunction]:
    """Name every function of the program and declare it, so that any may call any; by their names in the IR."""
    emitter.include(HEADER)
    declared: dict[str, NativeFunction] = {}
    for each in all_functions(function):
        results = tuple([result.type for result in each.body.results])
        emitter.include_for(*results, *[param.type for param in each.params])
        name = emitter.fresh_global_name(each.name)
        struct = emitter.fresh_global_name(f"{name}_results") if sum(map(is_in_register, results)) > 1 else ""
        native = declared[each.name] = NativeFunction(name, struct, results)
        if struct:
            fields = " ".join(f"{declaration(results[index], _field(index))};" for index in native.returned)
            emitter.top_level.append(Line(0, f"struct {struct} {{ {fields} }};"))
    for each in all_functions(function):
        native = declared[each.name]
        types = ["pylms_context *", *[c_type(native.results[index]) for index in native.written]]
        types += [c_type(param.type) for param in each.params]
        emitter.top_level.extend(list_lines(f"{_start(declared[each.name])}(", types, ");", depth=0))
    emitter.top_level.append(Line(0, ""))
    return declared


def _start(native: NativeFunction) -> str:
    return f"static {native.result_type} {native.name}"


def emit_functions(emitter: Emitter, function: Function) -> None:
    """Write every function of the program, the main one last."""
    recursive = recursive_names(function)
    for each in (*function.functions, function):
        _emit_function(emitter, each, is_recursive=each.name in recursive, is_main=each is function)


def _emit_function(emitter: Emitter, function: Function, *, is_recursive: bool, is_main: bool) -> None:
    native = emitter.natives[function.name]
    places = ResultPlaces(function, native.written, emitter.is_split)
    plan = plan_memory(function, elsewhere=places.by_symbol)
    emitter.start_native(plan.offsets, plan.size)
    emitter.loc = function.loc
    with emitter.new_function(jumps=True) as text:
        for param in function.params:
            emitter.own(param)
        if is_recursive:
            # Made a loop, recursion without end would never come to the end of the stack.
            emitter.require_flag("-fno-optimize-sibling-calls")
            emitter.polls = True
            number = emitter.error_number("RecursionError", errors.TOO_DEEP, function.loc)
            emitter.before_node.update(dict.fromkeys(_first_calls(function.body), f"pylms::enter(ctx, {number});"))
        targets = {index: emitter.fresh_name("result") for index in native.written}
        emitter.places = {symbol: targets[index] for symbol, index in places.by_symbol.items()}
        emitter.emit_nodes(function.body)
        runs_once = is_main and not is_recursive
        is_large = emitter.arena_bytes > _MOST_ON_STACK and not runs_once
        left = {index: target for index, target in targets.items() if index not in places.complete}
        _emit_results(emitter, native, function.body.results, left, ends_activation=text.uses_arena and is_large)
    emitter.top_level.append(Line(0, f"// {function.name}, {base_name(function.loc.file)}:{function.loc.line}"))
    parameters = [declaration(native.results[index], name) for index, name in targets.items()]
    parameters += [declaration(param.type, emitter.name_of(param)) for param in function.params]
    emitter.top_level.extend(list_lines(f"{_start(native)}(", ["pylms_context *ctx", *parameters], ") {", depth=0))
    if text.uses_arena:
        emitter.top_level.append(_scratch_memory(emitter, function, runs_once=runs_once, is_large=is_large))
    emitter.top_level.extend((*text.lines, Line(0, "}"), Line(0, "")))


def _emit_results(
    emitter: Emitter,
    native: NativeFunction,
    results: Sequence[Atom],
    targets: Mapping[int, str],
    *,
    ends_activation: bool,
) -> None:
    """`targets`: where results go that may not be there yet."""
    for index, target in targets.items():
        type_ = native.results[index]
        assert isinstance(type_, TensorType)
        source = emitter.expression(results[index])
        emitter.line(f"if ({source} != {target}) __builtin_memcpy({target}, {source}, {array_bytes(type_)});")
    values = [emitter.inline(results[index]) for index in native.returned]
    if ends_activation:
        emitter.line(f"pylms::end_activation({emitter.context()}, arena, {emitter.arena_bytes});")
    if native.struct:
        emitter.line(f"return {{{', '.join(values)}}};")
    elif values:
        emitter.line(f"return {values[0]};")


def _first_calls(block: Block) -> list[Node]:
    """The nodes before which the stack is looked at: the first call on each way."""
    for node in block.nodes:
        if node.primitive is CALL or (node.primitive is not IF and _calls(node)):
            return [node]
        found = [first for inner in node.blocks for first in _first_calls(inner)]
        if found:
            rest = Block((), block.nodes[block.nodes.index(node) + 1 :], ())
            return [*found, *_first_calls(rest)]
    return []


def _calls(node: Node) -> bool:
    return any(inner.primitive is CALL for block in node.blocks for inner in walk(block))


def _scratch_memory(emitter: Emitter, function: Function, *, runs_once: bool, is_large: bool) -> Line:
    if runs_once:
        return Line(1, f"char *arena = pylms::memory(ctx, {max(emitter.arena_bytes, 1)});")
    if is_large:
        emitter.include(_ACTIVATION_HEADER)
        number = emitter.error_number("RecursionError", errors.TOO_DEEP, function.loc)
        return Line(1, f"char *arena = pylms::activation(ctx, {emitter.arena_bytes}, {number});")
    return Line(1, f"alignas(64) char arena[{max(emitter.arena_bytes, 1)}];")


def native_call(emitter: Emitter, native: NativeFunction, arguments: Sequence[str]) -> str:
    """The text of a call."""
    return f"{native.name}({', '.join([emitter.context(), *arguments])})"


@emit_rules.define(CALL)
def _emit_call(emitter: Emitter, node: Node) -> None:
    native = emitter.natives.get(callee_of(node))
    if native is None:
        raise InternalError(f"`{callee_of(node)}` is called and not declared", loc=node.loc)
    for index in native.written:
        type_ = native.results[index]
        assert isinstance(type_, TensorType)
        emitter.define(node.results[index], emitter.allocate(node.results[index], array_bytes(type_)))
    arguments = [emitter.name_of(node.results[index]) for index in native.written]
    call = native_call(emitter, native, [*arguments, *[emitter.inline(arg) for arg in node.args]])
    if not native.returned:
        emitter.line(f"{call};")
    elif not native.struct:
        emitter.define(node.results[native.returned[0]], call)
    else:
        whole = emitter.fresh_name("results")
        emitter.line(f"const {native.struct} {whole} = {call};")
        for index in native.returned:
            emitter.define(node.results[index], native.result(whole, index))
