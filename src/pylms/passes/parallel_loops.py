"""What a parallel loop may carry from round to round: sums, products, extremes, and nothing else.

In: a `for` marked `parallel`, its variables promoted. Out: for each carried value how partial results of it combine; or
a located error for a loop whose rounds depend on each other, or that does what one thread only may.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from ..errors import StagedTypeError
from ..ir.node import Atom, Block, Function, Node, Sym, walk
from ..ir.ops.arithmetic import ADD, GE, GT, LE, LOGICAL_AND, LOGICAL_OR, LT, MAXIMUM, MINIMUM, MUL, SELECT
from ..ir.ops.array_nests import ARRAY_BUILD
from ..ir.ops.arrays import ARRAY_NEW
from ..ir.ops.control import FOR, IF
from ..ir.ops.functions import CALL
from ..ir.ops.host import HOST_CALL, PRINT
from ..ir.ops.tapes import TAPE_NEW, TAPE_PUSH
from ..ir.primitive import Primitive
from ..ir.types import ScalarType

Combination = Literal["sum", "product", "least", "greatest", "and", "or"]

_CHAINED: dict[Primitive, Combination] = {
    ADD: "sum",
    MUL: "product",
    MINIMUM: "least",
    MAXIMUM: "greatest",
    LOGICAL_AND: "and",
    LOGICAL_OR: "or",
}
_FORBIDDEN = {
    PRINT: "prints",
    HOST_CALL: "calls Python",
    CALL: "calls a native function",
    ARRAY_NEW: "allocates an array",
    ARRAY_BUILD: "allocates an array",
    TAPE_NEW: "computes a gradient of loops or calls",
    TAPE_PUSH: "holds what is differentiated through loops or calls",
}


@dataclass(frozen=True)
class CheckParallelLoops:
    """Refuses parallel loops whose rounds are not independent."""

    name: ClassVar[str] = "check_parallel_loops"

    def run(self, function: Function) -> Function:
        for node in walk(function.body):
            if is_parallel(node):
                combinations(node)
        return function


def is_parallel(node: Node) -> bool:
    """Whether the rounds of a loop run on several threads."""
    return node.primitive is FOR and ("parallel", True) in node.attrs


def combinations(loop: Node) -> tuple[Combination, ...]:
    """How the partial results of each carried value combine. StagedTypeError where a loop cannot be parallel."""
    (body,) = loop.blocks
    for node in walk(body):
        if node.primitive in _FORBIDDEN or is_parallel(node):
            what = _FORBIDDEN.get(node.primitive, "holds another parallel loop")
            raise StagedTypeError(
                f"a parallel loop {what}, which one thread only may",
                loc=node.loc,
                hint="take it out of the loop, or leave out parallel=True",
            )
    found = []
    carried = _Carried(body)
    for param, result in zip(body.params[1:], body.results, strict=True):
        combination = carried.combination(param, result)
        if combination is None:
            name = f"`{param.name}`" if param.name else "a value"
            raise StagedTypeError(
                f"the rounds of a parallel loop depend on each other: each changes {name} that the next one reads",
                loc=loop.loc,
                hint="sums, products, minima and maxima may be carried; leave out parallel=True for anything else",
            )
        found.append(combination)
    return tuple(found)


class _Carried:
    """The uses and definitions in one loop's body."""

    def __init__(self, body: Block) -> None:
        self._definitions: dict[Sym, Node] = {}
        self._uses: Counter[Sym] = Counter()
        for node in walk(body):
            self._definitions.update(dict.fromkeys(node.results, node))
        for atom in _atoms_used(body):
            self._uses[atom] += 1

    def combination(self, param: Sym, result: Atom) -> Combination | None:
        """The one operation by which a round changes the value; None where there is none, or it is used otherwise."""
        if not isinstance(param.type, ScalarType):
            return None
        kinds: set[Combination] = set()
        uses: Counter[Sym] = Counter()
        if not self._follow(result, param, kinds, uses) or len(kinds) != 1:
            return None
        # Whoever else looked at the value, or at what it is on the way, would see another than in Python.
        if any(self._uses[symbol] != count for symbol, count in uses.items()):
            return None
        return kinds.pop()

    def _follow(self, atom: Atom, param: Sym, kinds: set[Combination], uses: Counter[Sym]) -> bool:
        """Whether `atom` is the carried value with operations of some kinds applied."""
        if not isinstance(atom, Sym):
            return False
        uses[atom] += 1
        if atom is param:
            return True
        node = self._definitions.get(atom)
        if node is None:
            return False
        if node.primitive in _CHAINED and node.args[0].type == param.type:
            kinds.add(_CHAINED[node.primitive])
            inner = [arg for arg in node.args if self._depends(arg, param)]
            return len(inner) == 1 and self._follow(inner[0], param, kinds, uses)
        if node.primitive in (SELECT, IF):
            return self._follow_choice(node, node.results.index(atom), param, kinds, uses)
        return False

    def _follow_choice(self, node: Node, index: int, param: Sym, kinds: set[Combination], uses: Counter[Sym]) -> bool:
        condition = node.args[0]
        sides = node.args[1:] if node.primitive is SELECT else tuple(block.results[index] for block in node.blocks)
        extreme = self._extreme(condition, sides, param)
        if extreme is not None:
            kinds.add(extreme)
            uses[param] += 2
            return True
        if self._depends(condition, param):
            return False
        return all(self._follow(side, param, kinds, uses) for side in sides)

    def _extreme(self, condition: Atom, sides: tuple[Atom, ...], param: Sym) -> Combination | None:
        """`x if x < least else least` and the like, however it is turned."""
        comparison = self._definitions.get(condition) if isinstance(condition, Sym) else None
        if comparison is None or comparison.primitive not in (LT, LE, GT, GE) or param not in sides:
            return None
        candidate = sides[1] if sides[0] is param else sides[0]
        if set(comparison.args) != {candidate, param} or self._depends(candidate, param):
            return None
        # Which of the two is taken where the condition holds, and whether it is then the smaller one.
        first_is_less = comparison.primitive in (LT, LE)
        taken_is_first = comparison.args[0] == sides[0]
        return "least" if first_is_less == taken_is_first else "greatest"

    def _depends(self, atom: Atom, param: Sym) -> bool:
        """Whether computing the atom takes the carried value."""
        pending, seen = [atom], set[Sym]()
        while pending:
            current = pending.pop()
            if current is param:
                return True
            if not isinstance(current, Sym) or current in seen:
                continue
            seen.add(current)
            node = self._definitions.get(current)
            if node is not None:
                pending.extend(node.args)
                pending.extend(used for block in node.blocks for used in _atoms_used(block))
        return False


def _atoms_used(block: Block) -> Iterator[Sym]:
    for node in walk(block):
        yield from (arg for arg in node.args if isinstance(arg, Sym))
        for inner in node.blocks:
            yield from (result for result in inner.results if isinstance(result, Sym))
    yield from (result for result in block.results if isinstance(result, Sym))
