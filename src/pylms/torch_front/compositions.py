"""PyTorch's functions that are Python themselves: without a handler of their own they run as they stand.

So do those that are written out here in others (`written_out`). What they call is staged.
`multi_head_attention_forward` is one. Each of PyTorch's asks first whether somebody overrides it: here that is answered
with no, once.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from unittest import mock

from ..errors import TorchFeatureError
from ..loc import caller_loc
from .table import name_of
from .written_out import written_out

_MODULES = frozenset({"torch.nn.functional", "torch.functional"})
_QUESTIONS = ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")


def is_composition(function: object) -> bool:
    """Whether the function is there in Python."""
    return function in written_out or (isinstance(function, FunctionType) and function.__module__ in _MODULES)


class _NoAtFirst:
    """Answers the first question with no, and leaves the others to whom they are for."""

    def __init__(self) -> None:
        self._was_asked = False

    def instead_of(self, original: Callable[..., object]) -> Callable[..., object]:
        def answer(*tensors: object) -> object:
            if self._was_asked:
                return original(*tensors)
            self._was_asked = True
            return False

        return answer


def _run_written(
    function: object, written: Callable[..., object], args: Sequence[object], kwargs: Mapping[str, object]
) -> object:
    try:
        inspect.signature(written).bind(*args, **kwargs)
    except TypeError as error:
        message = f"this way of calling `{name_of(function)}` cannot be staged: {error}"
        raise TorchFeatureError(message, loc=caller_loc()) from None
    return written(*args, **kwargs)


def run_composition(function: object, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
    """Run the function's own Python, while PyTorch's functions go to the front."""
    written = written_out.get(function)
    if written is not None:
        return _run_written(function, written, args, kwargs)
    assert isinstance(function, FunctionType)
    questions, names = _NoAtFirst(), function.__globals__
    answers = {name: questions.instead_of(names[name]) for name in _QUESTIONS if name in names}
    with mock.patch.dict(names, answers):
        return function(*args, **kwargs)
