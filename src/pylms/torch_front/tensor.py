"""`StagedTensor`: a `torch.Tensor` that stands for an IR value, so that user code and `nn.Module`s take it as one.

Shape, dtype and device are plain values. Anything that needs its content now is a located error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import torch

from ..errors import StagingError, TorchFeatureError
from ..ir.node import Atom
from ..ir.types import TensorType
from ..loc import caller_loc
from ..staging.context import Trace
from ..staging.rep import Rep
from .content import Content, Seen
from .dtypes import torch_dtype
from .view_steps import Detached

if TYPE_CHECKING:
    from .context import TorchContext


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is known about every element of an integer tensor: low <= element <= high."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor lives, for in-place operations on it: `assign` gives it a new value."""

    assign: Callable[[StagedTensor], None]


def _refuse_change(_tensor: StagedTensor) -> NoReturn:
    raise TorchFeatureError(
        "a tensor of a batch that the program keeps elsewhere is changed in place in a staged loop",
        loc=caller_loc(),
        hint="make a new tensor instead: x = x * 2 for x.mul_(2), or .clone() it first",
    )


BORROWED = Place(_refuse_change)
"""The place of tensors that show what is in a tensor of the surrounding program, which must not change."""


def _operator(function: Callable[..., object]) -> Callable[..., Any]:
    """A Python operator that stages `function`; Reps are operands as well, which PyTorch's own operators refuse."""

    def operate(self: StagedTensor, other: object) -> object:
        return self.context.dispatch(function, (self, other), {}) if _is_operand(other) else NotImplemented

    return operate


def _reflected(function: Callable[..., object]) -> Callable[..., Any]:
    def operate(self: StagedTensor, other: object) -> object:
        return self.context.dispatch(function, (other, self), {}) if _is_operand(other) else NotImplemented

    return operate


def _tracks(tensor: torch.Tensor) -> bool:
    return isinstance(tensor, StagedTensor) and tensor.tracks_gradient


def _is_operand(value: object) -> bool:
    return isinstance(value, (torch.Tensor, Rep, bool, int, float))


