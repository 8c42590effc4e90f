"""Real tensors in staged code: memory that the native code reads and writes in place (DESIGN D9).

A tensor is keyed by its storage, so that a parameter, its `.data` and its views of the same extent are one buffer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import torch

from ..errors import OutdatedError, TorchFeatureError
from ..ir.node import Atom, Sym
from ..ir.ops.buffers import LOAD, STORE, STORE_ROWS
from ..ir.ops.tensors import RESHAPE
from ..ir.types import BufferType, TensorType
from ..loc import caller_loc
from ..staging.context import Trace
from .dtypes import scalar_type


@dataclass(frozen=True, slots=True)
class Buffer:
    """A captured tensor: its parameter of the function, and the type its memory was first seen as."""

    symbol: Sym
    type: BufferType


@dataclass(frozen=True, slots=True)
class Extent:
    """The bytes of a storage that a tensor covers: what tells one buffer from another."""

    storage: int
    start: int
    stop: int

    @staticmethod
    def of(tensor: torch.Tensor) -> Extent:
        """The extent of a tensor, as long as the tensor lives."""
        start = int(tensor.storage_offset()) * tensor.element_size()
        return Extent(_storage(tensor), start, start + tensor.numel() * tensor.element_size())

    def overlaps(self, other: Extent) -> bool:
        """Whether two extents have a byte in common."""
        return self.storage == other.storage and self.start < other.stop and other.start < self.stop


class BufferTable:
    """The buffers of one trace."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._buffers: dict[Extent, Buffer] = {}
        self._leaves: dict[Sym, torch.Tensor] = {}
        self._names: dict[int, str] = {}
        self._made_while_staging: dict[int, torch.UntypedStorage] = {}
        self._frozen: dict[int, torch.UntypedStorage] = {}
        self.written: set[Sym] = set()
        self._shared: set[Sym] = set()
        """Buffers that have memory in common with others, so that none may be written."""
        self._changes: dict[Sym, int] = {}
        self._rebound: set[Sym] = set()
        self._seen_again: set[Sym] = set()

    # What the trace has to know about real tensors

    def give_name(self, tensor: torch.Tensor, name: str) -> None:
        """How generated code should call the tensor's memory."""
        self._names.setdefault(_storage(tensor), name)

    def name_of(self, tensor: torch.Tensor) -> str:
        """The name given to the tensor's memory, or ''."""
        return self._names.get(_storage(tensor), "")

    def note_made(self, tensor: torch.Tensor, *, under_control: bool) -> None:
        """A tensor was made by running PyTorch for real while tracing; under staged control it is a constant."""
        self._made_while_staging[_storage(tensor)] = tensor.untyped_storage()
        if under_control:
            self._frozen[_storage(tensor)] = tensor.untyped_storage()

    def was_made_while_staging(self, tensor: torch.Tensor) -> bool:
        """Whether the tensor is younger than the trace."""
        return _storage(tensor) in self._made_while_staging

    def writes_what_was_made_while_staging(self) -> bool:
        """Whether staged code changes memory that is younger than the trace."""
        changed = (extent for extent, buffer in self._buffers.items() if buffer.symbol in self.written)
        return any(extent.storage in self._made_while_staging for extent in changed)

    def is_captured(self, tensor: torch.Tensor) -> bool:
        """Whether the tensor's memory is a buffer already."""
        extent = Extent.of(tensor)
        return any(extent.overlaps(known) for known in self._buffers)

    def leaf_of(self, symbol: Sym) -> torch.Tensor | None:
        """The tensor requiring a gradient whose memory a parameter of the function is, if any."""
        return self._leaves.get(symbol)

    # Reading and writing

    def capture(self, tensor: torch.Tensor, *, address: Callable[[], int] | None = None) -> Buffer:
        """The buffer for a tensor's memory. `address` tells where it is at each run, if not where the tensor is.

        TorchFeatureError for tensors that are not dense, or that share a part of their memory with another buffer which
        the program writes.
        """
        _require_dense(tensor)
        extent = Extent.of(tensor)
        buffer = self._buffers.get(extent) or self._new_buffer(tensor, extent, address)
        if tensor.requires_grad:
            self._leaves[buffer.symbol] = tensor
        return buffer

    def _new_buffer(self, tensor: torch.Tensor, extent: Extent, address: Callable[[], int] | None) -> Buffer:
        others = [known.symbol for other, known in self._buffers.items() if extent.overlaps(other)]
        if not self.written.isdisjoint(others):
            _refuse_sharing()
        type_ = BufferType(scalar_type(tensor.dtype), tuple(tensor.shape))
        symbol = self._trace.capture(
            ("torch", extent), type_, self.name_of(tensor), tensor, address or (lambda: _checked_address(tensor, type_))
        )
        buffer = Buffer(symbol, type_)
        self._buffers[extent] = buffer
        if others:
            self._shared.update(others, [symbol])
        return buffer

    def load(self, tensor: torch.Tensor) -> Atom:
        """The tensor's content at this point of the program."""
        if self._is_loose_view(tensor):
            tensor = self._copied_in_order(tensor)
        buffer = self.capture(tensor)
        (content,) = self._trace.emit(LOAD, [buffer.symbol], names=[buffer.symbol.name])
        shape = tuple(tensor.shape)
        return content if shape == buffer.type.shape else self._reshaped(content, shape)

    def _is_loose_view(self, tensor: torch.Tensor) -> bool:
        """Whether its elements are not in order, and nothing but what ran while staging has made or changed them."""
        if tensor.layout is not torch.strided or tensor.is_contiguous() or tensor.requires_grad:
            return False
        return self.was_made_while_staging(tensor) and not self.is_captured(tensor)

    def _copied_in_order(self, tensor: torch.Tensor) -> torch.Tensor:
        """A copy, which stays what it is: from here on staged code must not change the tensor."""
        copy = tensor.contiguous()
        self.note_made(copy, under_control=True)
        self._frozen[_storage(tensor)] = tensor.untyped_storage()
        return copy

    def store(self, tensor: torch.Tensor, value: Atom, *, rebinds: bool = False) -> None:
        """Replace the tensor's content; `value` has its dtype and shape.

        `rebinds`: in the program, it is a name that gets another tensor: views of the old one do not change.
        """
        self._require_writeable(tensor)
        buffer = self.capture(tensor)
        if isinstance(value.type, TensorType) and value.type.shape != buffer.type.shape:
            value = self._reshaped(value, buffer.type.shape)
        if rebinds:
            self._note_rebinding(tensor, buffer)
        else:
            self._note_change(buffer)
        self._trace.emit(STORE, [buffer.symbol, value])

    def written_by_python(self, tensor: torch.Tensor) -> Sym:
        """The tensor's buffer, for a call of Python that changes its content."""
        self._require_writeable(tensor)
        buffer = self.capture(tensor)
        self._note_change(buffer)
        return buffer.symbol

    def store_rows(self, tensor: torch.Tensor, rows: Atom, start: Atom) -> None:
        """Replace as many of the tensor's rows as there are given, from `start` on, which is in range."""
        self._require_writeable(tensor)
        buffer = self.capture(tensor)
        self._note_change(buffer)
        self._trace.emit(STORE_ROWS, [buffer.symbol, rows, start])

    def changes_of(self, tensor: torch.Tensor) -> int:
        """How often the program, as it stands, has changed the tensor."""
        return self._changes.get(self.capture(tensor).symbol, 0)

    def may_change_in_rounds(self, tensor: torch.Tensor) -> bool:
        """Whether a view that is older than a loop must be read anew in it, for rounds of it may change the tensor."""
        symbol = self.capture(tensor).symbol
        if symbol in self._rebound:
            return False
        self._seen_again.add(symbol)
        return True

    def _note_written(self, buffer: Buffer) -> None:
        if buffer.symbol in self._shared:
            _refuse_sharing()
        self.written.add(buffer.symbol)

    def _note_rebinding(self, tensor: torch.Tensor, buffer: Buffer) -> None:
        if buffer.symbol in self._seen_again:
            raise TorchFeatureError(
                f"`{self.name_of(tensor) or 'a tensor'}` is assigned another tensor in a loop in which a view of "
                "the one before is used",
                loc=caller_loc(),
                hint=".clone() the view before the loop",
            )
        self._rebound.add(buffer.symbol)
        self._note_written(buffer)

    def _note_change(self, buffer: Buffer) -> None:
        before = self._changes.get(buffer.symbol, 0)
        self._trace.on_undo(lambda: self._changes.__setitem__(buffer.symbol, before))
        self._changes[buffer.symbol] = before + 1
        self._note_written(buffer)

    def _require_writeable(self, tensor: torch.Tensor) -> None:
        if _storage(tensor) in self._frozen:
            raise TorchFeatureError(
                "a tensor that was made inside a staged loop or branch is changed in place",
                loc=caller_loc(),
                hint="make it before the loop, or make a new tensor instead: x = x + y for x += y",
            )

    def _reshaped(self, atom: Atom, shape: tuple[int, ...]) -> Atom:
        return self._trace.emit(RESHAPE, [atom], attrs={"shape": shape})[0]


