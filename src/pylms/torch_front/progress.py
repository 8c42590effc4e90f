"""Progress bars of `tqdm` around loaders in staged loops, which compiled code moves on.

They are told by the name of their module, so that tqdm is not imported. A bar that is disabled (`disable=True`, or
`disable=None` where there is no terminal) costs nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from unittest import mock

import torch

from ..staging.context import Trace
from ..staging.operators.native_loop import Item, LoopBody
from ..staging.values import LoopPlan
from .context import TorchContext
from .python_calls import stage_call

_SHOWING = ("set_postfix", "set_postfix_str", "set_description", "set_description_str")


def iterable_behind(bar: object) -> object | None:
    """What a progress bar goes over; None for anything else."""
    is_bar = type(bar).__module__.partition(".")[0] == "tqdm"
    return getattr(bar, "iterable", None) if is_bar else None


class ProgressPlan:
    """A loop over a loader that moves a bar on."""

    def __init__(self, context: TorchContext, bar: Any, loader: LoopPlan, first: object = None) -> None:
        self.first = first
        self._context = context
        self._bar = bar
        self._loader = loader

    def run(self, trace: Trace, item_of: Item, body: LoopBody) -> None:
        """From 0 to the end, where the bar is closed, as tqdm does; the next epoch opens it again."""
        if self._bar.disable:
            self._loader.run(trace, item_of, body)
            return

        def counted(number: object, item: object) -> object:
            self._call(self._bar.update)
            return item_of(number, item)

        self._call(self._open)
        self._loader.run(trace, counted, body)
        self._call(self._bar.close)

    def _call(self, function: Callable[[], object]) -> None:
        with torch._C.DisableTorchFunction():
            stage_call(self._context, function, (), {})

    def _open(self) -> None:
        self._bar.disable = False
        shown = getattr(type(self._bar), "_instances", None)
        if shown is not None:
            shown.add(self._bar)
        self._bar.reset()


@contextmanager
def staged_progress(context: TorchContext) -> Iterator[None]:
    """While this is open, what a bar is told to show is what the run computes."""
    kind = getattr(sys.modules.get("tqdm"), "tqdm", None)
    with ExitStack() as stack:
        for name in _SHOWING if isinstance(kind, type) else ():
            if hasattr(kind, name):
                stack.enter_context(mock.patch.object(kind, name, _showing(context, getattr(kind, name))))
        if isinstance(kind, type):
            initialise: Callable[..., None] = getattr(kind, "__init__")  # noqa: B009 - not that of `type`
            stack.enter_context(mock.patch.object(kind, "__init__", _taken_back(context, initialise)))
        yield


def _taken_back(context: TorchContext, initialise: Callable[..., None]) -> Callable[..., None]:
    """A bar that is made again, because tracing begins again, is taken off the screen before."""

    def make(bar: Any, *args: object, **kwargs: object) -> None:
        initialise(bar, *args, **kwargs)
        if context.is_here:
            context.trace.on_undo(partial(_discard, bar))

    return make


def _discard(bar: Any) -> None:
    bar.leave = False
    bar.close()


def _showing(context: TorchContext, show: Callable[..., object]) -> Callable[..., object]:
    def staged(bar: Any, *args: object, **kwargs: object) -> object:
        if not context.is_here:
            return show(bar, *args, **kwargs)
        if not bar.disable:
            with torch._C.DisableTorchFunction():
                stage_call(context, show, (bar, *args), kwargs)
        return None

    return staged
