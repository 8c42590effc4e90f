"""The table from PyTorch's functions and methods to how they are staged.

A handler takes the context and the call's own arguments, under PyTorch's names, and gives the call's result. An
argument it does not have is an option that cannot be staged, and is named in the error.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import torch

from ..errors import TorchFeatureError
from ..loc import caller_loc

if TYPE_CHECKING:
    from .context import TorchContext

Handler = Callable[..., object]
AnyHandler = TypeVar("AnyHandler", bound=Handler)


class FunctionTable:
    """Handlers by function. Filled while modules load, only read afterwards."""

    def __init__(self) -> None:
        self._handlers: dict[object, tuple[Handler, inspect.Signature]] = {}

    def define(self, *functions: object) -> Callable[[AnyHandler], AnyHandler]:
        """Decorator: the handler below stages these functions."""

        def register(handler: AnyHandler) -> AnyHandler:
            signature = inspect.signature(handler)
            for function in functions:
                self._handlers[function] = (handler, signature)
            return handler

        return register

    def __contains__(self, function: object) -> bool:
        return function in self._handlers

    def call(
        self, context: TorchContext, function: object, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> object:
        """Stage a call. TorchFeatureError for functions and options that are not in the table."""
        if function not in self._handlers:
            # The user knows the function that was called, and not those that it is made of.
            asked = context.composing[0] if context.composing else function
            reason = "" if asked is function else f"it calls `{name_of(function)}`; "
            raise TorchFeatureError(
                f"`{name_of(asked)}` cannot be staged yet",
                loc=caller_loc(),
                hint=f"{reason}compute it from operations that can be (see docs/limitations.md), or call it outside "
                "staged code",
            )
        handler, signature = self._handlers[function]
        try:
            bound = signature.bind(context, *args, **kwargs)
        except TypeError as error:
            raise TorchFeatureError(
                f"this way of calling `{name_of(function)}` cannot be staged: {error}", loc=caller_loc()
            ) from None
        return handler(*bound.args, **bound.kwargs)


functions = FunctionTable()


def methods(*names: str) -> list[object]:
    """The `torch.Tensor` methods and `torch` functions of those names, as many as this PyTorch has."""
    found = [getattr(owner, name, None) for name in names for owner in (torch.Tensor, torch)]
    return [function for function in found if function is not None]


def accessor(name: str, kind: str = "get") -> object:
    """What the mode sees when a tensor's attribute is read ("get"), written ("set") or deleted ("delete")."""
    return getattr(getattr(torch.Tensor, name), f"__{kind}__")


def name_of(function: object) -> str:
    """How error messages call a function: `torch.Tensor.cumsum`, `torch.nn.functional.gelu`."""
    name = getattr(function, "__name__", repr(function))
    if name in ("__get__", "__set__"):
        descriptor = getattr(function, "__self__", None)
        return f"torch.Tensor.{getattr(descriptor, '__name__', name)}"
    qualified = getattr(function, "__qualname__", name)
    if qualified.startswith(("TensorBase.", "Tensor.", "_TensorBase.")):
        return f"torch.Tensor.{name}"
    module = getattr(function, "__module__", None)
    return f"{module}.{name}" if module and module.startswith("torch.") else f"torch.{name}"


def refuse_options(function: str, **options: tuple[object, object]) -> None:
    """A located error naming the first option whose value is not its default; options are name=(value, default)."""
    for name, (value, default) in options.items():
        if value is default or (isinstance(default, (bool, int, float, str)) and value == default):
            continue
        raise TorchFeatureError(f"`{name}={value!r}` of `{function}` cannot be staged yet", loc=caller_loc())
