"""Reify: run a virtualised function on staged parameters and keep the IR it builds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import NotSupportedYetError, StagedTypeError
from ..ir.node import Function
from ..ir.types import Type
from ..loc import Loc
from ..options import Options
from ..tracebacks import error_loc
from .context import Capture, HostFunction, Trace, tracing
from .raising import AlwaysRaises
from .regions import RegionsMeet
from .values import Front, Static, Structure, TupleOf, describe


@dataclass(frozen=True, slots=True)
class Staged:
    """A function as IR, and what running it needs besides.

    `structure` says how to make the Python result from the function's results.
    """

    function: Function
    structure: Structure
    captures: tuple[Capture, ...]
    host_functions: tuple[HostFunction, ...]
    before_run: tuple[Callable[[], None], ...]
    after_run: tuple[Callable[[], None], ...]


def reify(
    function: Callable[..., object],
    parameters: Sequence[tuple[str, Type]],
    *,
    name: str,
    loc: Loc,
    front: Front,
    options: Options,
) -> Staged:
    """Stage `function` for parameters of those types. Raises the located errors of staging.

    Arrays of one region may overlap. Where arrays of different regions come to be held by one variable, the function is
    staged again as if all of them might.
    """
    for are_apart in (True, False):
        try:
            return _reified(
                function, parameters, name=name, loc=loc, trace=Trace(front, options, arrays_apart=are_apart)
            )
        except RegionsMeet:
            assert are_apart
    raise AssertionError("regions meet once")


def _reified(
    function: Callable[..., object], parameters: Sequence[tuple[str, Type]], *, name: str, loc: Loc, trace: Trace
) -> Staged:
    front = trace.front
    symbols = [trace.builder.fresh(trace.regions.of_parameter(type_), parameter) for parameter, type_ in parameters]
    with trace.builder.block(symbols) as scope, tracing(trace), front.session(trace):
        result = _run(function, [trace.wrap(symbol) for symbol in symbols])
        atoms, structure = trace.flatten(front.finish(trace, result))
        _refuse_containers(structure, loc)
    captures = tuple(trace.captures.values())
    scope.params = (*symbols, *[capture.symbol for capture in captures])
    staged = Function(name, scope.finish(atoms), loc, len(captures))
    return Staged(
        staged, structure, captures, tuple(trace.host_functions), tuple(trace.before_run), tuple(trace.after_run)
    )


def _run(function: Callable[..., object], arguments: Sequence[object]) -> object:
    try:
        return function(*arguments)
    except AlwaysRaises:
        return None
    except RecursionError as error:
        raise NotSupportedYetError(
            "this recursion does not end while staging: recursion on staged values is not supported yet",
            loc=error_loc(error),
            hint="recursion whose depth is known now unfolds; make the argument that ends it a plain value",
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
