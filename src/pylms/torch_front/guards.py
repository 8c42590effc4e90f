"""When compiled code no longer does what its script would do, it is staged again.

Python that runs while tracing runs once. That is not what the script means where it makes new state at each call (a
module and its initial weights, a generator's draws, an optimiser's momentum), or where a global name that it read
(`model`, `optimizer`, `loader`) stands for another object now. A check before each run raises `OutdatedError` then.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FrameType

import torch

from ..errors import OutdatedError
from ..loc import is_user_file


@dataclass(frozen=True, slots=True)
class _Watched:
    """A global name that stood for an object of PyTorch while tracing."""

    namespace: Mapping[str, object]
    name: str
    value: object

    @property
    def is_unchanged(self) -> bool:
        return self.namespace.get(self.name) is self.value


class Guards:
    """What one trace took for granted."""

    def __init__(self) -> None:
        self._expected: dict[tuple[int, str], tuple[Callable[[], object], object]] = {}
        self._owners: list[object] = []
        self._watched: dict[tuple[int, str], _Watched] = {}
        self._random_start = self._random_end = _random_state()
        self._made_anew = ""
        self._has_run = False

    def watch(self, value: object) -> None:
        """The traced code uses a module, an optimiser or a loader: remember the global names it was read from."""
        frame = _user_frame(sys._getframe(1))
        if frame is None:
            return
        namespace = frame.f_globals
        for name in frame.f_code.co_names:
            if namespace.get(name) is value:
                self._watched[id(namespace), name] = _Watched(namespace, name, value)

    def expect(self, owner: object, what: str, read: Callable[[], object]) -> None:
        """`what` of `owner`, which `read` gives, is compiled in."""
        if (id(owner), what) not in self._expected:
            self._owners.append(owner)
            self._expected[id(owner), what] = (read, read())

    def note_made_anew(self, what: str) -> None:
        """The script makes `what` at each call, and changes it: a trace is good for one run."""
        self._made_anew = self._made_anew or what

    def restore(self) -> None:
        """Tracing is over: until the first run, no random numbers have been drawn."""
        self._random_end = _random_state()
        _set_random_state(self._random_start)

    def check(self) -> None:
        """Before each run: OutdatedError when the script has to be staged again."""
        for watched in self._watched.values():
            if not watched.is_unchanged:
                raise OutdatedError(f"`{watched.name}` is another object than when the function was compiled")
        for (_, what), (read, expected) in self._expected.items():
            if read() != expected:
                raise OutdatedError(f"{what} changed after the function was compiled")
        if self._has_run and self._made_anew:
            raise OutdatedError(f"the function makes {self._made_anew} at each call, so that it is staged at each call")
        if self._random_end != self._random_start:
            # Tracing drew what the run would draw before its loops, if the run begins where tracing began.
            if self._has_run or _random_state() != self._random_start:
                raise OutdatedError("the function draws random numbers, and is staged at each call")
            _set_random_state(self._random_end)
        self._has_run = True


def _user_frame(frame: FrameType | None) -> FrameType | None:
    while frame is not None and not is_user_file(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


_RandomState = tuple[bytes, tuple[object, ...]]


def _random_state() -> _RandomState:
    return bytes(torch.random.get_rng_state().numpy()), random.getstate()


def _set_random_state(state: _RandomState) -> None:
    torch.random.set_rng_state(torch.frombuffer(bytearray(state[0]), dtype=torch.uint8))
    random.setstate(state[1])