class StagedTensor(torch.Tensor):
    """A tensor whose content will be known when the compiled code runs."""

    context: TorchContext
    place: Place | None
    content: Content
    _tracks_gradient: bool
    _bounds: Bounds | None

    @staticmethod
    def __new__(
        cls: type[StagedTensor],
        atom: Atom,
        context: TorchContext,
        *,
        tracks_gradient: bool = False,
        bounds: Bounds | None = None,
        place: Place | None = None,
        seen: Seen | None = None,
    ) -> StagedTensor:
        """`tracks_gradient`: a derivative may flow through it. `place`: of a parameter's gradient.

        `seen`: the tensor that this one is a view of.
        """
        type_ = atom.type
        assert isinstance(type_, TensorType)
        tensor: StagedTensor = torch.Tensor._make_wrapper_subclass(
            cls, type_.shape, dtype=torch_dtype(type_.dtype), device=torch.device("cpu"), requires_grad=False
        )
        tensor.content = Content(atom, context, seen)
        tensor.context = context
        tensor._tracks_gradient = tracks_gradient
        tensor._bounds = bounds
        tensor.place = place
        return tensor

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        super().__init__()

    @property
    def tracks_gradient(self) -> bool:
        """Whether a derivative may flow through what is in it now."""
        seen = self.content.seen
        if seen is None or self._tracks_gradient or not self.is_floating_point():
            return self._tracks_gradient
        return not self.content.is_current and (seen.tensor.requires_grad or _tracks(seen.tensor))

    @property
    def is_borrowed(self) -> bool:
        """Whether it shows what is in a tensor of the surrounding program."""
        return self.place is BORROWED

    @property
    def bounds(self) -> Bounds | None:
        """What is known of every element."""
        return self._bounds if self.content.is_current else None

    def note_change(self, *, tracks_gradient: bool) -> None:
        """It has another value from now on."""
        self._bounds = None
        self._tracks_gradient |= tracks_gradient

    @property
    def atom(self) -> Atom:
        """What is in it now."""
        return self.content.read()

    def require_trace(self, trace: Trace) -> None:
        """A located error when this value is of another staging run, or of a block that is closed."""
        if trace is not self.context.trace:
            trace.require_usable(self.content.read(), self.context.trace)
        self.content.require_usable()

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return f"StagedTensor({self.atom!r}: {self.atom.type})"

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        tensor = next((arg for arg in args if isinstance(arg, StagedTensor)), None)
        if tensor is None:
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **(kwargs or {}))
        tensor.require_trace(tensor.context.trace)
        return tensor.context.dispatch(func, args, kwargs or {})

    @classmethod
    def __torch_dispatch__(  # type: ignore[override] # PyTorch declares a placeholder
        cls,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Only what never passed a Python-level function comes here: `Variable(x)`, and what cannot be staged."""
        if func is torch.ops.aten.detach.default and isinstance(args[0], StagedTensor):
            return detached(args[0])
        raise TorchFeatureError(f"`{func}` cannot be staged yet", loc=caller_loc())

    __add__ = _operator(torch.Tensor.add)
    __radd__ = _reflected(torch.Tensor.add)
    __iadd__ = _operator(torch.Tensor.add_)
    __sub__ = _operator(torch.Tensor.sub)
    __rsub__ = _reflected(torch.Tensor.sub)
    __isub__ = _operator(torch.Tensor.sub_)
    __mul__ = _operator(torch.Tensor.mul)
    __rmul__ = _reflected(torch.Tensor.mul)
    __imul__ = _operator(torch.Tensor.mul_)
    __truediv__ = _operator(torch.Tensor.div)
    __rtruediv__ = _reflected(torch.Tensor.div)
    __itruediv__ = _operator(torch.Tensor.div_)
    __floordiv__ = _operator(torch.floor_divide)
    __rfloordiv__ = _reflected(torch.floor_divide)
    __mod__ = _operator(torch.remainder)
    __rmod__ = _reflected(torch.remainder)
    __pow__ = _operator(torch.pow)
    __rpow__ = _reflected(torch.pow)
    __matmul__ = _operator(torch.matmul)
    __rmatmul__ = _reflected(torch.matmul)
    __eq__ = _operator(torch.eq)
    __ne__ = _operator(torch.ne)
    __lt__ = _operator(torch.lt)
    __le__ = _operator(torch.le)
    __gt__ = _operator(torch.gt)
    __ge__ = _operator(torch.ge)
    __and__ = _operator(torch.bitwise_and)
    __rand__ = _reflected(torch.bitwise_and)
    __or__ = _operator(torch.bitwise_or)
    __ror__ = _reflected(torch.bitwise_or)
    __xor__ = _operator(torch.bitwise_xor)
    __rxor__ = _reflected(torch.bitwise_xor)

    def number(self) -> object:
        """The only element as a staged number: what `int(x)`, `float(x)` and `bool(x)` are of in virtualised code."""
        return self.context.dispatch(torch.Tensor.item, (self,), {})

    # What Python itself asks of a value

    def __bool__(self) -> bool:
        raise StagingError(
            "Python cannot branch on a staged tensor here: this function was not virtualised",
            loc=caller_loc(),
            hint="decorate the function with @lms (or @stageTensor), so that its if, while, and, or, not are staged",
        )

    def __int__(self) -> int:
        self._refuse("turned into a plain int")

    def __float__(self) -> float:
        self._refuse("turned into a plain float")

    def __complex__(self) -> complex:
        self._refuse("turned into a plain complex")

    def __index__(self) -> int:
        self._refuse("used as an index or a size")

    def __contains__(self, item: object) -> bool:
        self._refuse("searched with `in`")

    def __format__(self, spec: str) -> str:
        self._refuse("formatted")

    def __iter__(self) -> Any:
        """Its rows, one after the other: as many as the shape says."""
        return iter(self.context.dispatch(torch.Tensor.unbind, (self,), {}))  # type: ignore[call-overload]

    def __array__(self, *_args: object, **_kwargs: object) -> Any:
        self._refuse("turned into a NumPy array")

    def numpy(self, *_args: object, **_kwargs: object) -> Any:
        self._refuse("turned into a NumPy array")

    def tolist(self) -> Any:
        self._refuse("turned into a list")

    def data_ptr(self) -> int:
        self._refuse("asked for its address")

    def __hash__(self) -> int:
        return id(self)

    def __deepcopy__(self, _memo: object) -> StagedTensor:
        return self

    def _refuse(self, use: str) -> NoReturn:
        raise StagingError(
            f"a staged tensor cannot be {use}: its content is known only when the compiled code runs",
            loc=caller_loc(),
            hint="`x.item()` gives a staged number; or keep the computation staged",
        )


def detached(tensor: StagedTensor) -> StagedTensor:
    """The same value, through which no derivative passes."""
    context = tensor.context
    atom = context.without_gradient(tensor)
    seen = Seen.of(context, tensor, Detached())
    return StagedTensor(atom, context, bounds=tensor.bounds, seen=seen)
