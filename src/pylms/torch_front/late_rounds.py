"""Rounds of a loop for batches of a form that came while the compiled code runs (docs/adr/0022).

In: the loop's body, and the rounds that were traced for the forms known while staging. Out: IR that has Python run such
a round; and what Python does then: it stages the body for that form, from the loop's place in the trace, compiles
that as a function of its own, and calls it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from ..ad.rename import free_symbols, renamed_block
from ..errors import ArgumentError, StagingError
from ..ir.call_graph import with_call_effects, without_unused
from ..ir.node import Atom, Block, Function, Node, Sym
from ..ir.ops.variables import VAR_GET
from ..late import late_module
from ..loc import Loc
from ..staging.cells import Cell
from ..staging.constructs import Construct
from ..staging.containers.sites import Restart
from ..staging.decisions import Decision, Poison, Retrace
from ..staging.moment import Moment
from ..staging.reify import Staged
from ..staging.values import Leaf, TupleOf
from .batches import Batches, BatchForm
from .context import TorchContext
from .handed_over import HandedOver, begins_with_set, content_of
from .same_code import same_code

if TYPE_CHECKING:
    import logging
else:
    logging = late_module("logging")

_WHAT_TO_DO = "pad the batches to a few fixed shapes, or put samples of one shape into the same batches"


class LateRounds:
    """The rounds of one loop for forms that come late."""

    def __init__(
        self,
        context: TorchContext,
        batches: Batches,
        construct: Construct,
        trace_round: Callable[[BatchForm], Block],
        loc: Loc,
    ) -> None:
        """Made where the first round is about to be traced."""
        self._context = context
        self._batches = batches
        self._construct = construct
        self._trace_round = trace_round
        self._loc = loc
        self._moment = Moment(context.trace)
        self._around = context.trace.builder.open_scopes
        self._known: list[tuple[BatchForm, Block]] = []
        self._local: list[Cell] = []
        """Variables of the batch's shape: in a late round each is good only within it."""
        self._late: dict[int, Callable[..., Any]] = {}
        self._before_run: list[Callable[[], None]] = []
        self._after_run: list[Callable[[], None]] = []
        self._has_warned = False

    def emit(self, form: Atom, forms: Sequence[BatchForm], rounds: Sequence[Block]) -> None:
        """Hand a round to Python, which is told the number of the batch's form; `rounds` are those for known forms."""
        trace = self._context.trace
        self._known = list(zip(forms, rounds, strict=True))
        self._handed_over = HandedOver(self._context, rounds, self._loc)
        trace.before_run.append(lambda: _run_all(self._before_run))
        trace.after_run.append(lambda: _run_all(self._after_run))
        self._handed_over.emit_call(form, self._run)

    # During runs

    def _run(self, form: int, *numbers: Any) -> Sequence[object]:
        """A round: the numbers after it, and what it appended to lists."""
        late = self._late.get(form)
        if late is None:
            late = self._late[form] = self._compiled(form)
            self._warn_of_many()
        results: Sequence[object] = late(*numbers)
        return results

    def _compiled(self, form: int) -> Callable[..., Any]:
        trace = self._context.trace
        if self._handed_over.unknown:
            symbol = self._handed_over.unknown[0]
            what = f"`{symbol.name}`, a" if symbol.name else "a"
            self._refuse(form, f"{what} {content_of(symbol)}, cannot be handed to code for that shape")
        befores, afters = len(trace.before_run), len(trace.after_run)
        # A batch of that form may have come to another loop over the same batches: no code but those rounds reads it.
        own = {id(memory) for memory in self._batches.forms[form].memories}
        memory = {capture.symbol for capture in trace.captures.values() if id(capture.owner) not in own}
        staged = self._staged(form, memory)
        if trace.compile_late is None:
            self._refuse(form, "there is nothing to compile it with")
        for prepare in trace.before_run[befores:]:
            prepare()
        self._before_run += trace.before_run[befores:]
        self._after_run += trace.after_run[afters:]
        return trace.compile_late(staged)

    def _refuse(self, form: int, reason: str) -> NoReturn:
        raise ArgumentError(
            f"{self._batches.describe()} gave a batch of another shape, {self._batches.forms[form].describe()}, "
            f"while the loop ran: {reason}",
            loc=self._loc,
            hint=_WHAT_TO_DO,
        )

    def _warn_of_many(self) -> None:
        """Once for a loop: what so many shapes cost."""
        limit, forms = self._context.trace.options.shape_limit, self._batches.forms
        if self._has_warned or len(forms) <= limit:
            return
        self._has_warned = True
        logging.getLogger("pylms").warning(
            "%s:%d: %s has given batches of %d shapes: %s. Each is compiled by itself. To have fewer, %s. "
            "PYLMS_SHAPE_LIMIT is how many come without this warning.",
            self._loc.file,
            self._loc.line,
            self._batches.describe(),
            len(forms),
            ", ".join(form.describe() for form in forms),
            _WHAT_TO_DO,
        )

    # Staging a round

    def _staged(self, form: int, memory: set[Sym]) -> Staged:
        """The round for that form as a function. memory: the buffers of the program."""
        while True:
            with self._moment.again(), self._local_cells():
                try:
                    self._require_unchanged()
                    return self._function(form, memory)
                except Restart:
                    self._refuse(form, "for that shape a list or dict of the program would hold something else")
                except Retrace as retrace:
                    self._make_local(form, retrace.construct)

    def _make_local(self, form: int, construct: Construct) -> None:
        """A variable got another type than in the program: it becomes one of the round, if it is used there alone."""
        decided = construct.decisions.cells
        trace = self._context.trace
        cells = [trace.cell_born_at(birth) for birth, decision in decided.items() if decision is Decision.LOCAL]
        found = [cell for cell in cells if cell is not None and cell.variable is not None and cell not in self._local]
        for cell in found:
            if not self._is_of_rounds(cell):
                self._refuse(form, f"`{cell.name}` has the batch's shape, and is used after the round")
        if not found:
            self._refuse(form, "for that shape a variable of the program would hold something else")
        self._local += found

    def _is_of_rounds(self, cell: Cell) -> bool:
        """Whether each round gives the variable a value before it uses it, and nobody else uses it."""
        assert cell.variable is not None
        symbols = [*cell.variable.symbols, *([cell.variable.is_set] if cell.variable.is_set is not None else [])]
        rounds = [block for _, block in self._known]
        are_set_first = all(begins_with_set(block, symbol) for block in rounds for symbol in symbols)
        return are_set_first and not any(_is_read(symbols, scope.nodes, rounds) for scope in self._around)

    @contextmanager
    def _local_cells(self) -> Iterator[None]:
        """Within this, local variables have no value at the start of a round, and lose theirs at its end."""
        constructs = tuple(self._context.trace.constructs)
        before = [(set(construct.local_cells), dict(construct.decisions.cells)) for construct in constructs]
        for cell in self._local:
            cell.value, cell.variable = Poison(self._construct, cell.value), None
            for construct in self._context.trace.constructs_within(cell):
                construct.local_cells.add(cell)
                construct.decisions.cells[self._context.trace.birth_of(cell)] = Decision.LOCAL
        try:
            yield
        finally:
            for construct, (cells, decided) in zip(constructs, before, strict=True):
                construct.local_cells = cells
                construct.decisions.cells = decided

    def _require_unchanged(self) -> None:
        """A located error where the body would not become now what it became then: nothing is known of it."""
        known, before = self._known[0]
        if self._local or same_code(before, self._trace_round(known), self._moment.symbols_made):
            return
        raise StagingError(
            "the body of this loop cannot be staged again for another shape: what it does depends on what came "
            "after it while staging",
            loc=self._loc,
            hint=_WHAT_TO_DO,
        )

    def _function(self, form: int, memory: set[Sym]) -> Staged:
        trace, over = self._context.trace, self._handed_over
        params = over.parameters()
        with trace.builder.block(params) as scope:
            inside = over.begin(params)
            round_ = self._trace_round(self._batches.forms[form])
            misfit = over.misfit(round_, memory.__contains__)
            if misfit is not None:
                what = f"`{misfit.name}`" if misfit.name else "a value"
                self._refuse(form, f"for that shape the loop's body uses {what} in another way than for the others")
            scope.nodes.extend(renamed_block(round_, inside).nodes)
            results = over.end(inside)
        block = scope.finish(results)
        used = set(free_symbols(Block(tuple(params), block.nodes, block.results)))
        captures = tuple([capture for capture in trace.captures.values() if capture.symbol in used])
        body = Block((*params, *[capture.symbol for capture in captures]), block.nodes, block.results)
        callees = tuple([native.function for native in trace.natives if native.function is not None])
        function = Function(f"{trace.name}_form_{form}", body, self._loc, len(captures), callees)
        return Staged(
            with_call_effects(without_unused(function)),
            TupleOf(tuple([Leaf(result.type) for result in results]), tuple, "tuple"),
            captures,
            tuple(trace.host_functions),
            (),
            (),
            written=(False,) * len(params),
            overlap=None,
        )


def _run_all(actions: Sequence[Callable[[], None]]) -> None:
    for action in actions:
        action()


def _is_read(symbols: Sequence[Sym], nodes: Sequence[Node], rounds: Sequence[Block]) -> bool:
    """Whether nodes outside the rounds look at one of these variables."""
    return any(
        (node.primitive is VAR_GET and node.args[0] in symbols)
        or any(
            _is_read(symbols, block.nodes, rounds) for block in node.blocks if not any(block is each for each in rounds)
        )
        for node in nodes
    )
