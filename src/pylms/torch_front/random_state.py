"""PyTorch's random numbers in compiled code: its default generator's state, in memory that native code draws from.

The state is taken from PyTorch before each run and left there afterwards, and so around what Python draws in between:
native and other draws make one stream, and the same seed gives the same numbers as PyTorch alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import torch

from ..errors import TorchFeatureError
from ..ir.evaluate_random import draw_numbers
from ..ir.node import Sym
from ..ir.ops.host import HOST_CALL
from ..ir.ops.random import STATE, WORDS
from ..loc import caller_loc
from ..staging.exclusive import process_state

if TYPE_CHECKING:
    from .context import TorchContext

# Where PyTorch keeps what it says of its generator on the CPU (`get_rng_state`).
_LEFT = slice(8, 12)
_NEXT = slice(16, 24)
_CONTENT = slice(24, 24 + 8 * WORDS)


class RandomState:
    """The default generator as one trace uses it."""

    def __init__(self, context: TorchContext) -> None:
        self._context = context
        self._memory = torch.zeros(STATE.shape, dtype=torch.int32)
        self._filled = self._memory
        self.is_used = False
        self.is_drawn_in_run = False
        """Whether the compiled code may draw, itself or by Python: what is drawn while staging would come too early."""

    def symbol(self) -> Sym:
        """The buffer that native code draws from."""
        self.is_drawn_in_run = True
        if not self.is_used:
            _require_known_stream()
            self.is_used = True
            self._context.trace.before_run.append(self._fill)
            self._context.trace.after_run.append(self._leave)
        self._context.buffers.give_name(self._memory, "random_state")
        return self._context.buffers.capture(self._memory).symbol

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Around Python that may draw, while compiled code runs."""
        with process_state:
            if not self.is_used:
                yield
                return
            self._leave()
            try:
                yield
            finally:
                self._fill()

    def call_python(
        self, function: Callable[[], None], name: str, *, reads: Sequence[Sym] = (), writes: Sequence[Sym] = ()
    ) -> None:
        """Emit a call of Python that may draw, and that reads and writes these buffers."""

        def call(*_addresses: object) -> None:
            with self.lent():
                function()

        self.is_drawn_in_run = True
        trace = self._context.trace
        callback, mutates = trace.host_function(call, name), tuple(range(len(writes)))
        trace.emit(HOST_CALL, [*writes, *reads], attrs={"callback": callback, "results": (), "mutates": mutates})

    def _fill(self) -> None:
        _copy_state(torch.get_rng_state(), self._memory)
        self._filled = self._memory.clone()

    def _leave(self) -> None:
        if torch.equal(self._memory, self._filled):
            return
        state = torch.get_rng_state()
        state[_CONTENT].view(torch.int64).copy_(self._memory[:WORDS].to(torch.int64) & 0xFFFFFFFF)
        state[_LEFT].view(torch.int32).fill_(WORDS + 1 - int(self._memory[WORDS]))
        state[_NEXT].view(torch.int64).fill_(int(self._memory[WORDS]))
        torch.set_rng_state(state)


def _copy_state(state: torch.Tensor, memory: torch.Tensor) -> None:
    """A generator's state as PyTorch gives it, in the form that native code has."""
    memory[:WORDS] = state[_CONTENT].view(torch.int64).to(torch.int32)
    # At first, and when all words are given out, one is left to be taken after the next ones are made.
    is_done = int(state[_LEFT].view(torch.int32)) == 1
    memory[WORDS] = WORDS if is_done else int(state[_NEXT].view(torch.int64))


@cache
def _require_known_stream() -> None:
    """TorchFeatureError where this PyTorch draws in another way than native code does."""
    generator = torch.Generator().manual_seed(1)
    memory = torch.zeros(STATE.shape, dtype=torch.int32)
    _copy_state(generator.get_state(), memory)
    drawn = torch.empty(8).bernoulli_(0.5, generator=generator).tolist()
    if drawn != [float(number < 2**52) for number in draw_numbers(memory.numpy(), len(drawn))]:
        raise TorchFeatureError(
            f"PyTorch {torch.__version__} draws random numbers in a way that native code does not know",
            loc=caller_loc(),
            hint="leave dropout and torch.rand out of staged loops, or call .eval() on the module",
        )
