"""Reify: run a virtualised function on staged parameters and keep the IR it builds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..errors import StagedTypeError, StagingError
from ..ir.call_graph import with_call_effects, without_unused, without_wrapper
from ..ir.node import Function, Sym
from ..ir.types import SHARED_REGION, ArrayType, Type
from ..ir.written import written_parameters
from ..lasting import lasting_objects
from ..loc import Loc
from ..options import Options
from ..records import record
from ..tracebacks import error_loc
from .budget import room_to_recur
from .containers.sites import Restart
from .containers.traced import TracedDict, TracedList
from .context import Capture, HostFunction, Trace, tracing
from .kinds import is_staged_view
from .notes import Note
from .parameters import (
    ArrayParameter,
    LeafType,
    ParameterType,
    TensorParameter,
    leaf_names,
    leaf_types,
)
from .passed import Changed, PassedArguments
from .raising import AlwaysRaises
from .regions import RegionsMeet
from .values import Front, MadeAnew, Static, Structure, TupleOf, describe
from .write_back import ArgumentPart, Change


@record(frozen=True, slots=True)
class Staged:
    """A function as IR, and what running it needs besides.

    structure: how to make the Python result from the function's results.
    written: for each parameter of the IR, whether it is an array that the function may write into.
    changes: what is done to arguments after a run, by the function's last results.
    overlap: whether a written array overlaps another parameter, as the function was staged for; None where the function
    is right either way.
    notes: what was decided while staging, for users who ask.
    """

    function: Function
    structure: Structure
    captures: tuple[Capture, ...]
    host_functions: tuple[HostFunction, ...]
    before_run: tuple[Callable[[], None], ...]
    after_run: tuple[Callable[[], None], ...]
    written: tuple[bool, ...]
    overlap: bool | None
    changes: tuple[Change, ...] = ()
    notes: tuple[Note, ...] = ()


def reify(
    function: Callable[..., object],
    parameters: Sequence[tuple[str, ParameterType]],
    *,
    name: str,
    loc: Loc,
    front: Front,
    options: Options,
    compile_late: Callable[[Staged], Callable[..., object]] | None = None,
) -> Staged:
    """Stage `function` for parameters of those types. Raises the located errors of staging.

    `compile_late` makes what is staged while the compiled function runs a function of its own.

    Arrays of one region may overlap. Where arrays of different regions come to be held by one variable, the function is
    staged again as if all of them might.
    """
    for are_apart in (True, False):
        trace = Trace(front, options, name=name, arrays_apart=are_apart)
        trace.compile_late = compile_late
        try:
            return _reified(function, parameters, name=name, loc=loc, trace=trace)
        except RegionsMeet:
            assert are_apart, "arrays of one region meet nowhere"
    raise AssertionError("regions meet once")


def _reified(
    function: Callable[..., object],
    parameters: Sequence[tuple[str, ParameterType]],
    *,
    name: str,
    loc: Loc,
    trace: Trace,
) -> Staged:
    front = trace.front
    declared = [type_ for _, type_ in parameters]
    names, leaves = leaf_names([parameter for parameter, _ in parameters], declared), leaf_types(declared)
    types = [leaf.type if isinstance(leaf, (ArrayParameter, TensorParameter)) else leaf for leaf in leaves]
    symbols = [
        trace.builder.fresh(trace.regions.of_parameter(type_), parameter)
        for parameter, type_ in zip(names, types, strict=True)
    ]
    with trace.builder.block(symbols) as scope, tracing(trace), front.session(trace), lasting_objects():
        result, changed = _settled(
            trace,
            lambda arguments: _run(function, arguments.values),
            lambda: PassedArguments(trace, declared, symbols, loc),
            loc,
        )
        atoms, structures = trace.flatten(
            front.finish(trace, (result, *[each.value for each in changed])), is_result=True
        )
        assert isinstance(structures, TupleOf)
        _refuse_containers(structures, loc)
        structure, *others = structures.items
        changes = tuple([Change(each.path, found, each.apply) for each, found in zip(changed, others, strict=True)])
    captures = tuple(trace.captures.values())
    scope.params = (*symbols, *[capture.symbol for capture in captures])
    callees = tuple([native.function for native in trace.natives if native.function is not None])
    staged = Function(name, scope.finish(atoms), loc, len(captures), callees)
    program = with_call_effects(without_wrapper(without_unused(staged)))
    written = written_parameters(program)
    for symbol, parameter, leaf in zip(program.params, names, leaves, strict=False):
        if symbol in written:
            _require_writeable(parameter, leaf, written[symbol])
    return Staged(
        program,
        structure,
        captures,
        tuple(trace.host_functions),
        tuple(trace.before_run),
        tuple(trace.after_run),
        written=tuple([symbol in written for symbol in program.params[: len(symbols)]]),
        overlap=_overlap(types, symbols) if written else None,
        changes=changes,
        notes=tuple(trace.notes),
    )


def _require_writeable(parameter: str, type_: LeafType, written_at: Loc) -> None:
    if isinstance(type_, ArrayParameter) and not type_.is_writeable:
        raise StagedTypeError(
            f"assignment destination is read-only: the array passed as `{parameter}`",
            loc=written_at,
            hint="pass a writeable array (a `.copy()` of it is one), or write into another",
        )


def _overlap(asked_for: Sequence[Type], symbols: Sequence[Sym]) -> bool | None:
    """See `Staged.overlap`, of a function that writes arrays."""
    asked = [type_.region for type_ in asked_for if isinstance(type_, ArrayType)]
    if len(asked) < 2:
        return None
    if SHARED_REGION in asked:
        return True
    used = [symbol.type.region for symbol in symbols if isinstance(symbol.type, ArrayType)]
    return None if SHARED_REGION in used else False


def _settled(
    trace: Trace, run: Callable[[PassedArguments], object], pass_arguments: Callable[[], PassedArguments], loc: Loc
) -> tuple[object, list[Changed]]:
    """What `run` gives and what it changes, traced anew until all is known of the containers that it makes."""
    restore = trace.checkpoint()
    while True:
        trace.sites.begin()
        try:
            arguments = pass_arguments()
            results = _Results(trace, arguments, loc)
            result = results.part(run(arguments))
            changed = [
                Changed(each.path, results.part(each.value, is_new=True), each.apply) for each in arguments.changed()
            ]
            trace.sites.settle_rest()
            return result, changed
        except Restart:
            restore()
            for decisions in trace.decisions.values():
                decisions.forget()
            for memo in trace.memos.values():
                memo.forget()


class _Results:
    """Results as callers get them: arguments are theirs, lists and dicts of generation time are made at each call."""

    def __init__(self, trace: Trace, arguments: PassedArguments, loc: Loc) -> None:
        self._trace = trace
        self._arguments = arguments
        self._loc = loc
        self._seen: set[int] = set()

    def part(self, result: object, *, is_new: bool = False) -> object:
        """The result, or an item of it, so. `is_new`: it is wanted though it is an argument."""
        path = None if is_new else self._arguments.path_of(result)
        if path is not None:
            return ArgumentPart(path)
        if isinstance(result, (TracedList, TracedDict)):
            return self._container(result)
        if type(result) is tuple:
            return tuple([self.part(item) for item in result])
        if is_staged_view(result):
            hint = "return list() of it"
            raise StagedTypeError("a staged function cannot return a view of a dict", loc=self._loc, hint=hint)
        return result

    def _container(self, result: TracedList | TracedDict) -> object:
        values: Sequence[object] = list(result.values()) if isinstance(result, TracedDict) else result
        if any(map(self._trace.front.is_staged, values)):
            return result
        if id(result) in self._seen:
            self._trace.sites.make_run_time(result.site)  # two of one result are one list
        self._seen.add(id(result))
        return MadeAnew.like(result, [self.part(value) for value in values])


def _run(function: Callable[..., object], arguments: Sequence[object]) -> object:
    try:
        with room_to_recur():
            return function(*arguments)
    except AlwaysRaises:
        return None
    except RecursionError as error:
        raise StagingError(
            "the calls of this program go too deep for staging",
            loc=error_loc(error),
            hint="let a staged value end the recursion: then it is a native function, which is staged once",
        ) from None


def _refuse_containers(structure: Structure, loc: Loc) -> None:
    """Results that callers may change cannot be made once and given out at every call."""
    match structure:
        case TupleOf(items, _, _):
            for item in items:
                _refuse_containers(item, loc)
        case Static(list() | dict() | set() | bytearray()):
            raise StagedTypeError(
                f"a staged function cannot return {describe(structure)}",
                loc=loc,
                hint="return a number, None, a string, or a tuple of them",
            )
        case _:
            pass
