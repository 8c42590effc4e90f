"""NumPy arrays that are known while staging, among staged values: their memory is captured, not copied (DESIGN D6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import NotSupportedYetError, StagedTypeError
from ..ir.node import Atom, Const
from ..ir.ops.arrays import ARRAY_OF_BUFFER
from ..ir.types import SCALAR_TYPES, SHARED_REGION, UINT64, ArrayType, BufferType, Region, ScalarType
from ..loc import caller_loc
from .kinds import is_known_array
from .regions import RegionsMeet
from .rep import StagedValue
from .values import INT_MAX, describe_static

if TYPE_CHECKING:
    from .context import Trace


def lift_operand(trace: Trace, value: object, use: str) -> Atom:
    """The array or number that an operand is; a located error where it is none. `use` is what takes the operand."""
    if isinstance(value, StagedValue):
        value.require_trace(trace)
        return value.atom
    if is_known_array(value):
        return captured(trace, value)
    if isinstance(value, (list, tuple)):
        return captured(trace, array_of_items(value, use))
    if type(value) is int and INT_MAX < value <= UINT64.largest:
        return Const(value, UINT64)
    atom = trace.try_lift(value)
    if atom is None or not isinstance(atom.type, (ScalarType, ArrayType)):
        raise StagedTypeError(
            f"`{use}` takes arrays and numbers, and {describe_static(value)} was given",
            loc=caller_loc(),
            hint="convert it to a number or an array first",
        )
    return atom


def array_of_items(items: list[object] | tuple[object, ...], use: str) -> Any:
    """A list of plain numbers as NumPy makes an array of it."""
    import numpy

    if any(isinstance(item, StagedValue) for item in items):
        raise NotSupportedYetError(
            f"`{use}` of a list of staged values is not supported", loc=caller_loc(), hint="write np.array([...])"
        )
    return numpy.asarray(items)


def captured(trace: Trace, array: Any, *, writes: bool = False) -> Atom:
    """The staged array that shares the memory of `array`, which is written to if that is said."""
    if writes and not array.flags.writeable:
        raise StagedTypeError("assignment destination is read-only", loc=caller_loc(), hint="write into a copy of it")
    dtype = element_type_of(array.dtype)
    if any(stride % array.itemsize for stride in array.strides):
        raise NotSupportedYetError(
            "an array whose strides are no multiples of its elements' size cannot be staged",
            loc=caller_loc(),
            hint="copy it first: np.ascontiguousarray(a)",
        )
    strides = () if array.flags.c_contiguous else tuple(stride // array.itemsize for stride in array.strides)
    key = ("array", array.ctypes.data, dtype, array.shape, strides)
    buffer = trace.capture(key, BufferType(dtype, array.shape), "table", array, lambda: int(array.ctypes.data))
    region = _region_of(trace, array).number
    return trace.emit(ARRAY_OF_BUFFER, [buffer], attrs={"region": region, "strides": strides})[0]


def table_of(trace: Trace, numbers: tuple[bool | int | float, ...], type_: ScalarType) -> Atom:
    """A staged array of plain numbers, in memory that nobody else has; its elements are of NumPy's type."""
    import numpy

    key = ("table", type_, tuple(map(repr, numbers)))
    array = numpy.array(numbers, _NUMPY_NAMES.get(type_.name, type_.name))
    dtype = SCALAR_TYPES[array.dtype.name]
    buffer = trace.capture(key, BufferType(dtype, array.shape), "table", array, lambda: int(array.ctypes.data))
    region = trace.regions.fresh().number
    return trace.emit(ARRAY_OF_BUFFER, [buffer], attrs={"region": region, "strides": ()})[0]


_NUMPY_NAMES = {"int": "int64", "float": "float64"}


def _region_of(trace: Trace, array: Any) -> Region:
    """That of the arrays captured before with which it may share memory."""
    import numpy

    regions = trace.regions
    if regions.of_parameters:
        # An argument may share memory with it, which no call finds out.
        if regions.of_parameters != {SHARED_REGION}:
            raise RegionsMeet
        return SHARED_REGION
    met = {region for other, region in regions.known if numpy.may_share_memory(array, other)}
    if len(met) > 1:
        raise RegionsMeet
    region = met.pop() if met else regions.fresh()
    regions.known.append((array, region))
    return region


def element_type_of(dtype: Any) -> ScalarType:
    """The staged type of a NumPy dtype; a located error for what has none."""
    found = SCALAR_TYPES.get(str(dtype)) if dtype.isnative else None
    if found is None:
        raise NotSupportedYetError(
            f"arrays of dtype {dtype} cannot be staged",
            loc=caller_loc(),
            hint="use bool, an integer, float32 or float64 dtype of this machine's byte order",
        )
    return found
