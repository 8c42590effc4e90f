"""A native function as staging knows it, and calls of it."""

from __future__ import annotations

from collections.abc import Sequence
from types import CodeType

from ..ir.effects import Effect
from ..ir.node import Atom, AttributeValue, Function, Sym
from ..ir.ops.functions import CALL, call_attributes
from ..ir.types import BufferType, Type
from ..loc import Loc, caller_loc
from .activation import Activation
from .call_signature import leaves_for
from .cells import Cell
from .context import Trace
from .frame import content_of, require_passable
from .raising import AlwaysRaises
from .values import Structure, leaf_types
from .widening import widens

# What a call may do is found out when the whole program is there.
_ANYTHING = Effect(io=True, raises=True, keep=True)


class NativeFunction:
    """A native function, finished (`function` is there) or being traced.

    What a call passes: the staged leaves of its arguments, of the cells in `cells` (after one of `maybe_unset`, whether
    it has a value), then `values`, symbols of the code around the function. What it gives: the leaves of `result`, then
    those of the cells that are `written`. `result` is None until some path through the function is known to give
    something; `gave_up` once a call had to wait for that.
    """

    def __init__(self, trace: Trace, call: Activation) -> None:
        """`call`: the first call of it."""
        self.python = call.function
        self.code = call.code
        self.structure = call.structure(trace)
        self.signature = call.signature(trace)
        self.keywords = tuple(call.kwargs)
        self.place = call.place
        self.name = trace.function_name(call.function.__name__)
        self.loc = _loc_of(call.code)
        self.cells: dict[Cell, Structure] = {}
        self.written: list[Cell] = []
        self.maybe_unset: set[Cell] = set()
        self.values: list[Sym] = []
        self.fixed: dict[Cell, object] = {}
        self.result: Structure | None = None
        self.always_raises = False
        self.gave_up = False
        self.was_called = False
        self.function: Function | None = None

    def is_usable(self, trace: Trace) -> bool:
        """Whether what it was traced with still holds: what it takes from around is there, and cells fit."""
        if any(cell.variable is not None or cell.value is not value for cell, value in self.fixed.items()):
            return False
        if not all(trace.builder.is_in_scope(value) for value in self.values):
            return False
        return all(
            _fits(trace, cell, structure, may_be_unset=cell in self.maybe_unset)
            for cell, structure in self.cells.items()
        )


def _fits(trace: Trace, cell: Cell, structure: Structure, *, may_be_unset: bool) -> bool:
    """Whether what a cell holds may be passed as that structure."""
    if cell.variable is not None:
        held = cell.variable.structure
        has_flag = cell.variable.is_set is not None
        return held is not None and leaf_types(held) == leaf_types(structure) and has_flag == may_be_unset
    atoms, _ = trace.flatten(cell.value)
    types = leaf_types(structure)
    return not may_be_unset and len(atoms) == len(types) and all(map(widens, atoms, types))


def call_native(trace: Trace, native: NativeFunction, arguments: Sequence[object]) -> object:
    """Emit a call. AlwaysRaises where nothing follows it, be it only because its result is not known yet."""
    native.was_called = True
    if native.function is None and native.result is None:
        native.gave_up = True
        raise AlwaysRaises
    assert native.result is not None
    atoms = leaves_for(trace, native.structure, tuple(arguments))
    for cell, structure in native.cells.items():
        require_passable(cell, is_written=cell in native.written)
        atoms += content_of(trace, cell, structure)
    atoms += native.values
    types = leaf_types(native.result) + [type_ for cell in native.written for type_ in leaf_types(native.cells[cell])]
    results = iter(trace.emit(CALL, atoms, attrs=_attributes(native.name, types, atoms)))
    value = trace.unflatten(native.result, results)
    for cell in native.written:
        cell.assign(trace.unflatten(native.cells[cell], results))
    if native.always_raises:
        raise AlwaysRaises
    return value


def _attributes(name: str, types: Sequence[Type], args: Sequence[Atom]) -> dict[str, AttributeValue]:
    results: tuple[AttributeValue, ...] = tuple(types)  # type: ignore[arg-type]  # content types are attributes of calls
    buffers = [index for index, arg in enumerate(args) if isinstance(arg.type, BufferType)]
    return call_attributes(name, results, _ANYTHING, buffers)


def _loc_of(code: CodeType | None) -> Loc:
    """Where a Python function begins."""
    return caller_loc() if code is None else Loc(code.co_filename, code.co_firstlineno)
