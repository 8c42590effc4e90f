"""`__if`: a branch of Python now, or a native branch when its condition is staged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from ...errors import StagedTypeError
from ...ir.builder import BlockScope
from ...ir.node import Atom, Const
from ...ir.ops.arithmetic import CONVERT
from ...ir.ops.control import IF
from ...ir.types import BOOL, ArrayType, ContainerType, ScalarType, TensorType, TextType, Type
from ...late import late_module
from ...loc import Loc, caller_loc
from ...records import record
from ..constructs import Assigned, Construct, TracedBlock, trace_construct
from ..containers.sites import unify
from ..containers.traced import TracedDict, TracedList
from ..context import Trace, current_trace
from ..fitting import tensor_in, zero_in
from ..raising import AlwaysRaises
from ..truth import MixedTruth, truth, truth_in
from ..values import Leaf, Static, Structure, TupleOf, describe, is_none, item_of_maybe, maybe_of, same_static
from ..widening import may_be_absent, widened_constant, widens

if TYPE_CHECKING:
    from ...ir.ops import arrays, texts
else:
    arrays = late_module("pylms.ir.ops.arrays")
    texts = late_module("pylms.ir.ops.texts")

Thunk = Callable[[], object]


def run_if(
    test: object, then: Thunk, otherwise: Thunk, assigned: Assigned, *, functions: Sequence[object] | None = None
) -> object:
    """What the chosen function returns; of both, merged, when the test is staged.

    `functions` are the block functions whose assignments `assigned` names, where those are not the two sides.
    """
    trace = current_trace()
    if trace is None or not trace.is_staged(test):
        return then() if test else otherwise()
    condition = truth(trace, test)
    if isinstance(condition, Const):
        return then() if condition.value else otherwise()
    blocks = (then, otherwise) if functions is None else functions

    def attempt(construct: Construct) -> object:
        return _trace_if(construct, condition, then, otherwise)

    return trace_construct(trace, "branch", blocks, assigned, attempt)


def run_logical(test: object, then: Thunk, otherwise: Thunk, assigned: Assigned) -> object:
    """As `run_if`, for `and` and `or`: operands of different types have a truth value in common."""
    trace = current_trace()
    if trace is None or not trace.is_staged(test):
        return then() if test else otherwise()
    condition = truth(trace, test)
    if isinstance(condition, Const):
        return then() if condition.value else otherwise()

    def attempt(construct: Construct) -> object:
        return _trace_logical(construct, condition, then, otherwise)

    return trace_construct(trace, "branch", (then, otherwise), assigned, attempt)


@dataclass(slots=True)
class _Side:
    """One side of a branch: its block, and the atoms and structure of its value (None where it always raises)."""

    block: TracedBlock
    value: object = None
    atoms: Sequence[Atom] = ()
    structure: Structure | None = None


def _trace_side(construct: Construct, function: Thunk) -> _Side:
    trace = construct.trace
    with construct.block(repeats=False) as block:
        side = _Side(block)
        side.value = function()
        if isinstance(side.value, MixedTruth):
            side.atoms, side.structure = [side.value.truth_atom], Leaf(BOOL)
        else:
            side.atoms, side.structure = trace.flatten(side.value)
    return side


def _trace_if(construct: Construct, condition: Atom, then: Thunk, otherwise: Thunk) -> object:
    loc = caller_loc()
    left, right = _trace_side(construct, then), _trace_side(construct, otherwise)
    for side in (left, right):
        if isinstance(side.value, MixedTruth):
            side.value.refuse()
    return _finish_if(construct, condition, left, right, loc)


def _trace_logical(construct: Construct, condition: Atom, then: Thunk, otherwise: Thunk) -> object:
    loc = caller_loc()
    left, right = _trace_side(construct, then), _trace_side(construct, otherwise)
    if left.structure is None or right.structure is None or _have_one_type(left, right):
        return _finish_if(construct, condition, left, right, loc)
    left_type, right_type = describe(left.structure), describe(right.structure)
    for side in (left, right):
        if isinstance(side.value, MixedTruth):
            left_type, right_type, loc = side.value.left, side.value.right, side.value.loc
        side.atoms, side.structure = [truth_in(construct.trace, side.block.scope, side.value, side.atoms)], Leaf(BOOL)
    result = construct.trace.lift(_finish_if(construct, condition, left, right, caller_loc()))
    return MixedTruth(result, construct.trace, left=left_type, right=right_type, loc=loc)


def _have_one_type(left: _Side, right: _Side) -> bool:
    if isinstance(left.value, MixedTruth) or isinstance(right.value, MixedTruth):
        return False
    (left_structure, left_atoms), (right_structure, right_atoms) = _where_present(left), _where_present(right)
    if is_none(left_structure) or is_none(right_structure):
        return may_be_absent(left_structure) and may_be_absent(right_structure)
    if isinstance(left_structure, Leaf) and isinstance(right_structure, Leaf):
        (left_atom,), (right_atom,) = left_atoms, right_atoms
        return widens(left_atom, right_atom.type) or widens(right_atom, left_atom.type)
    if _may_be_staged(left_structure) and _may_be_staged(right_structure):
        return True
    # What is wrong with others, if anything is, the merging says.
    return isinstance(left_structure, TupleOf) and isinstance(right_structure, TupleOf)


def _where_present(side: _Side) -> tuple[Structure, Sequence[Atom]]:
    """The structure and atoms of what a side gives, where that is not None."""
    assert side.structure is not None
    item = item_of_maybe(side.structure)
    return (side.structure, side.atoms) if item is None else (item, side.atoms[1:])


def _finish_if(construct: Construct, condition: Atom, then: _Side, otherwise: _Side, loc: Loc) -> object:
    trace = construct.trace
    if then.structure is None and otherwise.structure is None:
        trace.emit(IF, [condition], blocks=(then.block.finish([]), otherwise.block.finish([])), loc=loc)
        raise AlwaysRaises
    for side, other in ((then, otherwise), (otherwise, then)):
        if side.structure is None:
            # Its value is never used: any of the right type will do.
            side.structure = other.structure
            side.atoms = [zero_in(trace, side.block.scope, atom.type, loc) for atom in other.atoms]
    assert then.structure is not None and otherwise.structure is not None
    if is_none(then.structure) and is_none(otherwise.structure):  # of statements
        trace.emit(IF, [condition], blocks=(then.block.finish([]), otherwise.block.finish([])), loc=loc)
        return None
    merged = _Merged(trace, then.block.scope, otherwise.block.scope, [], [])
    structure = merged.merge(then.structure, otherwise.structure, iter(then.atoms), iter(otherwise.atoms))
    blocks = (then.block.finish(merged.then_results), otherwise.block.finish(merged.else_results))
    results = trace.emit(IF, [condition], blocks=blocks, loc=loc)
    return trace.unflatten(structure, iter(results))


@record(frozen=True, slots=True)
class _Merged:
    """Brings the values of the two sides into one structure, and collects the atoms each block must give."""

    trace: Trace
    then_scope: BlockScope
    else_scope: BlockScope
    then_results: list[Atom]
    else_results: list[Atom]

    def merge(self, then: Structure, otherwise: Structure, left: Iterator[Atom], right: Iterator[Atom]) -> Structure:
        """The structure both sides have; a located error where they have none in common."""
        match then, otherwise:
            case Static(then_value), Static(else_value) if same_static(then_value, else_value):
                return then
            case Leaf(), Leaf():
                return self._merge_leaves(next(left), next(right))
            case ((Static() | Leaf()), (Static() | Leaf())) if _may_be_staged(then) and _may_be_staged(otherwise):
                left_atom = self._as_atom(then, left, self.then_scope)
                return self._merge_leaves(left_atom, self._as_atom(otherwise, right, self.else_scope))
            case TupleOf(then_items, make, name), TupleOf(else_items, _, else_name) if name == else_name and len(
                then_items
            ) == len(else_items):
                pairs = zip(then_items, else_items, strict=True)
                return TupleOf(tuple(self.merge(a, b, left, right) for a, b in pairs), make, name)
            case _:
                return self._merge_maybe(then, otherwise, left, right)

    def _merge_maybe(
        self, then: Structure, otherwise: Structure, left: Iterator[Atom], right: Iterator[Atom]
    ) -> Structure:
        """What is None on one side, or may be."""
        then_item, else_item = item_of_maybe(then), item_of_maybe(otherwise)
        if not (is_none(then) or is_none(otherwise) or then_item or else_item):
            _refuse(describe(then), describe(otherwise))
        self.then_results.append(next(left) if then_item else Const(not is_none(then), BOOL))
        self.else_results.append(next(right) if else_item else Const(not is_none(otherwise), BOOL))
        then, otherwise = then_item or then, else_item or otherwise
        if is_none(then):
            return maybe_of(self._on_one_side(otherwise, right, is_then=False))
        if is_none(otherwise):
            return maybe_of(self._on_one_side(then, left, is_then=True))
        return maybe_of(self.merge(then, otherwise, left, right))

    def _on_one_side(self, structure: Structure, atoms: Iterator[Atom], *, is_then: bool) -> Structure:
        """A value that only one side has; the other gives zeros."""
        if isinstance(structure, TupleOf):
            items = tuple([self._on_one_side(item, atoms, is_then=is_then) for item in structure.items])
            return TupleOf(items, structure.make, structure.name)
        if is_none(structure):
            return structure
        if not (may_be_absent(structure) or _may_be_staged(structure)):
            _refuse(describe(structure), "None")
        here, there = (self.then_scope, self.else_scope) if is_then else (self.else_scope, self.then_scope)
        atom = self._as_atom(structure, atoms, here)
        zero = zero_in(self.trace, there, atom.type, caller_loc())
        self.then_results.append(atom if is_then else zero)
        self.else_results.append(zero if is_then else atom)
        return Leaf(atom.type)

    def _as_atom(self, structure: Structure, atoms: Iterator[Atom], scope: BlockScope) -> Atom:
        """What one side gives; a string of generation time is made at the end of the side's block."""
        match structure:
            case Static(TracedList() | TracedDict() as container):
                self.trace.sites.make_run_time(container.site)
            case Static(value):
                node = self.trace.builder.node(texts.TEXT_VALUE, [], attrs={"value": str(value)}, loc=caller_loc())
                scope.nodes.append(node)
                return node.results[0]
            case _:
                return next(atoms)

    def _merge_leaves(self, then: Atom, otherwise: Atom) -> Structure:
        """The type that one side widens to; any other mismatch is an error."""
        if isinstance(then.type, ContainerType) and isinstance(otherwise.type, ContainerType):
            unify(self.trace.sites, then.type, otherwise.type)
        if widens(then, otherwise.type):
            then = self._widened(then, otherwise.type, self.then_scope)
        elif widens(otherwise, then.type):
            otherwise = self._widened(otherwise, then.type, self.else_scope)
        else:
            _refuse(str(then.type), str(otherwise.type))
        self.then_results.append(then)
        self.else_results.append(otherwise)
        return Leaf(then.type)

    def _widened(self, atom: Atom, target: Type, scope: BlockScope) -> Atom:
        """A number as the type that it widens to; a conversion goes to the end of the side's block."""
        if atom.type == target:
            return atom
        if isinstance(target, ArrayType):
            node = self.trace.builder.node(arrays.ARRAY_AS_STRIDED, [atom], loc=caller_loc())
            scope.nodes.append(node)
            return node.results[0]
        if isinstance(target, TensorType):
            return tensor_in(self.trace, scope, atom, target, caller_loc())
        assert isinstance(target, ScalarType)
        if isinstance(atom, Const):
            return widened_constant(atom, target)
        node = self.trace.builder.node(CONVERT, [atom], attrs={"dtype": target}, loc=caller_loc())
        scope.nodes.append(node)
        return node.results[0]


def _may_be_staged(structure: Structure) -> bool:
    """Whether it is a string, list or dict, staged or of generation time."""
    match structure:
        case Leaf(type_):
            return isinstance(type_, (TextType, ContainerType))
        case Static(value):
            return type(value) is str or isinstance(value, (TracedList, TracedDict))
        case _:
            return False


def _refuse(then: str, otherwise: str) -> NoReturn:
    raise StagedTypeError(
        f"a staged branch gives {then} on one path and {otherwise} on the other",
        loc=caller_loc(),
        hint="both paths of a branch on a staged condition must give one type",
    )
