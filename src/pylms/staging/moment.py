"""Points of a trace from which tracing goes on when the trace is over: a loop's body, for a shape that comes late.

In: a trace, at the start of a loop's body. Out: a `Moment`; `again` brings back what the trace knew then, traces, and
takes that back. What is brought back is listed here: cells, open blocks and constructs, counts, what the front adds.
Whoever traces again compares what comes of the same body with what came of it then.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .context import Trace, tracing


class Moment:
    """What a trace knows at a point of the program."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._known = _Known(trace)
        self.symbols_made = trace.builder.symbols_made

    @contextmanager
    def again(self) -> Iterator[None]:
        """Trace what comes next from here. Afterwards only memory captured and functions to call are left of it."""
        trace = self._trace
        after = _Known(trace)
        with tracing(trace), trace.front.resumed(trace), trace.builder.reopened(self._known.scopes):
            restore_front = trace.front.snapshot(trace)
            undo_length = len(trace.undo_log)
            trace.is_running = True
            self._known.bring_back(trace)
            try:
                yield
            finally:
                trace.undo_to(undo_length)
                after.bring_back(trace)
                restore_front()


class _Known:
    """The state of a trace that tracing moves on."""

    def __init__(self, trace: Trace) -> None:
        self.scopes = trace.builder.open_scopes
        self._constructs = tuple(trace.constructs)
        self._activations = tuple(trace.activations)
        self._decisions = dict(trace.decisions)
        self._cells = [(cell, cell.value, cell.variable) for cell in trace.known_cells()]
        self._counters: dict[str, Any] = {name: getattr(trace, name) for name in ("clock", "emitted_loops")}
        self._places = trace.places()
        self._restore_front = trace.front.moment(trace)

    def bring_back(self, trace: Trace) -> None:
        trace.constructs[:] = self._constructs
        trace.activations[:] = self._activations
        for cell, value, variable in self._cells:
            cell.value, cell.variable = value, variable
        for name, value in self._counters.items():
            setattr(trace, name, value)
        trace.set_places(self._places)
        self._restore_front()
        # What was decided about constructs within the body holds for the shape that they were traced with.
        open_decisions = [construct.decisions for construct in self._constructs]
        trace.decisions = {
            place: known for place, known in self._decisions.items() if any(known is each for each in open_decisions)
        }
