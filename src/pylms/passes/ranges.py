"""Range analysis: which of Python's checks surely pass (DESIGN D7).

In: a function in SSA form. Out: `decisions` about its nodes: the value that a result surely has (for a check: True), or
attributes that say what cannot happen. One walk in program order carries `Facts` along: what operations tell of their
results (`ranges_rules`), what conditions imply where they hold, what checks that passed have shown. Loops are walked
until what is guessed of the values they carry is verified (`ranges_induction`); a decision is what the last walk over
its node, which is under verified guesses, says.
"""

from __future__ import annotations

from collections.abc import Callable

from ..ir.node import Atom, Block, Function, Node, Sym, walk
from ..ir.ops.array_nests import ARRAY_UPDATE, NESTS
from ..ir.ops.control import FINALLY, FOR, IF, UPWARDS, WHILE
from . import ranges_rules_arrays, ranges_rules_integers  # noqa: F401 - each fills the table of rules
from .parallel_loops import is_parallel
from .ranges_conditions import Conditions
from .ranges_facts import LARGEST, Interval, is_integer
from .ranges_induction import INDEX, Induction, Values
from .ranges_joins import Arm, arm, join
from .ranges_polynomials import equate
from .ranges_rules import Decision, range_rules

# Walks over one loop; then nothing is guessed any more.
_ROUNDS = 10
_NARROWINGS = 2
# Looks at nodes that all is to cost: so many for each node of a small function, so many more than four times their
# number of a large one. Whoever listens to loops (`on_loop`) may use up half; in the end nothing is guessed any more.
_VISITS_OF_A_NODE = 24
_VISITS = 60_000


