"""PyTorch's functions that are Python themselves: without a handler of their own they run as they stand.

What they call is staged; `multi_head_attention_forward` is one. Each asks first whether somebody overrides it: here
that is answered with no, once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from unittest import mock

_MODULES = frozenset({"torch.nn.functional", "torch.functional"})
_QUESTIONS = ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")


def is_composition(function: object) -> bool:
    """Whether PyTorch has the function in Python."""
    return isinstance(function, FunctionType) and function.__module__ in _MODULES


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


def run_composition(function: object, args: Sequence[object], kwargs: Mapping[str, object]) -> object:
    """Run the function's own Python, while PyTorch's functions go to the front."""
    assert isinstance(function, FunctionType)
    questions, names = _NoAtFirst(), function.__globals__
    answers = {name: questions.instead_of(names[name]) for name in _QUESTIONS if name in names}
    with mock.patch.dict(names, answers):
        return function(*args, **kwargs)
