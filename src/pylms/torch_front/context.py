"""What staging a PyTorch program knows: the trace, the buffers, the gradients; and how tensors become atoms.

Handlers of functions work through a `TorchContext`: operands in, broadcast and converted, nodes out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch

from ..errors import StagedTypeError, StagingError, TorchFeatureError
from ..ir.node import Atom, AttributeValue, Const, Sym
from ..ir.ops.arithmetic import CONVERT
from ..ir.ops.tensors import BROADCAST, RESHAPE, STOP_GRADIENT
from ..ir.primitive import Primitive
from ..ir.types import BOOL, FLOAT, INT, ScalarType, TensorType
from ..loc import caller_loc
from ..staging.context import Trace, current_trace
from ..staging.rep import Rep
from .anomalies import Anomalies
from .buffers import BufferTable
from .content import Seen
from .dtypes import constant, scalar_type, torch_dtype
from .gradients import GradientTable
from .guards import Guards
from .modes import TrainingModes
from .random_state import RandomState
from .table import functions
from .tensor import Bounds, StagedTensor
from .view_steps import Detached, Step, View

Number = bool | int | float
Operand = object
"""A staged tensor, a real tensor, a Rep, or a plain number: what arithmetic takes."""


Dispatch = Callable[["TorchContext", object, Sequence[object], Mapping[str, object]], object]


class TorchContext:
    """One trace of a PyTorch program."""

    def __init__(self, trace: Trace, dispatch: Dispatch, call_torch: Dispatch) -> None:
        """`dispatch` runs or stages any PyTorch function; `call_torch` has one called by the compiled code."""
        self.trace = trace
        self.buffers = BufferTable(trace)
        self.guards = Guards()
        self.modes = TrainingModes(trace)
        self.gradients = GradientTable(self)
        self.random = RandomState(self)
        self.anomalies = Anomalies(self)
        self.tracks_gradient = False
        """Whether results of the function being staged may need a gradient."""
        self.composing: list[object] = []
        """PyTorch's functions that are Python and run now, the innermost last."""
        self.shared: set[Atom] = set()
        """The values that are in several tensors: functions gave what they were given."""
        self._results: set[Atom] = set()
        self._dispatch = dispatch
        self._call_torch = call_torch

    def dispatch(self, function: object, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
        """Run or stage a PyTorch function, as the mode does."""
        return self._dispatch(self, function, args, kwargs)

    def dispatch_staged(self, function: object, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
        """Stage a call, whatever its operands are."""
        with self.tracking([*args, *kwargs.values()]):
            try:
                result = functions.call(self, function, args, kwargs)
                self.anomalies.note(function, result)
                return result
            except TorchFeatureError:
                if self.trace.options.fallback != "torch":
                    raise
                result = self._call_torch(self, function, args, kwargs)
                if result is NotImplemented:
                    raise
                return result

    @property
    def is_here(self) -> bool:
        """Whether this thread traces; others go on with PyTorch as it is."""
        return current_trace() is self.trace

    @property
    def is_under_control(self) -> bool:
        """Whether staged control flow decides how often the code being traced runs."""
        return bool(self.trace.constructs)

    def owns(self, tensor: torch.Tensor) -> bool:
        """Whether a real tensor's content is only known when the compiled code runs (DESIGN D9)."""
        if tensor.layout is not torch.strided:
            return self.is_under_control
        if self.is_under_control or self.buffers.is_captured(tensor):
            return True
        is_parameter = tensor.requires_grad or isinstance(tensor, torch.nn.Parameter)
        return is_parameter and not self.buffers.was_made_while_staging(tensor)

    # Tensors and atoms

    def emit(self, primitive: Primitive, *args: Atom, **attrs: AttributeValue) -> Sym:
        """Append a node with one result."""
        (result,) = self.trace.emit(primitive, args, attrs=attrs)
        return result

    def atom(self, value: object) -> Atom:
        """The atom of a staged tensor, or of a real one's content at this point of the program."""
        if isinstance(value, StagedTensor):
            value.require_trace(self.trace)
            return value.atom
        if isinstance(value, torch.Tensor):
            content = self.buffers.load(value)
            # Another tensor on the same memory may require a gradient: this one does not lead there.
            return (
                content if value.requires_grad or not value.is_floating_point() else self.emit(STOP_GRADIENT, content)
            )
        raise StagedTypeError(f"a tensor is needed here, not {type(value).__name__}", loc=caller_loc())

    def view(self, tensor: object, *steps: Step) -> StagedTensor:
        """The staged tensor that shows `tensor` by these steps: writing to one of the two changes the other."""
        assert isinstance(tensor, torch.Tensor)
        if self.tracks_gradient and not torch.is_grad_enabled():
            steps = (*steps, Detached())
        atom = View(steps).read(self, self.atom(tensor))
        bounds = tensor.bounds if isinstance(tensor, StagedTensor) else None
        return self.wrap(atom, bounds=bounds, seen=Seen.of(self, tensor, *steps))

    def wrap(self, atom: Atom, *, bounds: Bounds | None = None, seen: Seen | None = None) -> StagedTensor:
        """The staged tensor for a function's result; gradients stop here under `torch.no_grad()`."""
        type_ = atom.type
        assert isinstance(type_, TensorType)
        tracks = self.tracks_gradient and type_.dtype.is_float
        if tracks and not torch.is_grad_enabled():
            atom, tracks = self.emit(STOP_GRADIENT, atom), False
        if tracks:
            (self.shared if atom in self._results else self._results).add(atom)
        return StagedTensor(atom, self, tracks_gradient=tracks, bounds=bounds, seen=seen)

    def without_gradient(self, value: object) -> Atom:
        """The tensor's atom, through which no derivative passes."""
        atom = self.atom(value)
        return self.emit(STOP_GRADIENT, atom) if self.may_need_gradient(value) else atom

    def write(self, target: object, value: Atom) -> None:
        """Give a tensor new content: a real one's memory, or the place a staged one lives in."""
        if isinstance(target, StagedTensor):
            self._write_staged(target, value)
            return
        assert isinstance(target, torch.Tensor)
        self.require_writeable(target)
        self.buffers.store(target, value)

    def require_writeable(self, target: torch.Tensor) -> None:
        """A located error for changing a leaf that a gradient is wanted of."""
        if target.requires_grad and torch.is_grad_enabled():
            raise TorchFeatureError(
                "a leaf tensor that requires a gradient is changed in place",
                loc=caller_loc(),
                hint="change it under torch.no_grad()",
            )

    def write_rows(self, target: torch.Tensor, rows: Atom, start: Atom) -> None:
        """Replace rows of a real tensor from `start` on, which are in range."""
        self.require_writeable(target)
        self.buffers.store_rows(target, rows, start)

    def is_memory(self, tensor: torch.Tensor) -> bool:
        """Whether it is a real tensor, of which a part can be written alone."""
        return not isinstance(tensor, StagedTensor)

    def _write_staged(self, target: StagedTensor, value: Atom) -> None:
        """To a view: to the tensor it is of. Else the object gets another value, a gradient's also where it lives."""
        seen = target.content.seen
        if seen is not None:
            self.write(seen.tensor, seen.view.written(self, self.atom(seen.tensor), value))
        else:
            old = StagedTensor(target.content.first, self)
            target.content.write(old, StagedTensor(value, self))
            if target.place is not None:
                target.place.assign(StagedTensor(value, self))
        target.note_change(tracks_gradient=self.tracks_gradient and _is_float(value))

    def may_need_gradient(self, value: object) -> bool:
        """Whether a derivative may flow through the tensor, or through one of several."""
        if isinstance(value, StagedTensor):
            return value.tracks_gradient
        if isinstance(value, (tuple, list)):
            return any(map(self.may_need_gradient, value))
        return isinstance(value, torch.Tensor) and value.requires_grad

    @contextmanager
    def tracking(self, operands: Sequence[object]) -> Iterator[None]:
        """Stage one function of these operands."""
        before = self.tracks_gradient
        self.tracks_gradient = any(self.may_need_gradient(operand) for operand in operands)
        try:
            yield
        finally:
            self.tracks_gradient = before

    # Shapes and types

    def type_of(self, value: object) -> TensorType:
        """The type of a tensor operand."""
        assert isinstance(value, torch.Tensor)
        return TensorType(scalar_type(value.dtype), tuple(value.shape))

    def full(self, value: Number, type_: TensorType) -> Sym:
        """A tensor filled with a plain number."""
        return self.emit(BROADCAST, constant(value, type_.dtype), shape=type_.shape, axes=())

    def constant_tensor(self, value: torch.Tensor) -> Atom:
        """A real tensor's content that is made while staging and never changes."""
        self.buffers.note_made(value, under_control=True)
        return self.atom(value)

    def dtype_of(self, scalar: ScalarType) -> torch.dtype:
        """PyTorch's name for the type of elements."""
        return torch_dtype(scalar)

    def convert(self, atom: Atom, dtype: ScalarType) -> Atom:
        """The atom with other elements."""
        type_ = atom.type
        current = type_ if isinstance(type_, ScalarType) else type_.dtype if isinstance(type_, TensorType) else None
        if current == dtype:
            return atom
        if isinstance(atom, Const):
            return constant(atom.value, dtype)
        return self.emit(CONVERT, atom, dtype=dtype)

    def broadcast(self, atom: Atom, shape: tuple[int, ...]) -> Atom:
        """A tensor or scalar atom repeated to `shape`, by PyTorch's rules; the shapes are known to fit."""
        source = atom.type.shape if isinstance(atom.type, TensorType) else ()
        if isinstance(atom.type, TensorType) and source == shape:
            return atom
        offset = len(shape) - len(source)
        axes = tuple(axis + offset for axis, size in enumerate(source) if size == shape[axis + offset])
        kept = tuple(shape[axis] for axis in axes)
        if isinstance(atom.type, TensorType) and kept != source:
            atom = self.emit(RESHAPE, atom, shape=kept)
        if isinstance(atom.type, TensorType) and kept == shape:
            return atom
        return self.emit(BROADCAST, atom, shape=shape, axes=axes)

    def emit_broadcast(self, atom: Atom, shape: tuple[int, ...], axes: tuple[int, ...]) -> Atom:
        """The atom repeated, its dimensions becoming `axes` of the shape."""
        if isinstance(atom.type, TensorType) and atom.type.shape == shape:
            return atom
        return self.emit(BROADCAST, atom, shape=shape, axes=axes)

    def reshape(self, atom: Atom, shape: tuple[int, ...]) -> Atom:
        """The same elements in another shape."""
        assert isinstance(atom.type, TensorType)
        return atom if atom.type.shape == shape else self.emit(RESHAPE, atom, shape=shape)

    def result_dtype(self, *operands: Operand) -> ScalarType:
        """The type that operands meet in, by PyTorch's promotion."""
        samples = [_sample(operand) for operand in operands]
        if len(samples) == 1:
            samples.append(samples[0])
        with torch._C.DisableTorchFunctionSubclass():
            left, right = samples
            return scalar_type(torch.result_type(left, right))

    def result_shape(self, *operands: Operand) -> tuple[int, ...]:
        """The shape that operands broadcast to. StagedTypeError where they do not fit."""
        return self.broadcast_shapes(*[tuple(each.shape) for each in operands if isinstance(each, torch.Tensor)])

    def broadcast_shapes(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        """The shape that these broadcast to. StagedTypeError where they do not fit."""
        try:
            return tuple(torch.broadcast_shapes(*shapes))  # type: ignore[no-untyped-call]
        except RuntimeError:
            described = " and ".join(str(list(shape)) for shape in shapes)
            raise StagedTypeError(f"tensors of shapes {described} do not broadcast", loc=caller_loc()) from None

    def operand(self, value: Operand, dtype: ScalarType, shape: tuple[int, ...]) -> Atom:
        """An operand as a tensor atom of that dtype and shape."""
        return self.broadcast(self._scalar_or_tensor(value, dtype), shape)

    def _scalar_or_tensor(self, value: Operand, dtype: ScalarType) -> Atom:
        if isinstance(value, Rep):
            value.require_trace(self.trace)
            return self.convert(value.atom, dtype)
        if isinstance(value, (bool, int, float)):
            return constant(value, dtype)
        return self.convert(self.atom(value), dtype)


def _is_float(atom: Atom) -> bool:
    return isinstance(atom.type, TensorType) and atom.type.dtype.is_float


def _sample(operand: Operand) -> torch.Tensor | Number:
    """A value that takes part in type promotion as the operand does."""
    if not isinstance(operand, Rep):
        assert isinstance(operand, (torch.Tensor, bool, int, float))
        return operand
    match operand.atom.type:
        case ScalarType() as type_ if type_ in (BOOL, INT, FLOAT):
            return {BOOL: True, INT: 1, FLOAT: 1.0}[type_]
        case ScalarType(kind=kind):
            return 1.0 if kind == "float" else 1
        case type_:
            raise AssertionError(f"a Rep of type {type_}")


def normalised_axis(axis: object, rank: int) -> int:
    """A dimension number counted from the front. Located errors for what is no dimension."""
    if isinstance(axis, Rep):
        raise StagingError("a dimension must be known while staging", loc=caller_loc())
    if not isinstance(axis, int) or not -max(rank, 1) <= axis < max(rank, 1):
        raise StagedTypeError(f"a tensor of {rank} dimensions has no dimension {axis}", loc=caller_loc())
    return axis % rank if rank else 0


def normalised_axes(axes: object, rank: int) -> tuple[int, ...]:
    """Dimension numbers counted from the front; None or none at all stand for every dimension."""
    if axes is None or (isinstance(axes, (tuple, list)) and not axes):
        return tuple(range(rank))
    listed = axes if isinstance(axes, (tuple, list)) else (axes,)
    return tuple(sorted(normalised_axis(axis, rank) for axis in listed)) if rank else ()
