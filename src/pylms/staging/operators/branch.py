"""`__if`: a branch of Python now, or a native branch when its condition is staged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NoReturn

from ...errors import StagedTypeError
from ...ir.node import Atom, Const
from ...ir.ops.control import IF
from ...ir.types import INT, ScalarType, Type
from ...loc import caller_loc
from ..constructs import Assigned, Construct, trace_construct
from ..context import current_trace
from ..truth import truth
from ..values import Leaf, Static, Structure, TupleOf, describe, same_static

Thunk = Callable[[], object]


def run_if(test: object, then: Thunk, otherwise: Thunk, assigned: Assigned) -> object:
    """What the chosen function returns; of both, merged, when the test is staged."""
    trace = current_trace()
    if trace is None or not trace.is_staged(test):
        return then() if test else otherwise()
    condition = truth(trace, test)
    if isinstance(condition, Const):
        return then() if condition.value else otherwise()
    return trace_construct(
        trace, "branch", (then, otherwise), assigned, lambda construct: _trace_if(construct, condition, then, otherwise)
    )


def _trace_if(construct: Construct, condition: Atom, then: Thunk, otherwise: Thunk) -> object:
    trace = construct.trace
    loc = caller_loc()
    with construct.block(repeats=False) as then_scope:
        then_atoms, then_structure = trace.flatten(then())
    with construct.block(repeats=False) as else_scope:
        else_atoms, else_structure = trace.flatten(otherwise())
    merged = _Merged([], [])
    structure = merged.merge(then_structure, else_structure, iter(then_atoms), iter(else_atoms))
    blocks = (then_scope.finish(merged.then_results), else_scope.finish(merged.else_results))
    results = trace.emit(IF, [condition], blocks=blocks, loc=loc)
    return trace.unflatten(structure, iter(results))


@dataclass(frozen=True, slots=True)
class _Merged:
    """Brings the values of the two sides into one structure, and collects the atoms each block must give."""

    then_results: list[Atom]
    else_results: list[Atom]

    def merge(self, then: Structure, otherwise: Structure, left: Iterator[Atom], right: Iterator[Atom]) -> Structure:
        """The structure both sides have; a located error where they have none in common."""
        match then, otherwise:
            case Static(then_value), Static(else_value) if same_static(then_value, else_value):
                return then
            case Leaf(), Leaf():
                return self._merge_leaves(next(left), next(right))
            case TupleOf(then_items, make, name), TupleOf(else_items, _, else_name) if name == else_name and len(
                then_items
            ) == len(else_items):
                pairs = zip(then_items, else_items, strict=True)
                return TupleOf(tuple(self.merge(a, b, left, right) for a, b in pairs), make, name)
            case _:
                _refuse(describe(then), describe(otherwise))

    def _merge_leaves(self, then: Atom, otherwise: Atom) -> Structure:
        """An int literal on one side widens to the float of the other; any other mismatch is an error."""
        if then.type != otherwise.type:
            then, otherwise = _widened(then, otherwise.type), _widened(otherwise, then.type)
        if then.type != otherwise.type:
            _refuse(str(then.type), str(otherwise.type))
        self.then_results.append(then)
        self.else_results.append(otherwise)
        return Leaf(then.type)


def _widened(atom: Atom, target: Type) -> Atom:
    if isinstance(atom, Const) and atom.type == INT and isinstance(target, ScalarType) and target.is_float:
        return Const(float(atom.value), target)
    return atom


def _refuse(then: str, otherwise: str) -> NoReturn:
    raise StagedTypeError(
        f"a staged branch gives {then} on one path and {otherwise} on the other",
        loc=caller_loc(),
        hint="both paths of a branch on a staged condition must give one type",
    )
