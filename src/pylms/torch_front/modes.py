"""`train()` and `eval()` of modules in staged code, where the flag that `self.training` reads is a plain value.

In: modules as they are called and switched while tracing. What holds in between: a flag that a traced forward read is
the one every run reads there. Switches that depend on the run are refused (a branch that switches; a loop that leaves
another flag than its first round began with). After a run the flags are what the script leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ..errors import OutdatedError, TorchFeatureError
from ..loc import Loc, caller_loc
from ..staging.constructs import Construct
from ..staging.context import Trace


@dataclass(frozen=True, slots=True)
class _Event:
    """A module was called with that flag, or switched to it; inside those constructs."""

    module: torch.nn.Module
    before: bool
    after: bool
    is_switch: bool
    constructs: tuple[Construct, ...]
    loc: Loc


class TrainingModes:
    """The training flags of the modules of one trace."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._events: dict[int, list[_Event]] = {}
        self._at_start: dict[torch.nn.Module, bool] = {}

    def note_call(self, module: torch.nn.Module) -> None:
        """The module's forward is traced now."""
        self._note(module, module.training, is_switch=False)

    def switch(self, module: torch.nn.Module, mode: bool) -> None:
        """The module and those in it are being switched; put back where this is traced again."""
        for inner in module.modules():
            self._at_start.setdefault(inner, inner.training)
            self._note(inner, mode, is_switch=True)
            if inner.training != mode:
                self._trace.on_undo(_setter(inner, inner.training))

    def flags(self) -> tuple[tuple[int, bool], ...]:
        """The present flags of the modules that were switched, by their identity."""
        return tuple((id(module), module.training) for module in self._at_start)

    def moment(self) -> Callable[[], None]:
        """Remember the present flags of the modules that were switched; the result brings them back."""
        flags = {module: module.training for module in self._at_start}

        def bring_back() -> None:
            for module, flag in flags.items():
                module.training = flag

        return bring_back

    def restore(self) -> None:
        """Tracing is over: until the first run, nothing has been switched."""
        for module, flag in self._at_start.items():
            module.training = flag

    def _note(self, module: torch.nn.Module, after: bool, *, is_switch: bool) -> None:
        events = self._events.setdefault(id(module), [])
        event = _Event(module, module.training, after, is_switch, tuple(self._trace.constructs), caller_loc())
        events.append(event)
        self._trace.on_undo(lambda: events.remove(event))

    def finish(self) -> None:
        """At the end of the trace."""
        for events in filter(None, self._events.values()):
            _check_constructs(events)
            first, last = events[0], events[-1]
            if not first.is_switch:
                self._trace.before_run.append(_checker(first.module, first.after))
            if any(event.is_switch for event in events):
                self._trace.after_run.append(_setter(last.module, last.after))


def _check_constructs(events: list[_Event]) -> None:
    for construct in {construct for event in events for construct in event.constructs}:
        inside = [event for event in events if construct in event.constructs]
        switches = [event for event in inside if event.is_switch]
        if not switches or switches[0].before == switches[-1].after:
            continue
        if construct.kind == "loop" and inside[0].is_switch:
            continue
        kind = type(switches[-1].module).__name__
        raise TorchFeatureError(
            f"train() or eval() of a `{kind}` in a staged {construct.kind} makes its mode depend on the run",
            loc=switches[-1].loc,
            hint="call train() or eval() at the start of the loop's body, before the module is used there",
        )


def _setter(module: torch.nn.Module, flag: bool) -> Callable[[], None]:
    def put() -> None:
        module.training = flag

    return put


def _checker(module: torch.nn.Module, flag: bool) -> Callable[[], None]:
    def check() -> None:
        if module.training != flag:
            raise OutdatedError(f"a `{type(module).__name__}` was compiled with training={flag}")

    return check
