"""C++ for loops whose rounds run on several threads (include/workers.h).

The rounds are cut into chunks, each a lambda that gives its status; what the loop carries is a partial result of each
chunk, and these are combined in the order of chunks: the same for any number of threads. The first chunk that failed,
in that order, decides the error.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...ir import python_errors as errors
from ...ir.node import Const, Node
from ...ir.ops.arithmetic import ADD, MUL
from ...ir.types import BOOL, INT, ScalarType
from ...passes.parallel_loops import Combination, combinations
from .emitter import Emitter
from .literals import declaration, literal, number_type

_HEADERS = ("parallel.h", "tasks.h")
# Multiplications from which on threads pay.
_FEWEST_FOR_THREADS = 1_000_000
_CHECKED = {"sum": ("add", ADD), "product": ("mul", MUL)}


def emit_parallel_for(emitter: Emitter, node: Node, carried: Sequence[str]) -> None:
    """The loop; `carried` are the variables of what it carries, which hold the initial values."""
    from .emit_control import emit_loop_body  # that module dispatches here

    (body,) = node.blocks
    kinds = combinations(node)
    types = [number_type(param.type) for param in body.params[1:]]
    first, last, by = (emitter.expression(arg) for arg in node.args[:3])
    index = emitter.name_of(body.params[0])
    rounds, parts, part, chunk, begin = map(emitter.fresh_name, ("rounds", "parts", "part", "chunk", "begin"))
    for header in _HEADERS:
        emitter.include(header)
    use_threads(emitter)
    emitter.poll()
    emitter.line(f"const long long {rounds} = pylms::rounds({first}, {last}, {by});")
    fields = [declaration(type_, f"r{position}") for position, type_ in enumerate(types)]
    emitter.declaration_line(f"struct {part} {{ {' '.join(f'{field};' for field in [*fields, 'int status'])} }};")
    bytes_ = f"(pylms::chunk_count({rounds}) + 1) * (long long)sizeof({part})"
    emitter.declaration_line(f"{part} *const {parts} = ({part} *){emitter.context()}->allocate(ctx, {bytes_});")
    emitter.declaration_line(f"if (!{parts}) {emitter.leave('-1')}")
    with emitter.braces(f"for (long long {begin} = 0; {begin} < pylms::chunk_count({rounds}); {begin} += pylms::wave)"):
        end, task = emitter.fresh_name("end"), emitter.fresh_name("task")
        tasks = f"pylms::least(pylms::wave, pylms::chunk_count({rounds}) - {begin})"
        with emitter.braces(f"pylms::in_parallel({tasks}, {emitter.threads}, [=](long long {task})", ");"):
            emitter.declaration_line(f"const long long {chunk} = {begin} + {task};")
            for name, kind, type_ in zip(carried, kinds, types, strict=True):
                emitter.declaration_line(f"{declaration(type_, name)} = {_identity(kind, type_)};")
            references = "".join(f", &{name}" for name in carried)
            number = emitter.fresh_name("number")
            emitter.declaration_line(f"{parts}[{chunk}].status = [={references}]() -> int {{")
            emitter.function.depth += 1
            emitter.declaration_line(f"const long long {end} = pylms::chunk_start({chunk} + 1, {rounds});")
            start = f"long long {number} = pylms::chunk_start({chunk}, {rounds})"
            with emitter.on_a_thread(), emitter.braces(f"for ({start}; {number} < {end}; ++{number})"):
                emitter.declaration_line(f"const long long {index} = {first} + {number} * {by};")
                emit_loop_body(emitter, body, carried)
            emitter.declaration_line("return 0;")
            emitter.function.depth -= 1
            emitter.declaration_line("}();")
            for position, name in enumerate(carried):
                emitter.declaration_line(f"{parts}[{chunk}].r{position} = {name};")
        emitter.poll()
    with emitter.braces(f"for (long long {chunk} = 0; {chunk} < pylms::chunk_count({rounds}); ++{chunk})"):
        emitter.declaration_line(f"if (int failed = {parts}[{chunk}].status) {emitter.leave('failed')}")
        for position, (name, kind, type_) in enumerate(zip(carried, kinds, types, strict=True)):
            _combine(emitter, node, name, f"{parts}[{chunk}].r{position}", kind, type_)


def use_threads(emitter: Emitter) -> None:
    """Have the program compiled for several threads."""
    emitter.require_flag("-DPYLMS_THREADS")
    emitter.require_flag("-lpthread")
    # Threads that wait for work must not lose their code when the function is forgotten.
    emitter.require_flag("-Wl,-z,nodelete")


def threads_for(emitter: Emitter, work: int) -> str:
    """How many threads share the work of a kernel, so many multiplications: 0 for as many as there are cores."""
    if not may_use_threads(emitter) or work < _FEWEST_FOR_THREADS:
        return "1"
    use_threads(emitter)
    return str(emitter.threads)


def may_use_threads(emitter: Emitter) -> bool:
    """Whether what is written next may be shared by threads: it must be wanted, and not happen on one of several."""
    return emitter.threads != 1 and not emitter.is_on_a_thread


def _combine(emitter: Emitter, node: Node, name: str, part: str, kind: Combination, type_: ScalarType) -> None:
    if type_ == INT and emitter.checks and kind in _CHECKED:
        builtin, primitive = _CHECKED[kind]
        failure = emitter.fail("OverflowError", errors.integer_overflow(primitive), node.loc)
        emitter.declaration_line(f"if (__builtin_{builtin}_overflow({name}, {part}, &{name})) {failure}")
        return
    texts = {
        "sum": f"{name} + {part}",
        "product": f"{name} * {part}",
        "least": f"{part} < {name} ? {part} : {name}",
        "greatest": f"{part} > {name} ? {part} : {name}",
        "and": f"{name} && {part}",
        "or": f"{name} || {part}",
    }
    emitter.declaration_line(f"{name} = {texts[kind]};")


def _identity(kind: Combination, type_: ScalarType) -> str:
    """What a partial result begins with."""
    value: bool | int | float
    if kind in ("and", "or"):
        return "true" if kind == "and" else "false"
    if kind in ("sum", "product"):
        value = 1 if kind == "product" else 0
        # -0.0 is what added to anything changes nothing.
        value = (-0.0 if kind == "sum" else 1.0) if type_.is_float else value
    elif type_.is_float:
        value = float("inf") if kind == "least" else float("-inf")
    else:
        value = type_.largest if kind == "least" else type_.smallest
    assert type_ != BOOL
    return literal(Const(value, type_)).text
