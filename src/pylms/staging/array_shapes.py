"""NumPy's functions about the shapes of staged arrays, and what puts arrays together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import NotSupportedYetError, StagedTypeError
from ..ir.node import Atom
from ..ir.ops import arithmetic as ops
from ..ir.ops.control import CHECK
from ..ir.types import ArrayType, element_type
from ..loc import caller_loc
from .elementwise import apply, common_type, store
from .known_arrays import lift_operand
from .nests import extents_of, new
from .ufuncs import UFUNCS

if TYPE_CHECKING:
    from .context import Trace


def _staged(trace: Trace, array: object, use: str) -> Any:
    """The staged array that stands for any kind of array."""
    atom = lift_operand(trace, array, use)
    if not isinstance(atom.type, ArrayType):
        raise StagedTypeError(f"`{use}` takes an array", loc=caller_loc(), hint="pass an array")
    return trace.wrap(atom)


def transpose(trace: Trace, array: object, axes: object = None) -> object:
    """`np.transpose`."""
    return _staged(trace, array, "transpose").transpose(*([] if axes is None else [axes]))


def reshape(trace: Trace, array: object, shape: object) -> object:
    """`np.reshape`."""
    return _staged(trace, array, "reshape").reshape(shape)


def ravel(trace: Trace, array: object) -> object:
    """`np.ravel`."""
    return _staged(trace, array, "ravel").ravel()


def shape(trace: Trace, array: object) -> object:
    """`np.shape`."""
    return _staged(trace, array, "shape").shape


def size(trace: Trace, array: object, axis: object = None) -> object:
    """`np.size`."""
    staged = _staged(trace, array, "size")
    return staged.size if axis is None else staged.shape[axis]


def ndim(trace: Trace, array: object) -> object:
    """`np.ndim`."""
    return _staged(trace, array, "ndim").ndim


def expand_dims(trace: Trace, array: object, axis: object) -> object:
    """`np.expand_dims`: a view."""
    staged = _staged(trace, array, "expand_dims")
    if not isinstance(axis, int):
        raise NotSupportedYetError(
            "`np.expand_dims` takes one axis here, known now",
            loc=caller_loc(),
            hint="add one dimension after the other",
        )
    place = (*[slice(None)] * (axis % (staged.ndim + 1)), None, ...)
    return staged[place]


def flip(trace: Trace, array: object, axis: object = None) -> object:
    """`np.flip`: a view."""
    staged = _staged(trace, array, "flip")
    if axis is not None and not isinstance(axis, int):
        raise NotSupportedYetError(
            "`np.flip` takes one axis here, or none",
            loc=caller_loc(),
            hint="flip one axis after the other, or write a[::-1]",
        )
    chosen = range(staged.ndim) if axis is None else [axis % staged.ndim]
    return staged[tuple(slice(None, None, -1 if place in chosen else None) for place in range(staged.ndim))]


def diff(trace: Trace, array: object, n: object = 1, axis: object = -1) -> object:
    """`np.diff`: the first differences along an axis."""
    staged = _staged(trace, array, "diff")
    if n != 1 or not isinstance(axis, int):
        raise NotSupportedYetError(
            "`np.diff` is supported for n=1 and a known axis", loc=caller_loc(), hint="subtract slices: a[1:] - a[:-1]"
        )
    before = [slice(None)] * (axis % staged.ndim)
    name = "not_equal" if staged.type.dtype.name == "bool" else "subtract"
    later, earlier = (*before, slice(1, None), ...), (*before, slice(None, -1), ...)
    return apply(trace, UFUNCS[name], staged[later], staged[earlier])


def concatenate(trace: Trace, arrays: object, axis: object = 0) -> object:
    """`np.concatenate`: a new array; the extents of the other axes must agree (ValueError)."""
    if not isinstance(arrays, (list, tuple)) or not arrays or not isinstance(axis, int):
        raise NotSupportedYetError(
            "`np.concatenate` takes a list of arrays and a known axis",
            loc=caller_loc(),
            hint="pass a list of arrays, and an axis that is known now",
        )
    parts = [_staged(trace, each, "concatenate") for each in arrays]
    rank = parts[0].ndim
    if any(part.ndim != rank for part in parts) or not -rank <= axis < rank:
        raise StagedTypeError(
            "all arrays to be concatenated must have the same number of dimensions",
            loc=caller_loc(),
            hint="reshape them first",
        )
    along = axis % rank
    shapes = [extents_of(trace, part.atom) for part in parts]
    total, starts = _laid_out(trace, [extents[along] for extents in shapes])
    for extents in shapes[1:]:
        for place in range(rank):
            if place != along:
                (fits,) = trace.emit(ops.EQ, [extents[place], shapes[0][place]])
                message = "all the input array dimensions except for the concatenation axis must match exactly"
                trace.emit(CHECK, [fits], attrs={"error": "ValueError", "message": message})
    extents = [total if place == along else extent for place, extent in enumerate(shapes[0])]
    dtype = common_type("concatenate", [element_type(part.atom.type) for part in parts])
    made: Any = trace.wrap(new(trace, extents, dtype))
    for part, start, end in zip(parts, starts, [*starts[1:], total], strict=True):
        rows = (*[slice(None)] * along, slice(trace.wrap(start), trace.wrap(end)), ...)
        store(trace, made[rows].atom, part.atom)
    return made


def _laid_out(trace: Trace, lengths: list[Atom]) -> tuple[Atom, list[Atom]]:
    """What the lengths sum up to, and where each part starts."""
    starts: list[Atom] = []
    total: Atom = trace.lift(0)
    for length in lengths:
        starts.append(total)
        (total,) = trace.emit(ops.ADD, [total, length])
    return total, starts
