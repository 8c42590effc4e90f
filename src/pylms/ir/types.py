"""The types of staged values (DESIGN D6, D8).

Immutable, compared by value. `str(type)` is the spelling the printer writes and the parser reads.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Literal

from ..records import record

Kind = Literal["bool", "int", "uint", "float"]


@record(frozen=True, slots=True, eq=False)
class ScalarType:
    """One number. `python` tells Python's own numbers (overflow raises) from fixed-width ones (they wrap).

    There is one object of each, so that comparing two takes no time; copies and pickles are that object as well.
    """

    name: str
    kind: Kind
    bits: int
    python: bool = False

    def __str__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[Callable[[str], ScalarType], tuple[str]]:
        return scalar_type_named, (self.name,)

    @property
    def is_float(self) -> bool:
        return self.kind == "float"

    @property
    def is_integer(self) -> bool:
        return self.kind in ("int", "uint")

    @property
    def itemsize(self) -> int:
        """Bytes one element takes in memory."""
        return max(self.bits // 8, 1)

    @property
    def smallest(self) -> int:
        """The least number of an integer type."""
        return 0 if self.kind == "uint" else -(1 << (self.bits - 1))

    @property
    def largest(self) -> int:
        """The greatest number of an integer type."""
        return (1 << self.bits) - 1 + self.smallest


BOOL = ScalarType("bool", "bool", 8, python=True)
INT = ScalarType("int", "int", 64, python=True)
FLOAT = ScalarType("float", "float", 64, python=True)
INT8 = ScalarType("int8", "int", 8)
INT16 = ScalarType("int16", "int", 16)
INT32 = ScalarType("int32", "int", 32)
INT64 = ScalarType("int64", "int", 64)
UINT8 = ScalarType("uint8", "uint", 8)
UINT16 = ScalarType("uint16", "uint", 16)
UINT32 = ScalarType("uint32", "uint", 32)
UINT64 = ScalarType("uint64", "uint", 64)
FLOAT32 = ScalarType("float32", "float", 32)
FLOAT64 = ScalarType("float64", "float", 64)

SCALAR_TYPES: dict[str, ScalarType] = {
    t.name: t for t in (BOOL, INT, FLOAT, INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64, FLOAT32, FLOAT64)
}


def scalar_type_named(name: str) -> ScalarType:
    """The type of that name. KeyError where there is none."""
    return SCALAR_TYPES[name]


@record(frozen=True, slots=True)
class TensorType:
    """An immutable array value of static shape, dense in row-major order. Rank 0 is allowed."""

    dtype: ScalarType
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"tensor<{self.dtype}[{'x'.join(map(str, self.shape))}]>"

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)


@record(frozen=True, slots=True)
class BufferType:
    """Mutable memory of static shape, dense in row-major order, owned by the caller or by the context's arena.

    `waiting`: how many products of single rows may wait to be added to a matrix, until it is settled (`ops.buffers`).
    """

    dtype: ScalarType
    shape: tuple[int, ...]
    waiting: int = 0

    def __str__(self) -> str:
        waiting = f" {self.waiting}" if self.waiting else ""
        return f"buffer<{self.dtype}[{'x'.join(map(str, self.shape))}]{waiting}>"

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def tensor(self) -> TensorType:
        """The type of the value that reading the whole buffer gives."""
        return TensorType(self.dtype, self.shape)


@record(frozen=True, slots=True)
class Region:
    """Memory that arrays of one origin lie in. Arrays of different regions share no element."""

    number: int

    def __str__(self) -> str:
        return f"@{self.number}"


SHARED_REGION = Region(0)
"""Where arrays lie that may overlap."""


@record(frozen=True, slots=True)
class ArrayType:
    """A reference to mutable memory whose shape is known at run time: a NumPy array, or a view of one (DESIGN D6).

    `is_dense`: its elements follow each other in row-major order; otherwise it has a stride for each dimension.
    """

    dtype: ScalarType
    rank: int
    is_dense: bool
    region: Region

    def __str__(self) -> str:
        return f"{'array' if self.is_dense else 'strided'}<{self.dtype}[{','.join(':' * self.rank)}]{self.region}>"


@record(frozen=True, slots=True)
class TextType:
    """Python's str: an immutable run of code points."""

    def __str__(self) -> str:
        return "str"


@record(frozen=True, slots=True)
class RecordType:
    """What one place in a container holds where that is a tuple. No value has this type: its leaves travel singly."""

    items: tuple[ElementType, ...]

    def __str__(self) -> str:
        return f"({', '.join(map(str, self.items))}{',' if len(self.items) == 1 else ''})"


@record(frozen=True, slots=True)
class UnknownType:
    """What a container will hold whose first element is still to come. Staging settles it; no finished IR has it."""

    origin: int

    def __str__(self) -> str:
        return "unknown"


@record(frozen=True, slots=True)
class ListType:
    """A reference to a growable list."""

    element: ElementType

    def __str__(self) -> str:
        return f"list<{self.element}>"


@record(frozen=True, slots=True)
class DictType:
    """A reference to a dict, which keeps the order in which keys were inserted."""

    key: ElementType
    value: ElementType

    def __str__(self) -> str:
        return f"dict<{self.key}, {self.value}>"


@record(frozen=True, slots=True)
class Heap:
    """Where all containers of one type lie: two of them may be the same one."""

    type: ContainerType

    def __str__(self) -> str:
        return f"the heap of {self.type}"


@record(frozen=True, slots=True)
class TapeType:
    """Memory of a reverse sweep: values of any types, last in, first out."""

    def __str__(self) -> str:
        return "tape"


@record(frozen=True, slots=True)
class VarType:
    """A mutable variable that holds one value of `content`; `promote_variables` removes it."""

    content: ContentType

    def __hash__(self) -> int:
        return hash(self.content)  # asked for at each read and write

    def __str__(self) -> str:
        return f"var<{self.content}>"


ContainerType = ListType | DictType
LeafType = ScalarType | TextType | ContainerType
ElementType = LeafType | RecordType | UnknownType
ValueType = ScalarType | TensorType
ContentType = ScalarType | TensorType | ArrayType | TextType | ContainerType
Type = ContentType | BufferType | VarType | TapeType
TEXT = TextType()
TAPE = TapeType()


def leaves_of(element: ElementType) -> tuple[LeafType, ...]:
    """The types of the values that one element of a container is made of, in order."""
    if isinstance(element, RecordType):
        return tuple(leaf for item in element.items for leaf in leaves_of(item))
    return () if isinstance(element, UnknownType) else (element,)


def element_type(type_: Type) -> ScalarType:
    """The scalar type that a scalar, tensor, buffer or array is made of."""
    match type_:
        case ScalarType():
            return type_
        case TensorType(dtype, _) | BufferType(dtype, _) | ArrayType(dtype=dtype):
            return dtype
        case VarType(content):
            return element_type(content)
        case TextType() | ListType() | DictType() | TapeType():
            raise AssertionError(f"{type_} is not made of numbers")


def with_element_type(type_: ValueType, dtype: ScalarType) -> ValueType:
    """The same shape, other elements."""
    return dtype if isinstance(type_, ScalarType) else TensorType(dtype, type_.shape)
