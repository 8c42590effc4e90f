"""`StagedArray`: a NumPy array whose content, and shape, will be known when the compiled code runs (DESIGN D6).

In: subscripts as NumPy has them, of ints, slices, `...` and None. Out: loads, stores and views in the IR, each index
checked as Python checks it. What this class means by itself is indexing and shape; operators and methods have their own
modules.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from ..errors import NotSupportedYetError, StagedTypeError, StagingError
from ..ir.node import Atom, AttributeValue, Const
from ..ir.ops import arithmetic as ops
from ..ir.ops import arrays
from ..ir.ops.control import CHECK
from ..ir.primitive import Primitive
from ..ir.types import BOOL, INT, INT64, UINT64, ArrayType, ScalarType
from ..loc import caller_loc
from .array_methods import ArrayMethods
from .array_operators import ArrayOperators
from .elementwise import copied, store
from .kinds import is_known_array
from .known_arrays import captured, lift_operand
from .promotion import require_in_range
from .rep import StagedValue
from .selections import store_where
from .slices import Slice, resolved_slice
from .values import INT_MAX, describe_static

if TYPE_CHECKING:
    from .context import Trace


class StagedArray(ArrayOperators, ArrayMethods):
    """A staged NumPy array: a reference to memory, as NumPy's are."""

    __slots__ = ()

    @property
    def type(self) -> ArrayType:
        """Element type, number of dimensions, density and region."""
        assert isinstance(self.atom.type, ArrayType)
        return self.atom.type

    @property
    def ndim(self) -> int:
        """The number of dimensions, known while staging."""
        return self.type.rank

    @property
    def dtype(self) -> object:
        """The NumPy dtype of the elements, known while staging."""
        import numpy

        return numpy.dtype(self.type.dtype.name)

    @property
    def shape(self) -> tuple[object, ...]:
        """The extents, as staged ints."""
        return tuple(self.trace.wrap(extent) for extent in self.extents())

    @property
    def size(self) -> object:
        """The number of elements, as a staged int."""
        product: object = 1
        for extent in self.shape:
            product = product * extent  # type: ignore[operator]
        return product

    @property
    def T(self) -> object:
        """The view with the dimensions in reverse order."""
        return self.transpose()

    def transpose(self, *axes: object) -> object:
        """The view with the dimensions in another order; in reverse without arguments."""
        rank = self.ndim
        listed = axes[0] if len(axes) == 1 and isinstance(axes[0], (tuple, list)) else axes
        order = tuple(_known_axis(axis, rank) for axis in listed) if listed else tuple(reversed(range(rank)))
        if sorted(order) != list(range(rank)):
            raise StagedTypeError(f"axes {order} do not permute {rank} dimensions", loc=caller_loc())
        return self._view(arrays.ARRAY_PERMUTE, permutation=order)

    def reshape(self, *shape: object) -> object:
        """The elements under another shape; one extent may be -1. The array must be dense: no copy is made."""
        extents = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
        assert isinstance(extents, (tuple, list))
        if not self.type.is_dense:
            raise NotSupportedYetError(
                "reshape of an array that is not contiguous is not supported yet",
                loc=caller_loc(),
                hint="copy it first",
            )
        return self._view(arrays.ARRAY_RESHAPE, *[self.trace.lift(extent) for extent in self._completed(extents)])

    def ravel(self) -> object:
        """The elements in one dimension."""
        return self.reshape(-1)

    def flatten(self) -> object:
        """A copy of the elements in one dimension."""
        return StagedArray(copied(self.trace, self.atom), self.trace).reshape(-1)

    def extents(self) -> list[Atom]:
        """The extent of each dimension."""
        self.require_trace(self.trace)
        return [self.extent(axis) for axis in range(self.ndim)]

    def extent(self, axis: int) -> Atom:
        """The extent of one dimension."""
        return self.trace.emit(arrays.ARRAY_DIM, [self.atom], attrs={"axis": axis})[0]

    def length(self) -> object:
        """What `len()` is: the extent of the first dimension."""
        if self.ndim == 0:
            raise StagedTypeError("len() of an array without dimensions", loc=caller_loc())
        return self.trace.wrap(self.extent(0))

    # Elements and views

    def __getitem__(self, index: object) -> object:
        self.require_trace(self.trace)
        parts = _expanded(index, self.ndim)
        if all(_is_index(part) for part in parts) and len(parts) == self.ndim:
            return self.trace.wrap(self.trace.emit(arrays.ARRAY_LOAD, [self.atom, *self._indices(parts)])[0])
        return self._selected(parts)

    def __setitem__(self, index: object, value: object) -> None:
        self.require_trace(self.trace)
        mask = _mask(self.trace, index)
        if mask is not None:
            store_where(self.trace, self.atom, mask, lift_operand(self.trace, value, "assignment"))
            return
        parts = _expanded(index, self.ndim)
        if not all(_is_index(part) for part in parts) or len(parts) != self.ndim:
            store(self.trace, self._selected(parts).atom, lift_operand(self.trace, value, "assignment"))
            return
        indices = self._indices(parts)
        element = as_element(self.trace, value, self.type.dtype)
        self.trace.emit(arrays.ARRAY_STORE, [self.atom, element, *indices])

    def _indices(self, parts: Sequence[object]) -> list[Atom]:
        return [self._index(part, axis) for axis, part in enumerate(parts)]

    def looked_up(self, index: object, message: str) -> object:
        """An element of a table that stands for a list or tuple, whose message that is."""
        place = self._index(index, 0, message)
        return self.trace.wrap(self.trace.emit(arrays.ARRAY_LOAD, [self.atom, place])[0])

    def _index(self, part: object, axis: int, message: str = "") -> Atom:
        """A position from 0 on, checked."""
        trace, extent = self.trace, self.extent(axis)
        index = as_int(trace, part, "an array index")
        (inside,) = trace.emit(arrays.IN_BOUNDS, [index, extent])
        if message:
            trace.emit(CHECK, [inside], attrs={"error": "IndexError", "message": message})
        else:
            trace.emit(CHECK, [inside, index, extent], attrs=_out_of_bounds(axis))
        return trace.emit(arrays.NORMALIZE_INDEX, [index, extent])[0]

    def _selected(self, parts: Sequence[object]) -> StagedArray:
        """The view that ints and slices select."""
        view, axis = self, 0
        for part in parts:
            if part is None:
                view = view._view(arrays.ARRAY_EXPAND, axis=axis)
                axis += 1
                continue
            if _is_index(part):
                view = view._view(arrays.ARRAY_PICK, view._index(part, axis), axis=axis)
                continue
            assert isinstance(part, slice)
            if part != slice(None):
                view = view._sliced(part, axis)
            axis += 1
        return view

    def _sliced(self, part: slice, axis: int) -> StagedArray:
        found: Slice = resolved_slice(self.trace, part, self.extent(axis))
        is_unit = found.step == Const(1, INT)
        return self._view(arrays.ARRAY_SLICE, found.start, found.length, found.step, axis=axis, unit_step=is_unit)

    def _view(self, primitive: Primitive, *args: Atom, **attrs: AttributeValue) -> StagedArray:
        (view,) = self.trace.emit(primitive, [self.atom, *args], attrs=attrs)
        return StagedArray(view, self.trace)

    def _completed(self, extents: Sequence[object]) -> list[object]:
        """A shape of as many elements, with its -1 replaced."""
        unknown = [position for position, extent in enumerate(extents) if type(extent) is int and extent == -1]
        known: object = 1
        for extent in extents:
            known = known if type(extent) is int and extent == -1 else known * extent  # type: ignore[operator]
        completed = list(extents)
        size = self.size
        if unknown:
            completed[unknown[0]] = size // known  # type: ignore[operator]
            known = known * completed[unknown[0]]  # type: ignore[operator]
        trace = self.trace
        (fits,) = trace.emit(ops.EQ, [trace.lift(known), trace.lift(size)])
        message = "cannot reshape the array into a shape of another size"
        trace.emit(CHECK, [fits], attrs={"error": "ValueError", "message": message})
        return completed

    # What Python itself would need the content for

    def __iter__(self) -> NoReturn:
        self._refuse("iterated over here", "loop over it with a for statement in a decorated function")

    def __len__(self) -> int:
        self._refuse("asked for its length here", "use a.shape[0], or len(a) in a decorated function")

    def __bool__(self) -> bool:
        self._refuse("used as a condition", "compare elements, or use .any() or .all()")

    def __contains__(self, value: object) -> bool:
        self._refuse("searched with `in`", "write the loop")

    def __array__(self, *_args: object, **_kwargs: object) -> NoReturn:
        self._refuse(
            "turned into a plain array", "where it is put into an array, make that by np.zeros in the staged function"
        )

    def __getattr__(self, name: str) -> NoReturn:
        """A located error for what NumPy's arrays have and staged ones have not."""
        import numpy

        if name.startswith("__") or not hasattr(numpy.ndarray, name):
            raise AttributeError(f"a staged array has no attribute '{name}'")
        raise NotSupportedYetError(
            f"`.{name}` of a staged array is not supported yet", loc=caller_loc(), hint="write it as a loop"
        )

    def _refuse(self, use: str, hint: str) -> NoReturn:
        raise StagingError(
            f"a staged array cannot be {use}: its content is known only when the compiled code runs",
            loc=caller_loc(),
            hint=hint,
        )


