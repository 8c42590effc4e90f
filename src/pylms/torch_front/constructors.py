"""PyTorch's old constructors (`torch.Tensor([...])`, `torch.LongTensor([...])`), which are classes that no mode sees.

In: what a script calls. Out: what is called in its place: a function that makes the same, and that can be staged.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

_DTYPES: dict[object, torch.dtype | None] = {
    torch.Tensor: None,
    torch.FloatTensor: torch.float32,
    torch.DoubleTensor: torch.float64,
    torch.LongTensor: torch.int64,
    torch.IntTensor: torch.int32,
    torch.ShortTensor: torch.int16,
    torch.CharTensor: torch.int8,
    torch.ByteTensor: torch.uint8,
    torch.BoolTensor: torch.bool,
}


def made_by_function(function: Callable[..., object]) -> Callable[..., object]:
    """What makes the tensor that an old constructor would make; any other function as it is."""
    try:
        dtype = _DTYPES[function]
    except (KeyError, TypeError):  # TypeError: it has no hash
        return function
    return partial(_make, function, torch.get_default_dtype() if dtype is None else dtype)


def _make(constructor: Callable[..., object], dtype: torch.dtype, *args: object, **kwargs: object) -> object:
    """Of one sequence or array, a tensor of its content; of ints, or a shape, one without content yet."""
    if kwargs or (len(args) == 1 and isinstance(args[0], (torch.Tensor, torch.UntypedStorage, torch.TypedStorage))):
        return constructor(*args, **kwargs)  # it shares memory that is there
    if len(args) == 1 and not isinstance(args[0], (int, torch.Size)) and hasattr(args[0], "__len__"):
        return torch.tensor(args[0], dtype=dtype)
    shape = args[0] if len(args) == 1 and isinstance(args[0], torch.Size) else args
    return torch.empty(shape, dtype=dtype)  # type: ignore[arg-type]
