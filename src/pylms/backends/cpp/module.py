"""The whole translation unit: the staged function as C++, and the entry point that the runtime calls.

In: a legalised function. Out: a `SourceBundle`, in which the listing and the source are the same lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from ...errors import InternalError
from ...ir.call_graph import all_functions, callees
from ...ir.node import Function, Sym, walk
from ...ir.types import (
    SHARED_REGION,
    ArrayType,
    BufferType,
    DictType,
    ListType,
    TensorType,
    TextType,
    Type,
)
from ..base import SourceBundle
from .emit_functions import declare_functions, emit_functions, native_call
from .emit_host import unpacked, unpacked_text
from .emitter import Emitter
from .function_text import FunctionText
from .literals import (
    array_parts,
    c_type,
    declaration,
    is_in_register,
    is_number,
    number_type,
    scalar_c_type,
)
from .splitting import pieces
from .text import Line, base_name, list_lines, render_listing, render_source

_ABI_HEADER = "pylms_abi.h"
# Beyond these, what is long is straight-line code: -O3, then -O2 and above all the search for jumps that can be joined
# (half of the compile time where there are branches) cost more than they give. Measured at 20,000 operations: g++ takes
# half as long, and what it makes is a fifth slower at worst.
_LARGEST_FOR_O3 = 2000
_LARGEST_FOR_O2 = 20_000
_FAST_COMPILE = ("-O1", "-fno-thread-jumps")
_SITES_LISTED = 8


@dataclass(frozen=True, slots=True)
class _Signature:
    """The C++ function of the staged one: its name, and how its result comes back.

    `returns`: the type of a value that is returned as such; else results are written through pointers, and an int says
    how it went where the function can fail.
    """

    name: str
    returns: Type | None
    text: FunctionText
    outputs: tuple[str, ...]


def emit_module(
    function: Function,
    *,
    checks: bool,
    threads: int = 0,
    offsets: Mapping[Sym, int] | None = None,
    planned_bytes: int = 0,
) -> SourceBundle:
    """The function as C++. `offsets` and `planned_bytes` are the memory plan: see `Emitter`."""
    result_types = tuple(result.type for result in function.body.results)
    for type_ in result_types:
        if not is_in_register(type_):
            message = f"a staged function gives numbers and arrays: {type_} must be stored in a buffer"
            raise InternalError(message, loc=function.loc)
    emitter = Emitter(function, checks=checks, threads=threads, offsets=offsets, planned_bytes=planned_bytes)
    if function.functions or callees(function):
        emitter.natives = declare_functions(emitter, function)
        emit_functions(emitter, function)
        _describe_sites(emitter, "Where they leave with a number, that is an error:")
        _emit_landing_entry(emitter, function)
    else:
        signature = _emit_function(emitter, function)
        _emit_entry(emitter, function, signature)
    contraction = () if emitter.has_tensors else ("-ffp-contract=off",)
    lines = [*(Line(0, f'#include "{header}"') for header in (_ABI_HEADER, *emitter.headers)), Line(0, "")]
    lines += emitter.top_level
    return SourceBundle(
        name=function.name,
        source=render_source(lines, f"module_{function.name}.cpp"),
        listing=render_listing(lines),
        headers=(_ABI_HEADER, *emitter.headers),
        error_sites=tuple(emitter.error_sites),
        callbacks=tuple(emitter.callbacks),
        argument_types=tuple(param.type for param in function.params),
        result_types=result_types,
        captures=function.captures,
        releases_gil=emitter.has_tensors or emitter.polls or bool(emitter.callbacks),
        flags=(*_optimisation(emitter, _operations(function)), *contraction, *emitter.flags),
        link=tuple(emitter.link),
        pieces=pieces(emitter),
    )


def _operations(function: Function) -> int:
    return sum(1 for each in all_functions(function) for _ in walk(each.body))


def _optimisation(emitter: Emitter, operations: int) -> tuple[str, ...]:
    """Loops over tensors are worth optimising however long the program is."""
    if operations <= _LARGEST_FOR_O3:
        return ("-O3",)
    return ("-O2",) if operations <= _LARGEST_FOR_O2 or emitter.has_tensors else _FAST_COMPILE


def _emit_function(emitter: Emitter, function: Function) -> _Signature:
    name = emitter.fresh_name(function.name)
    parameters = [text for param in function.params for text in _parameters(emitter, param)]
    results = function.body.results
    with emitter.new_function() as text:
        for param in function.params:
            emitter.own(param)
            if isinstance(param.type, ArrayType):
                _emit_array(emitter, param)
        emitter.emit_nodes(function.body)
        is_returned = len(results) == 1 and is_number(results[0].type) and not text.can_fail
        returns = results[0].type if is_returned else None
        outputs: tuple[str, ...] = ()
        if returns is not None:
            emitter.line(f"return {emitter.inline(results[0])};")
        else:
            outputs = tuple(emitter.fresh_name("result") for _ in results)
            for output, result in zip(outputs, results, strict=True):
                emitter.line(f"*{output} = {emitter.inline(result)};")
            if text.can_fail:
                emitter.line("return 0;")
    parameters = [*(parameter for parameter, _ in text.leading_parameters()), *parameters]
    if outputs:
        parameters += [declaration(result.type, f"*{output}") for output, result in zip(outputs, results, strict=True)]
    spelled = c_type(returns) if returns is not None else "int" if text.can_fail else "void"
    _describe(emitter, function)
    emitter.top_level.extend(list_lines(f"static {spelled} {name}(", parameters, ") {", depth=0))
    emitter.top_level.extend((*text.lines, Line(0, "}"), Line(0, "")))
    return _Signature(name, returns, text, outputs)


def _parameters(emitter: Emitter, param: Sym) -> list[str]:
    """The C++ parameters of one of the IR. An array travels in its parts: compilers heed `restrict` of parameters."""
    name = emitter.name_of(param)
    emitter.include_for(param.type)
    if not isinstance(param.type, ArrayType):
        return [declaration(param.type, name)]
    apart = "" if param.type.region == SHARED_REGION else "__restrict "
    parts = [f"{scalar_c_type(param.type.dtype)} *{apart}{name}_data"]
    return parts + [f"long long {name}_{part}" for part in array_parts(param.type)]


def _emit_array(emitter: Emitter, param: Sym) -> None:
    """The array that a function's parameters are the parts of."""
    assert isinstance(param.type, ArrayType)
    name = emitter.name_of(param)
    parts = [f"{name}_data", *[f"{name}_{part}" for part in array_parts(param.type)]]
    emitter.declaration_line(f"{declaration(param.type, name)} = {_array_of(param.type, parts)};")