class Ranges(Conditions):
    """One analysis of one function."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.decisions: dict[Node, Decision] = {}
        self._inductions: dict[Node, Induction] = {}
        self._is_deciding = True
        self._in_scope: set[Sym] = set()
        self.on_loop: Callable[[Node], None] | None = None
        self.on_node: Callable[[Node], None] | None = None
        size = sum(1 for _ in walk(function.body))
        self._visits_left = min(_VISITS_OF_A_NODE * (size + 100), 4 * size + _VISITS)
        self._visits_kept = self._visits_left // 2
        self._control = {IF: self._branch, WHILE: self.loop, FOR: self.loop, FINALLY: self._finally}
        self._control.update(dict.fromkeys(NESTS, self._nest))

    # ---- the walk

    def enter(self, block: Block) -> None:
        """The parameters of a block that is to be walked begin."""
        for param in block.params:
            self.facts.introduce(param)

    def block(self, block: Block) -> None:
        """Its nodes in order."""
        in_scope = self._in_scope
        in_scope.update(block.params)
        for node in block.nodes:
            self.node(node)
            in_scope.update(node.results)
        in_scope.difference_update(block.params)
        for node in block.nodes:
            in_scope.difference_update(node.results)

    def is_in_scope(self, symbol: Sym) -> bool:
        """Whether nodes at this point may use a value."""
        return symbol in self._in_scope

    def node(self, node: Node) -> None:
        """What the node tells, and what is decided about it."""
        self._visits_left -= 1
        for result in node.results:
            self.definitions[result] = node
            self.facts.introduce(result)
        if node.blocks:
            self._control.get(node.primitive, self._other)(node)
            return
        if node.primitive not in range_rules:
            return
        if self.on_node is not None:
            self.on_node(node)
        decision = range_rules[node.primitive](self, node)
        if not self._is_deciding:
            return
        if decision is None:
            self.decisions.pop(node, None)
        else:
            self.decisions[node] = decision

    def _other(self, node: Node) -> None:
        """Blocks of which nothing is known but that they may run."""
        for block in node.blocks:
            mark = self.facts.mark()
            self.enter(block)
            self.block(block)
            self.facts.undo(mark)

    def _nest(self, node: Node) -> None:
        """Indices lie within the extents; of the array that is written, those are not at hand."""
        (block,) = node.blocks
        mark = self.facts.mark()
        self.enter(block)
        for index, extent in zip(block.params, () if node.primitive is ARRAY_UPDATE else node.args, strict=False):
            self.facts.relate(index, extent, -1)
        for index in block.params:
            self.facts.restrict(index, 0, LARGEST)
        self.block(block)
        self.facts.undo(mark)

    def _finally(self, node: Node) -> None:
        """The cleanup runs however the body was left, so it knows nothing of the body."""
        body, cleanup = node.blocks
        mark = self.facts.mark()
        self.block(cleanup)
        self.facts.undo(mark)
        self.block(body)
        for result, value in zip(node.results, body.results, strict=True):
            equate(result, value, self.facts)

    def again(self, block: Block) -> None:
        """Learn anew what a block that has run just now tells; loops within are left out."""
        if self._visits_left < 0:
            return
        was_deciding, self._is_deciding = self._is_deciding, False
        for node in block.nodes:
            if node.primitive in (WHILE, FOR):
                for result in node.results:
                    self.facts.introduce(result)
            else:
                self.node(node)
        self._is_deciding = was_deciding

    # ---- branches

    def _branch(self, node: Node) -> None:
        (condition,) = node.args
        facts, since = self.facts, self.facts.next_order
        arms: list[Arm | None] = []
        for block, truth in zip(node.blocks, (True, False), strict=True):
            mark = facts.mark()
            self.assume(condition, truth)
            self.block(block)
            if arms == [None]:
                # The first side is never left by its end (it raises), so the second one ran: all it tells holds on.
                for result, value in zip(node.results, block.results, strict=True):
                    equate(result, value, facts)
                return
            arms.append(arm(block.results, since, facts))
            facts.undo(mark)
        if arms[1] is None:
            self.assume(condition, True)
        join(node.results, arms, facts)

    def choose(self, result: Sym, condition: Atom, arms: tuple[Atom, Atom]) -> None:
        """The result is one of two values."""
        known: list[Arm | None] = []
        since = self.facts.next_order
        for value, truth in zip(arms, (True, False), strict=True):
            mark = self.facts.mark()
            self.assume(condition, truth)
            known.append(arm((value,), since, self.facts))
            self.facts.undo(mark)
        join((result,), known, self.facts)

    # ---- loops

    def loop(self, node: Node) -> None:
        """Guess what holds of the carried values, and walk until it is verified; then say what holds afterwards."""
        facts = self.facts
        is_for = node.primitive is FOR
        start = node.args[0] if is_for else None
        initial = Values(node.args[3:] if is_for else node.args, start)
        induction = self._inductions.get(node)
        if is_parallel(node):
            # Threads start anew from values that are not the ones the loop is given.
            induction = self._inductions[node] = Induction.nothing(initial)
        if induction is None:
            induction = self._inductions[node] = Induction.guess(initial, facts)
        walk_once = self._for_once if is_for else self._while_once
        narrowings = rounds = 0
        while True:
            rounds += 1
            if rounds > _ROUNDS or self._visits_left < 0:
                induction = self._inductions[node] = Induction.nothing(initial)
            induction.begin(initial, facts)
            mark, since = facts.mark(), facts.next_order
            before, after, trips = walk_once(node, induction)
            is_verified = facts.is_dead or induction.verify(before, after, trips, facts)
            narrower = False
            may_narrow = narrowings < _NARROWINGS and self._visits_left >= 0 and not is_parallel(node)
            if is_verified and not facts.is_dead and may_narrow:
                narrowings += 1
                narrower = rounds < _ROUNDS and induction.narrow(
                    initial=initial, before=before, after=after, trips=trips, facts=facts, since=since
                )
            facts.undo(mark)
            if is_verified and not narrower:
                break
        if is_for and self._is_deciding:
            self._decide_direction(node)
        if self.on_loop is not None and self._is_deciding:
            self.on_loop(node)
        self._afterwards(node, initial, induction)

    @property
    def may_try(self) -> bool:
        """Whether there is budget for more than the analysis itself."""
        return self._visits_left > self._visits_kept

    def once_more(self, loop: Node, on_node: Callable[[Node], None]) -> None:
        """Walk over a loop whose guesses are verified, to show each node before it is looked at; nothing is decided."""
        facts = self.facts
        was_deciding, self._is_deciding = self._is_deciding, False
        self.on_node = on_node
        mark = facts.mark()
        (self._for_once if loop.primitive is FOR else self._while_once)(loop, self._inductions[loop])
        facts.undo(mark)
        self.on_node, self._is_deciding = None, was_deciding

    def decided_under(self, loop: Node, assume: Callable[[], None]) -> dict[Node, Decision]:
        """What would be decided about a loop and the nodes within if something were known before it."""
        facts = self.facts
        outer, self.decisions = self.decisions, {}
        inductions, self._inductions = self._inductions, {}
        on_loop, self.on_loop = self.on_loop, None
        mark = facts.mark()
        assume()
        self.loop(loop)
        facts.undo(mark)
        found, self.decisions = self.decisions, outer
        self._inductions, self.on_loop = inductions, on_loop
        return found

    def _for_once(self, node: Node, induction: Induction) -> tuple[Values, Values, int | None]:
        """One walk over a body; what the positions stand for in it and after it, and how often it runs at most."""
        facts = self.facts
        start, stop, step = node.args[:3]
        (body,) = node.blocks
        trips = self._trips(start, stop, step)
        self.enter(body)
        index = body.params[0]
        step_low, step_high = facts.interval(step)
        if step_low > 0:
            facts.relate(start, index, 0)
            facts.relate(index, stop, -1)
        elif step_high < 0:
            facts.relate(index, start, 0)
            facts.relate(stop, index, -1)
        before = Values(body.params[1:], index)
        induction.assume(before, facts)
        induction.assume_in_body(before, facts)
        self.block(body)
        if step_low == step_high:
            return before, Values(body.results, index, step_low), trips
        return before, Values(body.results), trips

    def _decide_direction(self, node: Node) -> None:
        """Whether a step that is known to the run only counts upwards, with no overflow at the end."""
        _start, stop, step = node.args[:3]
        low, high = self.facts.interval(step)
        if isinstance(step, Sym) and low > 0 and self.facts.interval(stop)[1] + high - 1 <= LARGEST:
            self.decisions[node] = (UPWARDS,)
        else:
            self.decisions.pop(node, None)

    def _trips(self, start: Atom, stop: Atom, step: Atom) -> int | None:
        """How often a `for` runs at most."""
        step_low, step_high = self.facts.interval(step)
        if step_low > 0:
            distance, stride = self.facts.distance(stop, start), step_low
        elif step_high < 0:
            distance, stride = self.facts.distance(start, stop), -step_high
        else:
            return None
        return None if distance is None else max(0, -(-distance // stride))

    def _while_once(self, node: Node, induction: Induction) -> tuple[Values, Values, int | None]:
        facts = self.facts
        condition, body = node.blocks
        begins = [facts.interval(value) if is_integer(value) else None for value in node.args]
        self.enter(condition)
        at_condition = Values(condition.params)
        induction.assume(at_condition, facts)
        self.block(condition)
        self.assume(condition.results[0], True)
        # Before anything is assumed that counts iterations: this is what the number of iterations follows from.
        reaches = [facts.interval(param) if is_integer(param) else None for param in condition.params]
        self.enter(body)
        for param, same in zip(body.params, condition.params, strict=True):
            equate(param, same, facts)
        before = Values(body.params)
        induction.assume_in_body(before, facts)
        self.block(body)
        counts = [
            self._count(begin, reach, param, result)
            for begin, reach, param, result in zip(begins, reaches, body.params, body.results, strict=True)
            if begin is not None and reach is not None
        ]
        known = [count for count in counts if count is not None]
        return before, Values(body.results), min(known, default=None)

    def _count(self, begin: Interval, reach: Interval, param: Sym, result: Atom) -> int | None:
        """How often a loop runs at most whose body moves a value that the condition bounds."""
        facts = self.facts
        back, forth = facts.distance(param, result), facts.distance(result, param)
        counts: list[int] = []
        if back is not None and back < 0:
            counts.append((reach[1] - begin[0]) // -back + 1)
        if forth is not None and forth < 0:
            counts.append((begin[1] - reach[0]) // -forth + 1)
        return max(0, min(counts)) if counts else None

    def _afterwards(self, node: Node, initial: Values, induction: Induction) -> None:
        """What holds of the results: the guesses, that the condition has failed, and how far they moved."""
        facts = self.facts
        results = Values(node.results)
        induction.assume(results, facts)
        induction.relate_to_start(results, initial, facts)
        if node.primitive is FOR:
            self._after_counting(node, induction)
            return
        (condition, _body) = node.blocks
        self.enter(condition)
        for param, result in zip(condition.params, node.results, strict=True):
            equate(param, result, facts)
        self.again(condition)
        self.assume(condition.results[0], False)

    def _after_counting(self, node: Node, induction: Induction) -> None:
        """Relations to the index, which has reached the stop, and passed it by less than a step."""
        facts = self.facts
        start, stop, step = node.args[:3]
        (low, high) = facts.interval(step)
        if low != high or low <= 0:
            return
        for relation in induction.relations:
            if relation.left == INDEX and isinstance(relation.right, int):
                facts.relate(stop, node.results[relation.right], relation.bound)
            elif relation.right == INDEX and isinstance(relation.left, int) and facts.is_at_most(start, stop, low - 1):
                facts.relate(node.results[relation.left], stop, relation.bound + low - 1)
