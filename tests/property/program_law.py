"""The law (DESIGN D13) for a `Case`: Python = interpret(IR) = interpret(optimised IR) = native.

Compared are results, printed text, types of exceptions, and the arrays that were passed. Ints of 64 bits are the one
difference: where Python leaves them, compiled code may raise OverflowError, or not notice in what nothing uses.
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any

import numpy as np

from pylms import generate, lms, staged
from pylms.errors import PylmsError
from pylms.ir.interpret import interpret
from pylms.ir.node import Function
from pylms.ir.verify import verify
from pylms.loc import Loc
from pylms.running import result_of
from pylms.staging.parameters import leaf_values
from pylms.staging.reify import Staged, reify
from pylms.staging.signature import arrays_overlap, overlapping, signature_of
from pylms.staging.values import ScalarFront
from tests.harness.law import OPTIONS, PrintingHost, outcome, same
from tests.harness.native_batch import compile_together
from tests.property.checked_python import TooLarge, checked_program, unbounded
from tests.property.language_programs import Case
from tests.virtualize.sources import define

NAMES = {"math": math, "np": np, "staged": staged}
_RAISED_BY_PYTHON = (
    TypeError,
    ArithmeticError,
    AssertionError,
    IndexError,
    KeyError,
    RuntimeError,
    UnboundLocalError,
    ValueError,
)


@dataclass(frozen=True)
class Observed:
    """What a call shows: the result or the class of the exception, the text, what the arguments are afterwards."""

    result: object
    printed: str
    arrays: tuple[Any, ...]


@dataclass(frozen=True)
class Failure:
    """A broken law. `kind` is the same for what is likely the same fault."""

    kind: str
    case: Case
    message: str


@dataclass(frozen=True)
class Prepared:
    """A case staged and optimised. `refused`: what staging said instead; `raised`: what it raised, as Python has to."""

    case: Case
    expected: tuple[Observed, ...]
    staged: Staged | None = None
    optimised: Function | None = None
    refused: PylmsError | None = None
    raised: Exception | None = None


def prepare(case: Case) -> Prepared | Failure | None:
    """Up to code generation; None for a program that goes on for long.

    Calls of another signature than the first are left out.
    """
    signatures = [_signature(case, arguments_of(call)) for call in case.calls]
    alike = [call for call, each in zip(case.calls, signatures, strict=True) if each == signatures[0]]
    case = replace(case, calls=tuple(alike))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        checked = checked_program(case.source)
        expected = tuple([_observe(checked, call) for call in case.calls])
        if any(_goes_on_for_long(case, call, each) for call, each in zip(case.calls, expected, strict=True)):
            return None
        try:
            found = _stage(case)
            optimised = generate.optimise(found.function, OPTIONS)
        except PylmsError as error:
            if error.loc is None or type(error).__name__ == "InternalError":
                return _failure(case, "staging", error)
            return Prepared(case, expected, refused=error)
        except _RAISED_BY_PYTHON as error:
            return Prepared(case, expected, raised=error)
        except Exception as error:
            return _failure(case, "staging", error)
        fitting = [found.overlap in (None, _overlap(case, call, found)) for call in case.calls]
        case = replace(case, calls=tuple(compress(case.calls, fitting)))
        return Prepared(case, tuple(compress(expected, fitting)), found, optimised)


def check_interpreted(prepared: Prepared) -> Failure | None:
    """Python against the interpreter, before and after the passes."""
    if prepared.raised is not None:
        return _check_raised(prepared, prepared.raised)
    if prepared.staged is None or prepared.optimised is None:
        return None
    found = prepared.staged
    owners = [capture.owner for capture in found.captures]
    for way, function in (("interpreted", found.function), ("optimised", prepared.optimised)):

        def run(*arguments: object, function: Function = function) -> object:
            inputs = (*leaf_values(arguments, _signature(prepared.case, arguments)), *owners)
            return result_of(found, iter(interpret(function, inputs, host=PrintingHost())), arguments)

        failure = _compare(prepared, way, run)
        if failure is not None:
            return failure
    return None


def check_natively(prepared: Sequence[Prepared], *, flags: Sequence[str] = ("-O1",)) -> list[Failure]:
    """Python against native code, of all programs together."""
    ready = [each for each in prepared if each.staged is not None and each.optimised is not None]
    natives = compile_together([(each.staged, each.optimised) for each in ready], OPTIONS, flags=flags)  # type: ignore[misc]
    found = [_compare(each, "native", _native(each, native)) for each, native in zip(ready, natives, strict=True)]
    return [failure for failure in found if failure is not None]


def _native(prepared: Prepared, native: Callable[..., Any]) -> Callable[..., object]:
    assert prepared.staged is not None
    found = prepared.staged

    def run(*arguments: object) -> object:
        leaves = leaf_values(arguments, _signature(prepared.case, arguments))
        results = native(*[bool(each) if isinstance(each, np.bool_) else each for each in leaves])
        count = len(found.function.body.results)
        return result_of(found, iter((results,) if count == 1 else results if count else ()), arguments)

    return run


def arguments_of(call: str) -> tuple[Any, ...]:
    """The arguments that a text stands for, made anew."""
    arguments: tuple[Any, ...] = eval(call, {"np": np, "inf": math.inf, "nan": math.nan})
    return arguments


def _stage(case: Case) -> Staged:
    """Staged for the first call; for arrays that overlap where its own do."""
    program = define(case.source, "program", "<program>", **NAMES)
    given = arguments_of(case.calls[0])
    signature = _signature(case, given)
    names = list(inspect.signature(program).parameters)
    rewritten = lms(program)

    def reified(types: Any) -> Staged:
        return reify(
            rewritten,
            list(zip(names, types, strict=True)),
            name="program",
            loc=Loc("<program>", 1),
            front=ScalarFront(),
            options=OPTIONS,
        )

    found = reified(signature)
    if found.overlap is False and _overlap(case, case.calls[0], found):
        found = reified(overlapping(signature))
    verify(found.function)
    return found


def _overlap(case: Case, call: str, found: Staged) -> bool:
    arguments = arguments_of(call)
    return arrays_overlap(leaf_values(arguments, _signature(case, arguments)), found.written)


def _signature(case: Case, arguments: Sequence[object]) -> Any:
    parameter = inspect.Parameter("argument", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return signature_of("program", [(parameter, each) for each in arguments])


def _goes_on_for_long(case: Case, call: str, expected: Observed) -> bool:
    """Also where ints are not checked: what is known while staging is computed as Python does."""
    if expected.result is OverflowError:
        expected = _observe(checked_program(case.source, check=unbounded), call)
    return expected.result is TooLarge


def _observe(run: Callable[..., object], call: str) -> Observed:
    arguments = arguments_of(call)
    result, printed = outcome(lambda: run(*arguments))
    # After an error, lists and dicts are as they were before the call.
    kinds = np.ndarray if isinstance(result, type) else (np.ndarray, list, dict)
    return Observed(result, printed, tuple([each for each in arguments if isinstance(each, kinds)]))


def _compare(prepared: Prepared, way: str, run: Callable[..., object]) -> Failure | None:
    case = prepared.case
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for call, expected in zip(case.calls, prepared.expected, strict=True):
            found = _observe(run, call)
            if _agree(expected, found) or (
                expected.result is OverflowError and _is_licensed(case, call, expected, found)
            ):
                continue
            return Failure(
                f"{way}: {_difference(expected, found)}", case, f"{way}{call}\n gives {found}\nPython {expected}"
            )
    return None


def _agree(expected: Observed, found: Observed) -> bool:
    results = (UnboundLocalError, found.result) if expected.result is NameError else (expected.result, found.result)
    same_arrays = all(map(_same_result, expected.arrays, found.arrays))
    return same_arrays and expected.printed == found.printed and _same_result(*results)


def _same_result(left: object, right: object) -> bool:
    if type(left) is type(right) and isinstance(left, (tuple, list)):
        return len(left) == len(right) and all(map(_same_result, left, right))
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        return _same_array(left, right)
    return same(left, right)


def _same_array(left: Any, right: Any) -> bool:
    """The same elements; bytes are compared but for NaNs."""
    if left.shape != right.shape or left.dtype != right.dtype:
        return False
    if left.dtype.kind != "f":
        return np.array_equal(left, right)
    return np.array_equal(left, right, equal_nan=True) and np.array_equal(
        np.signbit(left[~np.isnan(left)]), np.signbit(right[~np.isnan(right)])
    )


def _is_licensed(case: Case, call: str, expected: Observed, found: Observed) -> bool:
    """Whether Python's ints left 64 bits, and this noticed later, or had no need to."""
    if found.result is OverflowError and found.printed.startswith(expected.printed):
        return True
    python = _observe(checked_program(case.source, check=unbounded), call)
    return python.result is TooLarge or _agree(python, found)


def _check_raised(prepared: Prepared, error: Exception) -> Failure | None:
    """What is raised while staging, Python raises at every call."""
    for call, expected in zip(prepared.case.calls, prepared.expected, strict=True):
        if not isinstance(expected.result, type):
            return _failure(prepared.case, f"staging raises, Python gives {expected} for {call}", error)
    return None


def _failure(case: Case, where: str, error: BaseException) -> Failure:
    return Failure(f"{where.split(',')[0]}: {type(error).__name__}", case, f"{where}: {type(error).__name__}: {error}")


def _difference(expected: Observed, found: Observed) -> str:
    def kind(result: object) -> str:
        return result.__name__ if isinstance(result, type) else "value"

    if kind(expected.result) != kind(found.result):
        return f"{kind(found.result)} for {kind(expected.result)}"
    if expected.printed != found.printed:
        return "printed"
    return "result" if not _same_result(expected.result, found.result) else "arrays"
