"""Random numbers in staged code: dropout and uniform numbers natively, all others by PyTorch itself, called back.

In: calls under staged control, or after native draws. Out: IR whose runs give the numbers that PyTorch gives for the
same seed, and leave its generator as PyTorch does.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F

from ..errors import StagedTypeError, TorchFeatureError
from ..ir.node import Atom
from ..ir.ops import arithmetic as op
from ..ir.ops.random import RANDOM_BELOW, RANDOM_UNIFORM
from ..ir.types import FLOAT32, FLOAT64, ScalarType, TensorType
from ..loc import caller_loc
from ..staging.rep import Rep
from .context import Operand, TorchContext
from .dtypes import scalar_type
from .functions_arithmetic import finish_in_place
from .functions_create import creation_functions
from .functions_shape import sizes
from .table import functions, methods, refuse_options
from .tensor import StagedTensor

RANDOM_FUNCTIONS = frozenset(
    methods("rand", "rand_like", "randn", "randn_like", "randint", "randint_like", "randperm", "normal", "bernoulli")
    + methods("multinomial", "normal_", "uniform_", "bernoulli_", "random_", "exponential_")
    + [F.dropout, F.dropout1d, F.dropout2d, F.dropout3d]
)
"""What has to be staged where native code draws: a draw while staging would come too early."""


# Dropout


def _define_dropout(function: object, rank_of_noise: Callable[[int], int] | None = None) -> None:
    @functions.define(function)
    def dropout(
        context: TorchContext, input: Operand, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> object:
        """`rank_of_noise`: how many of the first dimensions the noise has; it is the same along the others."""
        if not 0 <= p <= 1:
            raise StagedTypeError(f"a probability of dropout must be between 0 and 1, not {p}", loc=caller_loc())
        if not training or p == 0:
            return input
        type_ = context.type_of(input)
        rank = type_.rank if rank_of_noise is None else rank_of_noise(type_.rank)
        shape = (*type_.shape[:rank], *[1] * (type_.rank - rank))
        noise = dropout_noise(context, shape, type_.dtype, float(p))
        result = context.emit(op.MUL, context.atom(input), context.broadcast(noise, type_.shape))
        return finish_in_place(context, input, result) if inplace else context.wrap(result)


def dropout_noise(context: TorchContext, shape: tuple[int, ...], dtype: ScalarType, p: float) -> Atom:
    """The atom that dropout multiplies with: 0 with probability `p`, else what keeps the mean."""
    type_ = TensorType(dtype, shape)
    if p == 1:
        return context.full(0, type_)
    kept = context.emit(RANDOM_BELOW, context.random.symbol(), probability=1 - p, shape=shape)
    return context.emit(op.SELECT, kept, context.full(_scale(1 - p, dtype), type_), context.full(0, type_))


def _scale(kept: float, dtype: ScalarType) -> float:
    """1 / kept, as PyTorch rounds it."""
    if dtype != FLOAT32:
        return 1 / kept
    return float(torch.ones((), dtype=torch.float32).div_(kept))


def _rank_of_features(single: int) -> Callable[[int], int]:
    """Dropout of whole features; an input of `single` dimensions is one sample."""
    return lambda rank: 1 if rank == single else 2


_define_dropout(F.dropout)
_define_dropout(F.dropout1d, _rank_of_features(2))
_define_dropout(F.dropout2d, lambda rank: 2)
_define_dropout(F.dropout3d, _rank_of_features(4))


# Uniform numbers


@creation_functions.define(torch.rand)
def _rand(
    context: TorchContext,
    *arguments: object,
    size: object = None,
    generator: torch.Generator | None = None,
    dtype: object = None,
    device: object = None,
    requires_grad: bool = False,
) -> object:
    refuse_options("rand", requires_grad=(requires_grad, False))
    shape = sizes((size,) if size is not None else arguments)
    scalar = scalar_type(dtype if isinstance(dtype, torch.dtype) else torch.get_default_dtype())
    if generator is not None or scalar not in (FLOAT32, FLOAT64):
        return _drawn_by_python(context, torch.rand, [shape], {"generator": generator, "dtype": dtype})
    return context.wrap(context.emit(RANDOM_UNIFORM, context.random.symbol(), dtype=scalar, shape=shape))


@creation_functions.define(torch.rand_like)
def _rand_like(
    context: TorchContext, input: Operand, *, dtype: object = None, device: object = None, requires_grad: bool = False
) -> object:
    refuse_options("rand_like", requires_grad=(requires_grad, False))
    assert isinstance(input, torch.Tensor)
    return _rand(context, tuple(input.shape), dtype=dtype or input.dtype)


# By PyTorch itself


def _define_by_python(name: str) -> None:
    function: Callable[..., torch.Tensor] = getattr(torch, name)

    def draw(context: TorchContext, *args: object, **kwargs: object) -> object:
        refuse_options(name, requires_grad=(kwargs.pop("requires_grad", False), False))
        return _drawn_by_python(context, function, list(args), kwargs)

    creation_functions.define(function)(draw)


for _name in ("randn", "randint", "randperm", "randn_like", "randint_like", "normal", "bernoulli", "multinomial"):
    _define_by_python(_name)
functions.define(torch.Tensor.bernoulli)(
    lambda context, input, *args, **kwargs: _drawn_by_python(context, torch.bernoulli, [input, *args], kwargs)
)
functions.define(torch.Tensor.multinomial)(
    lambda context, input, *args, **kwargs: _drawn_by_python(context, torch.multinomial, [input, *args], kwargs)
)


def _drawn_by_python(
    context: TorchContext, function: Callable[..., torch.Tensor], args: list[Any], kwargs: Mapping[str, Any]
) -> StagedTensor:
    """Have each run call the function, on what its tensors hold then."""
    name = function.__name__
    if any(isinstance(value, Rep) for value in (*args, *kwargs.values())):
        raise TorchFeatureError(
            f"an argument of `torch.{name}` depends on the run, which cannot be staged yet",
            loc=caller_loc(),
            hint="draw what does not depend on it, and compute the rest: mean + deviation * torch.randn(...)",
        )
    inputs = [_in_memory(context, value) for value in args]
    memory = _like_result(function, inputs, kwargs)

    def draw() -> None:
        with torch.no_grad():
            memory.copy_(function(*inputs, **kwargs))

    reads = [context.buffers.capture(value).symbol for value in inputs if isinstance(value, torch.Tensor)]
    context.random.call_python(draw, name, reads=reads, writes=[context.buffers.capture(memory).symbol])
    return StagedTensor(context.buffers.load(memory), context)


def _in_memory(context: TorchContext, value: object) -> object:
    """An argument of PyTorch's; a staged tensor's content is stored where PyTorch can read it."""
    if not isinstance(value, torch.Tensor):
        return value
    memory = torch.ones(tuple(value.shape), dtype=value.dtype)
    context.buffers.store(memory, context.without_gradient(value))
    return memory


def _like_result(
    function: Callable[..., torch.Tensor], inputs: Sequence[Any], kwargs: Mapping[str, Any]
) -> torch.Tensor:
    """Memory for what a function gives; the random state is as if it had not been called."""
    generator = kwargs.get("generator")
    states = torch.get_rng_state(), random.getstate(), generator.get_state() if generator is not None else None
    try:
        return torch.empty_like(function(*inputs, **kwargs), memory_format=torch.contiguous_format)
    finally:
        torch.set_rng_state(states[0])
        random.setstate(states[1])
        if generator is not None:
            generator.set_state(states[2])


def _define_in_place(name: str) -> None:
    @functions.define(getattr(torch.Tensor, name))
    def fill(context: TorchContext, target: Operand, *args: object, **kwargs: object) -> object:
        if isinstance(target, StagedTensor):
            shape, dtype = tuple(target.shape), target.dtype

            def fresh(*arguments: object, **options: object) -> torch.Tensor:
                filled: torch.Tensor = getattr(torch.empty(shape, dtype=dtype), name)(*arguments, **options)
                return filled

            fresh.__name__ = name
            context.write(target, _drawn_by_python(context, fresh, list(args), kwargs).atom)
            return target
        assert isinstance(target, torch.Tensor)
        context.require_writeable(target)
        run = partial(getattr(target.detach(), name), *args, **kwargs)
        context.random.call_python(run, name, writes=[context.buffers.written_by_python(target)])
        return target


for _name in ("normal_", "uniform_", "bernoulli_", "random_", "exponential_"):
    _define_in_place(_name)


@functions.define(torch.nn.init.normal_)
def _init_normal(
    context: TorchContext,
    tensor: Operand,
    mean: float = 0.0,
    std: float = 1.0,
    generator: torch.Generator | None = None,
) -> object:
    with torch.no_grad():
        return context.dispatch_staged(torch.Tensor.normal_, (tensor, mean, std), {"generator": generator})


@functions.define(torch.nn.init.uniform_)
def _init_uniform(
    context: TorchContext, tensor: Operand, a: float = 0.0, b: float = 1.0, generator: torch.Generator | None = None
) -> object:
    with torch.no_grad():
        return context.dispatch_staged(torch.Tensor.uniform_, (tensor, a, b), {"generator": generator})