def _array_of(type_: ArrayType, parts: Sequence[str]) -> str:
    """The initialiser of an array, given its address and what else it is passed as."""
    data, *others = parts
    groups = [", ".join(group) for group in (others[: type_.rank], others[type_.rank :]) if group]
    return f"{{{', '.join([data, *[f'{{{group}}}' for group in groups]])}}}"


def _describe(emitter: Emitter, function: Function) -> None:
    """What a reader wants to know before the function: where it comes from, and what its status means."""
    emitter.top_level.append(Line(0, f"// {function.name}, {base_name(function.loc.file)}:{function.loc.line}"))
    _describe_sites(emitter, "Returns 0, or the number of the error:")


def _describe_sites(emitter: Emitter, heading: str) -> None:
    sites = emitter.error_sites
    if not sites:
        return
    emitter.top_level.append(Line(0, f"// {heading}"))
    for number, site in enumerate(sites[:_SITES_LISTED], 1):
        emitter.top_level.append(Line(0, f"//   {number}: {site.error} at line {site.loc.line}"))
    if len(sites) > _SITES_LISTED:
        emitter.top_level.append(Line(0, f"//   ... {len(sites)} in all"))


def _emit_entry(emitter: Emitter, function: Function, signature: _Signature) -> None:
    with emitter.new_function() as text:
        emitter.loc = None
        if signature.text.uses_arena:
            emitter.line(f"char *arena = (char *)ctx->allocate(ctx, {max(emitter.arena_bytes, 1)});")
            emitter.line("if (!arena) return -1;")
        arguments = [argument for _, argument in signature.text.leading_parameters()]
        slots = count()
        arguments += [text for param in function.params for text in _unpacked_argument(slots, param.type)]
        _emit_call(emitter, signature, arguments, [result.type for result in function.body.results])
    _write_entry(emitter, text)


