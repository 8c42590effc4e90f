"""`Variable`: the IR variables of a cell that staged control flow assigns, made, read and assigned.

A value of another type than the variable's widens one of them, where D2 says so: what the construct has found out is
noted with it, and it is traced again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from ..errors import StagedTypeError
from ..ir.builder import BlockScope
from ..ir.node import Atom, AttributeValue, Const, Sym
from ..ir.ops.control import CHECK
from ..ir.ops.variables import VAR_GET, VAR_NEW, VAR_SET
from ..ir.types import BOOL, ContainerType, ScalarType, TensorType
from ..loc import Loc, caller_loc
from .containers.sites import unify
from .containers.traced import TracedDict, TracedList
from .context import Trace
from .decisions import UNSET, Decision, Retrace, decide, describe_value, is_stageable
from .fitting import as_structure, zero_in
from .raising import AlwaysRaises
from .rep import StagedValue
from .values import Leaf, Structure, describe, is_none, leaf_types, same_structure
from .widening import joined

if TYPE_CHECKING:
    from .cells import Cell
    from .constructs import Construct


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


def promote(trace: Trace, cell: Cell, construct: Construct) -> bool:
    """Turn a cell into IR variables made just before the construct; False where its value cannot be staged."""
    initial, loc = cell.value if cell.value is UNSET else cell.as_stageable(trace, cell.value), caller_loc()
    if initial is UNSET:
        variable = Variable(construct, trace.builder.scope, loc)
        (variable.is_set,) = trace.emit(VAR_NEW, [Const(False, BOOL)], names=[f"{cell.name}_is_set"], loc=loc)
        variable.takes_int_literals = True
        known = construct.decisions.structures.get(trace.birth_of(cell))
        if known is not None:
            _give_structure(trace, cell, variable, known)
    elif is_stageable(trace, initial):
        variable = Variable(construct, trace.builder.scope, loc)
        atoms, structure = trace.flatten(initial)
        widened = construct.decisions.widened.get(trace.birth_of(cell))
        if widened is not None:
            atoms = as_structure(trace, widened, structure, iter(atoms))
            structure = widened
        variable.origin = atoms
        variable.structure = structure
        variable.symbols = [trace.emit(VAR_NEW, [atom], names=[cell.name], loc=loc)[0] for atom in atoms]
        variable.was_assigned = variable.takes_int_literals = widened is not None
    else:
        return False
    old_value = cell.value

    def undo() -> None:
        cell.value, cell.variable = old_value, None

    trace.on_undo(undo)
    cell.variable = variable
    return True


def read_variable(trace: Trace, cell: Cell, variable: Variable) -> object:
    """What the cell holds; UnboundLocalError where the run finds that to be nothing."""
    if variable.structure is None:
        # Nothing traced before this assigns it. What comes later may, in an earlier round: then tracing starts again.
        variable.was_read_unset = True
        _check_is_set(trace, cell, Const(False, BOOL))
        raise AlwaysRaises
    if variable.is_set is not None and "$" not in cell.name:
        (flag,) = trace.emit(VAR_GET, [variable.is_set])
        _check_is_set(trace, cell, flag)
    if not isinstance(variable.structure, Leaf):
        atoms = [trace.emit(VAR_GET, [symbol], names=[cell.name])[0] for symbol in variable.symbols]
        return trace.unflatten(variable.structure, iter(atoms))
    (atom,) = trace.emit(VAR_GET, variable.symbols, names=[cell.name])
    value = trace.wrap(atom)
    return trace.front.held(cell, value) if isinstance(atom.type, TensorType) else value


def _check_is_set(trace: Trace, cell: Cell, flag: Atom) -> None:
    trace.emit(CHECK, [flag], attrs={"error": "UnboundLocalError", "message": unbound_message(cell.name)})


def assign_variable(trace: Trace, cell: Cell, variable: Variable, value: object) -> None:
    """An assignment to the cell. Located error where the value is of a type that it cannot be given."""
    value = cell.as_stageable(trace, value)
    if isinstance(value, (TracedList, TracedDict)) and _holds_container(variable):
        trace.sites.make_run_time(value.site)
    if not isinstance(value, StagedValue) and not is_stageable(trace, value):
        is_open = variable.construct in trace.constructs
        if is_open and (variable.structure is None or is_none(variable.structure)):
            decide(trace, cell, Decision.LOCAL, value)
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
    if _holds_tensor(variable):
        trace.front.hold(cell, value)


def _holds_tensor(variable: Variable) -> bool:
    return isinstance(variable.structure, Leaf) and isinstance(variable.structure.type, TensorType)


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


def unbound_message(name: str) -> str:
    """CPython's words for reading a local variable that has no value."""
    return f"cannot access local variable '{name}' where it is not associated with a value"


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
    if variable.construct not in trace.constructs or len(origin) != len(leaf_types(structure)):
        # Only the run knows what it began with.
        origin = [trace.builder.fresh(type_) for type_ in leaf_types(structure)]
    common = joined(structure, origin, met, atoms, takes_literals=variable.takes_int_literals)
    if common is not None and same_structure(common, structure):
        return as_structure(trace, structure, met, iter(atoms))
    if common is not None:
        _widen(trace, cell, variable, common)
    if _has_tensor(structure, met):
        decide(trace, cell, Decision.LOCAL, value)  # batches of two sizes: each is good within its own loop
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