def _refuse_sharing() -> NoReturn:
    raise TorchFeatureError(
        "two tensors that share a part of their memory are used in staged code, which changes one of them",
        loc=caller_loc(),
        hint="take the slice from the tensor inside the staged function, or .clone() it before",
    )


def _storage(tensor: torch.Tensor) -> int:
    # An empty storage has no address: tensors without elements are told apart as objects.
    return tensor.untyped_storage().data_ptr() or id(tensor)


def _require_dense(tensor: torch.Tensor) -> None:
    if tensor.layout is not torch.strided or tensor.device.type != "cpu":
        raise TorchFeatureError(
            f"a tensor with layout {tensor.layout} on {tensor.device} cannot be used in staged code",
            loc=caller_loc(),
            hint="staged code works on dense tensors on the CPU",
        )
    if not tensor.is_contiguous():
        raise TorchFeatureError(
            f"a tensor of shape {list(tensor.shape)} whose elements are not in order (strides {tensor.stride()}) is "
            "used in staged code",
            loc=caller_loc(),
            hint="call .contiguous() on it before the staged function, or transpose it inside",
        )
    if not _is_backed(tensor):
        raise TorchFeatureError(
            f"a tensor of shape {list(tensor.shape)} is used in staged code, and its memory has been freed",
            loc=caller_loc(),
            hint="its storage was resized: give the tensor memory again, as with x.data = torch.zeros(...)",
        )


def _is_backed(tensor: torch.Tensor) -> bool:
    """Whether the tensor's storage has all of its elements."""
    needed = int(tensor.storage_offset()) + tensor.numel()
    return tensor.untyped_storage().nbytes() >= needed * tensor.element_size()


def _checked_address(tensor: torch.Tensor, type_: BufferType) -> int:
    if tuple(tensor.shape) != type_.shape or scalar_type(tensor.dtype) != type_.dtype or not tensor.is_contiguous():
        raise OutdatedError(
            f"a tensor was {list(type_.shape)} of {type_.dtype} when the function was compiled, and is "
            f"{list(tensor.shape)} of {tensor.dtype} now",
        )
    if not _is_backed(tensor):
        raise OutdatedError(f"the memory of a tensor of shape {list(tensor.shape)} has been freed")
    return tensor.data_ptr()
