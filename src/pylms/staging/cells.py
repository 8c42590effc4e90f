"""Cells: the variables of virtualised functions that are assigned more than once (DESIGN D2).

A cell holds a Python value (plain or staged) until staged control flow assigns it; then it is a `Variable`, one IR
variable for each leaf of its value. Which cells a staged construct promotes is decided on entering it, from
the names `virtualize` recorded, and corrected by tracing the construct again (`Retrace`) when tracing finds out more.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, NoReturn

from ..errors import NotSupportedYetError, StagedTypeError
from ..ir.builder import BlockScope
from ..ir.node import Atom, AttributeValue, Const, Sym
from ..ir.ops.arithmetic import CONVERT
from ..ir.ops.control import CHECK
from ..ir.ops.variables import VAR_GET, VAR_NEW, VAR_SET
from ..ir.types import BOOL, ArrayType, ContainerType, ScalarType, TensorType, TextType, Type
from ..late import late_module
from ..loc import Loc, caller_loc
from .containers.sites import unify
from .containers.traced import TracedDict, TracedList
from .context import Trace, current_trace
from .kinds import is_staged_dict, is_staged_list
from .parameters import is_changeable, items_of
from .raising import AlwaysRaises
from .values import Leaf, Structure, constant, describe, describe_static, leaf_types, same_structure
from .widening import joined, widened_constant

if TYPE_CHECKING:
    from ..ir import empty_array, empty_container
    from ..ir.ops import arrays, tensors
    from .constructs import Construct
else:
    empty_array = late_module("pylms.ir.empty_array")
    empty_container = late_module("pylms.ir.empty_container")
    arrays = late_module("pylms.ir.ops.arrays")
    tensors = late_module("pylms.ir.ops.tensors")


class _Unset:
    """The content of a cell that was never assigned."""

    def __repr__(self) -> str:
        return "unset"


UNSET = _Unset()


class Poison:
    """The content of a cell whose value depends on staged control flow in a way that no variable can hold."""

    def __init__(self, construct: Construct, value: object) -> None:
        self.construct = construct
        self.value = value


class Decision(Enum):
    """What a staged construct does with a cell that is older than it."""

    PROMOTE = auto()
    """It becomes IR variables."""
    KEEP = auto()
    """It was promoted and got no assignment: it stays a plain value."""
    LOCAL = auto()
    """It is assigned what cannot be staged: its value is good only within the block that assigned it."""


class Retrace(BaseException):
    """Trace this construct again: a decision about one of its cells has changed."""

    def __init__(self, construct: Construct) -> None:
        super().__init__()
        self.construct = construct


class Variable:
    """The IR variables of a promoted cell.

    `structure` is None until the first assignment, where the cell was unset at promotion; then `is_set` is a bool
    variable that tells at run time whether it has a value. New variables go into `scope`, outside the construct.
    """

    def __init__(self, construct: Construct, scope: BlockScope, loc: Loc) -> None:
        self.construct = construct
        self.scope = scope
        self.loc = loc
        self.structure: Structure | None = None
        self.was_read_unset = False
        self.origin: list[Atom] = []
        """The first value: what is known of it may still widen."""
        self.symbols: list[Sym] = []
        self.takes_int_literals = False
        self.is_set: Sym | None = None
        self.was_assigned = False


class Cell:
    """One variable of one activation of a virtualised function."""

    __slots__ = ("birth", "identity", "name", "value", "variable")

    def __init__(self, name: str, value: object = UNSET, *, outside: bool = False) -> None:
        """`outside`: the cell stands for state that is older than any trace (a parameter's gradient)."""
        trace = None if outside else current_trace()
        self.name = name
        self.value = value
        self.variable: Variable | None = None
        self.birth, self.identity = (0, 0) if trace is None else trace.new_cell(self)

    def read(self) -> object:
        """The current value; UnboundLocalError where there is none, as Python raises it."""
        trace = current_trace()
        if trace is not None:
            for watch in trace.watches:
                watch.reads.add(self)
            if trace.frame is not None:
                trace.frame.note_read(self)
            if self.variable is not None:
                return _read_variable(trace, self, self.variable)
        if self.value is UNSET:
            raise UnboundLocalError(unbound_message(self.name))
        if isinstance(self.value, Poison):
            return self.read_poison(self.value)
        return self.value

    def read_poison(self, poison: Poison) -> object:
        """What to do when the value depends on staged control flow: an error, unless a subclass knows better."""
        trace = poison.construct.trace
        birth = trace.birth_of(self)
        for value in (poison.value, trace.sites.met.get(birth)):
            if isinstance(value, (TracedList, TracedDict)):
                trace.sites.make_run_time(value.site)
            if type(value) is str and birth not in trace.sites.text_cells:
                trace.sites.make_text_cell(birth)
        decided = [each for each in trace.decisions.values() if each.cells.get(birth) is Decision.LOCAL]
        kinds = [each.met[birth] for each in decided if birth in each.met]
        name = "the result" if "$" in self.name else f"`{self.name}`"
        raise StagedTypeError(
            f"{name} is assigned {kinds[0] if kinds else 'a value'} under staged control flow, and that cannot be "
            "staged: its value here depends on the run",
            loc=caller_loc(),
            hint="assign it before the branch or loop, or use a number, a tensor, or a tuple of them",
        )

    def as_stageable(self, trace: Trace, value: object) -> object:
        """The value a variable holds for `value`; a subclass may stand in something stageable (zeros for None)."""
        if type(value) is str and trace.birth_of(self) in trace.sites.text_cells:
            return trace.wrap(trace.lift(value))
        return value

    def assign(self, value: object) -> None:
        """Give it a value: a Python assignment, or an IR `set` where staged control flow decides."""
        trace = current_trace()
        if trace is None:
            self.value = value
            return
        for watch in trace.watches:
            watch.writes.add(self)
        if self.variable is None and value is self.value and constant(value) is None:
            return  # an object that an in-place operator changed, and gave back
        if trace.frame is not None:
            trace.frame.note_write(self, value)
        constructs = trace.constructs_within(self)
        if not constructs:
            self.rebind(trace, value)
        elif constructs[0].decisions.cells.get(trace.birth_of(self)) is Decision.LOCAL:
            self._assign_locally(trace, constructs, value)
        elif self.variable is not None:
            _assign_variable(trace, self, self.variable, value)
        else:
            if isinstance(value, (TracedList, TracedDict)) and (
                is_staged_list(self.value) or is_staged_dict(self.value)
            ):
                trace.sites.make_run_time(value.site)
            fits = _can_hold(trace, self, value)
            held_fits = self.value is UNSET or _can_hold(trace, self, self.value)
            decision = Decision.PROMOTE if fits and held_fits else Decision.LOCAL
            _decide(trace, self, decision, value if held_fits else self.value)

    def delete(self) -> None:
        """Leave it without a value; UnboundLocalError where it has none. Staged control flow cannot decide about it."""
        self.read()
        trace = current_trace()
        if trace is None:
            self.value = UNSET
            return
        if trace.constructs_within(self):
            raise NotSupportedYetError(
                f"`{self.name}` is deleted under staged control flow: whether it has a value would depend on the run",
                loc=caller_loc(),
                hint="leave out the `del`, or assign a value in its place",
            )
        for watch in trace.watches:
            watch.writes.add(self)
        self.rebind(trace, UNSET)

    def rebind(self, trace: Trace, value: object) -> None:
        """A plain Python assignment, taken back when the surrounding construct is traced again."""
        old_value, old_variable = self.value, self.variable

        def undo() -> None:
            self.value, self.variable = old_value, old_variable

        trace.on_undo(undo)
        self.value, self.variable = value, None

    def restore(self, trace: Trace, value: object, variable: Variable | None) -> None:
        """Bring back what it held before a block that was good only within itself."""
        self.rebind(trace, value)
        self.variable = variable

    def _assign_locally(self, trace: Trace, constructs: Sequence[Construct], value: object) -> None:
        """A value good only within the block: every open construct must begin its blocks without one."""
        for construct in constructs:
            if self not in construct.local_cells:
                construct.decisions.cells[trace.birth_of(self)] = Decision.LOCAL
                raise Retrace(construct)
        self.rebind(trace, value)


def _decide(trace: Trace, cell: Cell, decision: Decision, value: object) -> NoReturn:
    """Trace the outermost construct that the cell is older than again: this decision, made on meeting that value."""
    outermost = trace.constructs_within(cell)[0]
    birth = trace.birth_of(cell)
    outermost.decisions.cells[birth] = decision
    if decision is Decision.LOCAL:
        trace.sites.met[birth] = value
        outermost.decisions.met[birth] = describe_value(trace, value)
    raise Retrace(outermost)


def unbound_message(name: str) -> str:
    """CPython's words for reading a local variable that has no value."""
    return f"cannot access local variable '{name}' where it is not associated with a value"


def is_stageable(trace: Trace, value: object) -> bool:
    """Whether a variable can hold it: numbers, tensors, and tuples and frozen dataclasses of them."""
    items = value if isinstance(value, tuple) else None if is_changeable(value) else items_of(value)
    if items is not None:
        return all(is_stageable(trace, item) for item in items)
    return value is not UNSET and not isinstance(value, Poison) and trace.try_lift(value) is not None


def _can_hold(trace: Trace, cell: Cell, value: object) -> bool:
    """Whether a variable for this cell can hold the value."""
    is_text = type(value) is str and trace.birth_of(cell) in trace.sites.text_cells
    return is_text or is_stageable(trace, value)


def promote(trace: Trace, cell: Cell, construct: Construct) -> bool:
    """Turn a cell into IR variables made just before the construct; False where its value cannot be staged."""
    initial = cell.value if cell.value is UNSET else cell.as_stageable(trace, cell.value)
    if initial is UNSET:
        variable = Variable(construct, trace.builder.scope, caller_loc())
        (variable.is_set,) = trace.emit(VAR_NEW, [Const(False, BOOL)], names=[f"{cell.name}_is_set"])
        variable.takes_int_literals = True
        known = construct.decisions.structures.get(trace.birth_of(cell))
        if known is not None:
            _give_structure(trace, cell, variable, known)
    elif is_stageable(trace, initial):
        variable = Variable(construct, trace.builder.scope, caller_loc())
        atoms, structure = trace.flatten(initial)
        widened = construct.decisions.widened.get(trace.birth_of(cell))
        if widened is not None:
            structure = widened
            atoms = as_leaves(trace, structure, atoms)
        variable.origin = atoms
        variable.structure = structure
        variable.symbols = [trace.emit(VAR_NEW, [atom], names=[cell.name])[0] for atom in atoms]
        variable.was_assigned = variable.takes_int_literals = widened is not None
    else:
        return False
    old_value = cell.value

    def undo() -> None:
        cell.value, cell.variable = old_value, None

    trace.on_undo(undo)
    cell.variable = variable
    return True


def _read_variable(trace: Trace, cell: Cell, variable: Variable) -> object:
    if variable.structure is None:
        # Nothing traced before this assigns it. What comes later may, in an earlier round: then tracing starts again.
        variable.was_read_unset = True
        _check_is_set(trace, cell, Const(False, BOOL))
        raise AlwaysRaises
    if variable.is_set is not None and "$" not in cell.name:
        (flag,) = trace.emit(VAR_GET, [variable.is_set])
        _check_is_set(trace, cell, flag)
    atoms = [trace.emit(VAR_GET, [symbol], names=[cell.name])[0] for symbol in variable.symbols]
    return trace.unflatten(variable.structure, iter(atoms))


def as_leaves(trace: Trace, structure: Structure, atoms: Sequence[Atom]) -> list[Atom]:
    """Atoms as the types of a structure that they widen to."""
    return [as_widened(trace, atom, type_) for atom, type_ in zip(atoms, leaf_types(structure), strict=True)]


def as_widened(trace: Trace, atom: Atom, target: Type) -> Atom:
    """A number as the type that it widens to; a conversion is emitted where the run knows it."""
    if atom.type == target:
        return atom
    if isinstance(target, ArrayType):
        return trace.emit(arrays.ARRAY_AS_STRIDED, [atom])[0]
    assert isinstance(target, ScalarType)
    if isinstance(atom, Const):
        return widened_constant(atom, target)
    return trace.emit(CONVERT, [atom], attrs={"dtype": target})[0]


def _check_is_set(trace: Trace, cell: Cell, flag: Atom) -> None:
    trace.emit(CHECK, [flag], attrs={"error": "UnboundLocalError", "message": unbound_message(cell.name)})


def _assign_variable(trace: Trace, cell: Cell, variable: Variable, value: object) -> None:
    value = cell.as_stageable(trace, value)
    if isinstance(value, (TracedList, TracedDict)) and _holds_container(variable):
        trace.sites.make_run_time(value.site)
    if not is_stageable(trace, value):
        if variable.structure is None and variable.construct in trace.constructs:
            _decide(trace, cell, Decision.LOCAL, value)
        _refuse_type(trace, cell, variable, describe_value(trace, value))
    atoms, structure = trace.flatten(value)
    if variable.structure is None:
        if variable.was_read_unset and variable.construct in trace.constructs:
            variable.construct.decisions.structures[trace.birth_of(cell)] = structure
            raise Retrace(variable.construct)
        _give_structure(trace, cell, variable, structure)
    elif not same_structure(variable.structure, structure):
        atoms = _meet(trace, cell, variable, structure, atoms, value)
    variable.origin = variable.origin or atoms
    for symbol, atom in zip(variable.symbols, atoms, strict=True):
        trace.emit(VAR_SET, [symbol, atom])
    if variable.is_set is not None:
        trace.emit(VAR_SET, [variable.is_set, Const(True, BOOL)])
    variable.was_assigned = True


def _holds_container(variable: Variable) -> bool:
    return isinstance(variable.structure, Leaf) and isinstance(variable.structure.type, ContainerType)


def _give_structure(trace: Trace, cell: Cell, variable: Variable, structure: Structure) -> None:
    """What a cell that was unset is assigned: make its variables outside the construct, zero until set."""
    variable.structure = structure
    for type_ in leaf_types(structure):
        if isinstance(type_, ScalarType):
            attrs: dict[str, AttributeValue] = {"content": type_}
            node = trace.builder.node(VAR_NEW, [], attrs=attrs, names=[cell.name], loc=variable.loc)
        else:
            zero = zero_in(trace, variable.scope, type_, variable.loc)
            node = trace.builder.node(VAR_NEW, [zero], names=[cell.name], loc=variable.loc)
        variable.scope.nodes.append(node)
        variable.symbols.extend(node.results)


def zero_in(trace: Trace, scope: BlockScope, type_: Type, loc: Loc) -> Atom:
    """Zero of that type; a tensor, array, string or container is made at the end of `scope`."""
    if isinstance(type_, ScalarType):
        return Const(False if type_ == BOOL else 0.0 if type_.is_float else 0, type_)
    if isinstance(type_, ArrayType):
        nodes = empty_array.empty_array(trace.builder, type_, loc)
        scope.nodes.extend(nodes)
        return nodes[-1].results[0]
    if isinstance(type_, (TextType, ContainerType)):
        node = empty_container.empty_container(trace.builder, type_, loc)
        scope.nodes.append(node)
        return node.results[0]
    assert isinstance(type_, TensorType)
    zero = Const(0.0 if type_.dtype.is_float else 0, type_.dtype)
    attrs: dict[str, AttributeValue] = {"shape": type_.shape, "axes": ()}
    filled = trace.builder.node(tensors.BROADCAST, [zero], attrs=attrs, loc=loc)
    scope.nodes.append(filled)
    return filled.results[0]


def _meet(
    trace: Trace, cell: Cell, variable: Variable, met: Structure, atoms: Sequence[Atom], value: object
) -> list[Atom]:
    """A value of another structure as the variable's: one of them widens (D2), else it is an error."""
    structure = variable.structure
    assert structure is not None
    for held, found in zip(leaf_types(structure), leaf_types(met), strict=False):
        if isinstance(held, ContainerType) and isinstance(found, ContainerType):
            unify(trace.sites, held, found)
    origin: Sequence[Atom] = variable.origin or atoms
    if variable.construct not in trace.constructs:  # only the run knows what it began with
        origin = [trace.builder.fresh(type_) for type_ in leaf_types(structure)]
    common = joined(structure, origin, met, atoms, takes_literals=variable.takes_int_literals)
    if common is not None and same_structure(common, structure):
        return as_leaves(trace, structure, atoms)
    if common is not None:
        _widen(trace, cell, variable, common)
    if _has_tensor(structure, met):
        _decide(trace, cell, Decision.LOCAL, value)  # batches of two sizes: each is good within its own loop
    _refuse_type(trace, cell, variable, describe(met))


def _widen(trace: Trace, cell: Cell, variable: Variable, structure: Structure) -> NoReturn:
    """Trace the construct that the variable was made for again, the variable having that structure from the start.

    Where that construct is closed, the outermost open one makes a new variable of it.
    """
    is_open = variable.construct in trace.constructs
    construct = variable.construct if is_open else trace.constructs_within(cell)[0]
    decisions = construct.decisions
    known = decisions.structures if is_open and variable.is_set is not None else decisions.widened
    known[trace.birth_of(cell)] = structure
    raise Retrace(construct)


def _has_tensor(*structures: Structure) -> bool:
    return any(isinstance(type_, TensorType) for structure in structures for type_ in leaf_types(structure))


def _refuse_type(trace: Trace, cell: Cell, variable: Variable, found: str) -> NoReturn:
    known = "nothing" if variable.structure is None else describe(variable.structure)
    if variable.is_set is not None:
        raise StagedTypeError(
            f"`{cell.name}` is assigned {found} here, and {known} elsewhere",
            loc=caller_loc(),
            hint="a variable that staged control flow assigns keeps one type; convert the value, or use another name",
        )
    kind = trace.constructs_within(cell)[0].kind
    raise StagedTypeError(
        f"`{cell.name}` is {known} before the {kind}, {found} after",
        loc=caller_loc(),
        hint="a variable that staged control flow assigns keeps one type; convert the value, or use another name",
    )


def describe_value(trace: Trace, value: object) -> str:
    """How an error message names a Python value: `int`, `a tuple of 2`, `a list`, `a tuple of 2 with a list in it`."""
    while isinstance(value, Poison):
        value = value.value
    if value is UNSET:
        return "nothing"
    if isinstance(value, tuple):
        unstageable = [item for item in value if not is_stageable(trace, item)]
        inside = f" with {describe_value(trace, unstageable[0])} in it" if unstageable else ""
        return f"a tuple of {len(value)}{inside}"
    atom = trace.try_lift(value)
    return describe_static(value) if atom is None else describe(Leaf(atom.type))