def _emit_landing_entry(emitter: Emitter, function: Function) -> None:
    """The entry point of a program of several functions: where they land that leave with an error."""
    native = emitter.natives[function.name]
    with emitter.new_function() as text:
        emitter.loc = None
        emitter.line("jmp_buf landing;")
        emitter.line("ctx->landing = &landing;")
        emitter.line("if (int status = setjmp(landing)) return status;")
        slots = count()
        arguments = [_whole(param.type, _unpacked_argument(slots, param.type)) for param in function.params]
        call = native_call(emitter, native, arguments)
        start = f"const {native.result_type} result = " if native.results else ""
        emitter.line(f"{start}{call};")
        slots = count()
        for index, type_ in enumerate(native.results):
            for line in _stored_result(type_, native.result("result", index), slots):
                emitter.line(line)
        emitter.line("return 0;")
    _write_entry(emitter, text)


def _whole(type_: Type, parts: Sequence[str]) -> str:
    """An argument as one C++ value."""
    return f"{c_type(type_)}{_array_of(type_, parts)}" if isinstance(type_, ArrayType) else parts[0]


def _stored_result(type_: Type, value: str, slots: Iterator[int]) -> list[str]:
    """The statements that write a result into the slots that it takes, the next ones."""
    index = next(slots)
    match type_:
        case ArrayType():
            fields = ("n",) if type_.is_dense else ("n", "step")
            parts = [f"{value}.{field}[{axis}]" for field in fields for axis in range(type_.rank)]
            others = [f"results[{next(slots)}].i = {part};" for part in parts]
            return [f"results[{index}].p = {value}.data;", *others]
        case TextType():
            return [f"results[{index}].p = (void *){value}.data;", f"results[{next(slots)}].i = {value}.length;"]
        case ListType() | DictType():
            return [f"results[{index}].p = {value}.body;"]
        case _:
            return [f"{_slot(index, type_)} = {value};"]


def _write_entry(emitter: Emitter, text: FunctionText) -> None:
    parameters = "pylms_context *ctx, const pylms_value *args, pylms_value *results"
    if emitter.parts_apart:
        emitter.top_level.append(Line(0, "#if PYLMS_HAS_ENTRY"))
    emitter.top_level.append(Line(0, f'extern "C" int pylms_entry({parameters}) {{'))
    emitter.top_level.extend((*text.lines, Line(0, "}")))
    if emitter.parts_apart:
        emitter.top_level.append(Line(0, "#endif"))


def _emit_call(emitter: Emitter, signature: _Signature, arguments: list[str], results: Sequence[Type]) -> None:
    if signature.returns is not None:
        emitter.write(list_lines(f"{_slot(0, results[0])} = {signature.name}(", arguments, ");", depth=1))
        emitter.line("return 0;")
        return
    through_locals: list[str] = []
    slots = count()
    for output, type_ in zip(signature.outputs, results, strict=True):
        if c_type(type_) in ("long long", "double"):
            arguments.append(f"&{_slot(next(slots), type_)}")
            continue
        emitter.line(f"{declaration(type_, output)};")
        arguments.append(f"&{output}")
        through_locals += _stored_result(type_, output, slots)
    start, end = f"{signature.name}(", ");"
    if signature.text.can_fail:
        start = f"{'int status =' if through_locals else 'return'} {start}"
    emitter.write(list_lines(start, arguments, end, depth=1))
    if signature.text.can_fail and not through_locals:
        return
    if signature.text.can_fail:
        emitter.line("if (status) return status;")
    for line in through_locals:
        emitter.line(line)
    emitter.line("return 0;")


def _slot(index: int, type_: Type) -> str:
    return f"results[{index}].{'f' if number_type(type_).is_float else 'i'}"


def _unpacked_argument(slots: Iterator[int], type_: Type) -> list[str]:
    """An argument from the slots that it takes, the next ones."""
    slot = f"args[{next(slots)}]"
    if isinstance(type_, ArrayType):
        parts = [f"args[{next(slots)}].i" for _ in array_parts(type_)]
        return [f"({scalar_c_type(type_.dtype)} *){slot}.p", *parts]
    if isinstance(type_, TextType):
        return [unpacked_text(slot, f"args[{next(slots)}]")]
    if is_in_register(type_):
        return [unpacked(slot, number_type(type_))]
    if isinstance(type_, (BufferType, TensorType)):
        return [f"({c_type(type_)}){slot}.p"]
    raise InternalError(f"a staged function cannot take {type_}")
