"""Modules in staged code: users' `forward` methods are virtualised, parameters get their names.

Construction of modules runs for real; only calls and assignments of attributes are touched, and only while a program is
traced. A buffer that is assigned a staged tensor is written in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import FunctionType
from unittest import mock

import torch

from ..errors import SourceError, StagedTypeError, SyntaxNotSupportedError, TorchFeatureError
from ..loc import caller_loc, is_user_file
from ..staging.functions import call_function
from ..staging.rep import Rep
from ..staging.rewriting import rewritten
from ..virtualize import virtualize
from .context import TorchContext
from .tensor import StagedTensor


@contextmanager
def staged_modules(context: TorchContext) -> Iterator[None]:
    """While this is open, calling a module runs its virtualised `forward`."""
    original_call: Callable[..., object] = torch.nn.Module.__call__
    original_train: Callable[..., torch.nn.Module] = torch.nn.Module.train
    original_set: Callable[..., None] = torch.nn.Module.__setattr__
    prepared: set[type] = set()
    with ExitStack() as stack:

        def call(module: torch.nn.Module, *args: object, **kwargs: object) -> object:
            if not context.is_here:
                return original_call(module, *args, **kwargs)
            _refuse_hooks(module)
            _refuse_packed(args)
            context.guards.watch(module)
            parameters = dict(module.named_parameters())
            # `torch.func.functional_call` lends a module tensors of the program for as long as it is called.
            if not any(isinstance(parameter, StagedTensor) for parameter in parameters.values()):
                context.guards.expect(module, "the parameters or modules of a module", partial(_parts_of, module))
                for name, parameter in parameters.items():
                    context.buffers.give_name(parameter, name)
            context.modes.note_call(module)
            for kind in {kind for inner in module.modules() for kind in type(inner).__mro__} - prepared:
                prepared.add(kind)
                forward = _virtualised(kind, context)
                if forward is not None:
                    stack.enter_context(mock.patch.object(kind, "forward", forward))
            return original_call(module, *args, **kwargs)

        def train(module: torch.nn.Module, mode: bool = True) -> torch.nn.Module:
            if context.is_here:
                context.modes.switch(module, mode)
            return original_train(module, mode)

        def set_attribute(module: torch.nn.Module, name: str, value: object) -> None:
            if not context.is_here:
                original_set(module, name, value)
                return
            buffer = module.__dict__.get("_buffers", {}).get(name)
            if isinstance(buffer, torch.Tensor) and isinstance(value, StagedTensor):
                _write_buffer(context, name, buffer, value)
                return
            if context.is_under_control and name in module.__dict__ and name != "training":
                _refuse_carried(name, module.__dict__[name], value)
                context.trace.on_undo(partial(module.__dict__.__setitem__, name, module.__dict__[name]))
            original_set(module, name, value)

        stack.enter_context(mock.patch.object(torch.nn.Module, "__call__", call))
        stack.enter_context(mock.patch.object(torch.nn.Module, "train", train))
        stack.enter_context(mock.patch.object(torch.nn.Module, "__setattr__", set_attribute))
        yield


def _parts_of(module: torch.nn.Module) -> list[tuple[int, bool]]:
    """A module's own parameters (with their wish for a gradient), buffers and modules."""
    parameters = [(id(value), value is not None and value.requires_grad) for value in module._parameters.values()]
    others: list[torch.Tensor | torch.nn.Module | None] = [*module._buffers.values(), *module._modules.values()]
    return parameters + [(id(value), False) for value in others]


def _write_buffer(context: TorchContext, name: str, buffer: torch.Tensor, value: StagedTensor) -> None:
    with torch._C.DisableTorchFunction():
        if context.type_of(buffer) != context.type_of(value):
            raise StagedTypeError(
                f"the buffer `{name}` is {context.type_of(buffer)}, and is assigned {context.type_of(value)}",
                loc=caller_loc(),
            )
        if context.may_need_gradient(value):
            raise TorchFeatureError(
                f"the buffer `{name}` is assigned a tensor that leads to a gradient, which cannot be staged yet",
                loc=caller_loc(),
                hint="assign value.detach()",
            )
        context.buffers.store(buffer, context.atom(value), rebinds=True)


def _refuse_carried(name: str, old: object, new: object) -> None:
    """A plain attribute is assigned once, while tracing; a later round would have to see it."""
    plain = isinstance(new, (bool, int, float, str)) and new != old
    staged = isinstance(new, Rep) or (isinstance(new, StagedTensor) and not isinstance(old, (StagedTensor, type(None))))
    if plain or staged:
        raise TorchFeatureError(
            f"the attribute `{name}` of a module is changed inside a staged loop or branch, which cannot be staged",
            loc=caller_loc(),
            hint="use a variable of the staged function, or a tensor registered with register_buffer()",
        )


def _refuse_hooks(module: torch.nn.Module) -> None:
    """Users' hooks would run while tracing, and never again."""
    forward = {**module._forward_hooks, **module._forward_pre_hooks}
    found = ["forward" for hook in forward.values() if _is_users(hook)]
    found += ["backward" for hooks in (module._backward_hooks, module._backward_pre_hooks) if hooks]
    if found:
        raise TorchFeatureError(
            f"a {found[0]} hook of `{type(module).__name__}` cannot be staged",
            loc=caller_loc(),
            hint="remove the hook, or do what it does in the staged function itself",
        )


def _refuse_packed(args: tuple[object, ...]) -> None:
    if any(isinstance(arg, torch.nn.utils.rnn.PackedSequence) for arg in args):
        raise TorchFeatureError(
            "packed sequences cannot be staged yet",
            loc=caller_loc(),
            hint="give the padded tensor, and mask the loss",
        )


def _is_users(hook: object) -> bool:
    code = getattr(hook, "__code__", None) or getattr(type(hook).__call__, "__code__", None)
    return code is None or is_user_file(code.co_filename)


# They compute with numbers that the run knows: how many batches there were.
_VIRTUALISED_OF_PYTORCH = frozenset({torch.nn.modules.batchnorm._BatchNorm})


def _virtualised(kind: type, context: TorchContext) -> Callable[..., object] | None:
    """A class's own `forward`, virtualised; None where it is PyTorch's, or cannot be and has to run as it stands."""
    forward = kind.__dict__.get("forward")
    if not isinstance(forward, FunctionType):
        return None
    if kind not in _VIRTUALISED_OF_PYTORCH and not is_user_file(forward.__code__.co_filename):
        return None
    try:
        virtualized = virtualize(forward)
    except (SourceError, SyntaxNotSupportedError):
        # Without virtualisation a branch on a staged value in it is a located error, so nothing goes wrong unseen.
        return None
    made = rewritten(virtualized, forward)

    def call(*args: object, **kwargs: object) -> object:
        return call_function(context.trace, made, args, kwargs) if context.is_here else forward(*args, **kwargs)

    return call