def _out_of_bounds(axis: int) -> dict[str, AttributeValue]:
    """NumPy's error for an index."""
    return {
        "error": "IndexError",
        "message": f"index is out of bounds for axis {axis}",
        "shown": f"index {{}} is out of bounds for axis {axis} with size {{}}",
    }


def as_int(trace: Trace, value: object, use: str) -> Atom:
    """An index or extent as a Python int. `use` is how errors call it."""
    atom = trace.try_lift(value)
    if atom is None or not isinstance(atom.type, ScalarType) or atom.type.is_float or atom.type == BOOL:
        found = (
            describe_static(value) if atom is None or not isinstance(value, StagedValue) else f"a staged {atom.type}"
        )
        raise StagedTypeError(f"{use} must be an int, not {found}", loc=caller_loc(), hint="convert it: int(x)")
    if atom.type == INT:
        return atom
    if isinstance(atom, Const):
        return Const(int(atom.value), INT)
    if atom.type == UINT64:
        (fits,) = trace.emit(ops.LE, [atom, Const(INT_MAX, UINT64)])
        trace.emit(CHECK, [fits], attrs={"error": "OverflowError", "message": f"{use} does not fit 64 bits"})
    return trace.emit(ops.CONVERT, [atom], attrs={"dtype": INT})[0]


def as_element(trace: Trace, value: object, dtype: ScalarType) -> Atom:
    """A number as an element of an array: converted as NumPy converts on assignment."""
    atom = trace.lift(value)
    if not isinstance(atom.type, ScalarType):
        raise StagedTypeError(
            f"an array element must be a number, not a {atom.type}", loc=caller_loc(), hint="assign a number"
        )
    if atom.type == dtype:
        return atom
    if atom.type == INT and dtype.is_integer:
        _require_fits(trace, atom, dtype)
    if isinstance(atom, Const):
        return _converted_constant(trace, atom, dtype)
    return trace.emit(ops.CONVERT, [atom], attrs={"dtype": dtype})[0]


def _converted_constant(trace: Trace, atom: Const, dtype: ScalarType) -> Atom:
    if dtype.is_float:
        return Const(float(atom.value), dtype)
    if dtype == BOOL:
        return Const(bool(atom.value), dtype)
    if isinstance(atom.value, float):
        return trace.emit(ops.CONVERT, [atom], attrs={"dtype": dtype})[0]
    return Const(int(atom.value), dtype)


def _require_fits(trace: Trace, atom: Atom, dtype: ScalarType) -> None:
    """NumPy refuses Python ints that the element type does not have."""
    if isinstance(atom, Const):
        if not dtype.smallest <= atom.value <= dtype.largest:
            raise StagedTypeError(f"{atom.value} does not fit {dtype}", loc=caller_loc(), hint="use a wider dtype")
        return
    if dtype != INT64:
        require_in_range(trace, atom, dtype)


def _mask(trace: Trace, index: object) -> Atom | None:
    """The array of bools that an index is, if it is one."""
    if is_known_array(index) and str(getattr(index, "dtype", "")) == "bool":
        return captured(trace, index)
    if isinstance(index, StagedArray) and index.type.dtype == BOOL:
        return index.atom
    return None


def _is_index(part: object) -> bool:
    return part is not None and not isinstance(part, slice)


def _known_axis(axis: object, rank: int) -> int:
    if not isinstance(axis, int) or not -rank <= axis < rank:
        raise StagedTypeError(f"{axis!r} is not a dimension of an array of {rank}", loc=caller_loc())
    return axis % rank


def _expanded(index: object, rank: int) -> list[object]:
    """A subscript as one part a dimension, with `...` written out and missing ones as whole slices."""
    parts = list(index) if isinstance(index, tuple) else [index]
    for part in parts:
        if isinstance(part, (list, StagedArray)) or type(part).__name__ == "ndarray":
            raise NotSupportedYetError(
                "indexing a staged array with an array is not supported yet",
                loc=caller_loc(),
                hint="use ints and slices, or a loop",
            )
    if sum(part is ... for part in parts) > 1:
        raise StagedTypeError("an index can only have a single ellipsis ('...')", loc=caller_loc())
    missing = rank - sum(part is not ... and part is not None for part in parts)
    if missing < 0:
        raise StagedTypeError(
            f"too many indices: the array has {rank} dimensions, and {len(parts)} were given", loc=caller_loc()
        )
    position = next((at for at, part in enumerate(parts) if part is ...), len(parts))
    parts[position : position + 1] = [slice(None)] * missing
    return parts
