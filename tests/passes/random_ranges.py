"""Random functions of integers, arrays and loops with Python's checks, and the strict law: what may fail stays."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from pylms.ir.builder import Builder
from pylms.ir.evaluate_rules import Value
from pylms.ir.interpret import Interpreter
from pylms.ir.node import Atom, AttributeValue, Block, Const, Function, Sym
from pylms.ir.ops import arithmetic as ops
from pylms.ir.ops.arrays import (
    ARRAY_DIM,
    ARRAY_LOAD,
    ARRAY_NEW,
    ARRAY_SLICE,
    ARRAY_STORE,
    IN_BOUNDS,
    NORMALIZE_INDEX,
)
from pylms.ir.ops.control import CHECK, FOR, IF, WHILE
from pylms.ir.ops.host import PRINT
from pylms.ir.ops.integers import BIT_LENGTH, BITWISE, INVERT, SHIFTS
from pylms.ir.primitive import Primitive
from pylms.ir.printer import print_function
from pylms.ir.types import BOOL, INT, INT8, INT64, UINT8, UINT64, ArrayType, Region, ScalarType
from pylms.ir.verify import verify
from pylms.loc import Loc
from pylms.passes.base import Pass
from tests.passes.random_functions import Recorder

LOC = Loc("random.py", 1)
ARRAY = ArrayType(INT64, 1, True, Region(0))
SMALL = (0, 0, 1, 1, 1, 2, 2, 3, 4, 5, 7, -1, -1, -2, -3)
EDGES = (2**31, 2**62, -(2**62), 2**63 - 1, 2**63 - 2, -(2**63), -(2**63) + 1)
NARROW = (INT8, UINT8, UINT64)
_LONGEST_RUN = 3000


class TooLong(Exception):
    """A run that goes on for long, or for ever."""


class Limited(Interpreter):
    """Raises `TooLong` after so many blocks."""

    blocks = 0
    limit = _LONGEST_RUN

    def run_block(self, block: Block, args: Sequence[Value]) -> tuple[Value, ...]:
        self.blocks += 1
        if self.blocks > self.limit:
            raise TooLong
        return super().run_block(block, args)


class Maker:
    """Appends random statements to a builder, in SSA form."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.builder = Builder()
        self.arrays: list[Sym] = []

    def function(self, size: int) -> Function:
        params = [self.builder.fresh(INT, name) for name in ("n", "m")]
        array = self.builder.fresh(ARRAY, "a")
        self.arrays = [array]
        with self.builder.block((*params, array)) as body:
            ints: list[Atom] = [*params]
            ints.append(self.emit(ARRAY_DIM, (array,), axis=0))
            self.statements(ints, size, 3)
            return Function("random", body.finish([self.atom(ints) for _ in range(3)]), LOC)

    def emit(self, primitive: Primitive, args: Sequence[Atom], **attrs: AttributeValue) -> Sym:
        (result,) = self.builder.emit(primitive, args, loc=LOC, attrs=attrs)
        return result

    def atom(self, ints: Sequence[Atom]) -> Atom:
        draw = self.chance.random()
        if draw < 0.75:
            return self.chance.choice(ints[-5:] if draw < 0.5 else ints)
        return Const(self.chance.choice(SMALL if draw < 0.96 else EDGES), INT)

    def statements(self, ints: list[Atom], size: int, depth: int) -> None:
        for _ in range(self.chance.randint(1, size)):
            draw = self.chance.random()
            if depth and draw < 0.35:
                self.chance.choice((self.branch, self.for_loop, self.while_loop))(ints, size, depth - 1)
            elif draw < 0.65:
                self.arithmetic(ints)
            elif draw < 0.85:
                self.access(ints)
            else:
                self.chance.choice((self.select, self.narrow, self.guard, self.show))(ints)

    def arithmetic(self, ints: list[Atom]) -> None:
        left, right = self.atom(ints), self.atom(ints)
        binary = (ops.ADD, ops.ADD, ops.SUB, ops.SUB, ops.MUL, ops.FLOORDIV, ops.MOD, ops.MINIMUM, ops.MAXIMUM)
        if self.chance.random() < 0.15:
            self.bits(ints, left, right)
            return
        primitive = self.chance.choice((*binary, ops.NEG, ops.ABS))
        if primitive in (ops.FLOORDIV, ops.MOD) and self.chance.random() < 0.7:
            right = Const(self.chance.choice((1, 2, 2, 3, -1, -2, 4)), INT)
        ints.append(self.emit(primitive, (left,) if primitive in (ops.NEG, ops.ABS) else (left, right)))
        if primitive is ops.ADD and self.chance.random() < 0.2:
            ints.append(self.emit(ops.FLOORDIV, (ints[-1], Const(2, INT))))

    def bits(self, ints: list[Atom], left: Atom, right: Atom) -> None:
        if self.chance.random() < 0.5:
            right = Const(self.chance.choice((0, 1, 3, 7, 15, 62)), INT)
        if self.chance.random() < 0.2:
            ints.append(self.emit(self.chance.choice((INVERT, BIT_LENGTH)), (left,)))
        else:
            ints.append(self.emit(self.chance.choice((*BITWISE[:3], *SHIFTS)), (left, right)))

    def condition(self, ints: Sequence[Atom]) -> Atom:
        comparison = self.emit(self.chance.choice(ops.COMPARISONS), (self.atom(ints), self.atom(ints)))
        draw = self.chance.random()
        if draw < 0.15:
            return self.emit(ops.LOGICAL_NOT, (comparison,))
        if draw < 0.3:
            other = self.condition(ints)
            return self.emit(self.chance.choice((ops.LOGICAL_AND, ops.LOGICAL_OR)), (comparison, other))
        if draw < 0.45:
            return self.short_circuit(ints, comparison)
        return comparison

    def short_circuit(self, ints: Sequence[Atom], first: Atom) -> Atom:
        is_and = self.chance.random() < 0.5
        inner, arrays = list(ints), list(self.arrays)
        with self.builder.block() as block:
            if self.chance.random() < 0.5:
                self.access(inner)
            computed = block.finish((self.condition(inner),))
        self.arrays = arrays
        with self.builder.block() as block:
            known = block.finish((Const(not is_and, BOOL),))
        blocks = (computed, known) if is_and else (known, computed)
        return self.builder.emit(IF, (first,), loc=LOC, blocks=blocks)[0]

    def select(self, ints: list[Atom]) -> None:
        ints.append(self.emit(ops.SELECT, (self.condition(ints), self.atom(ints), self.atom(ints))))

    def narrow(self, ints: list[Atom]) -> None:
        type_: ScalarType = self.chance.choice(NARROW)
        narrow = self.emit(ops.CONVERT, (self.atom(ints),), dtype=type_)
        if self.chance.random() < 0.5:
            other = self.emit(ops.CONVERT, (self.atom(ints),), dtype=type_)
            narrow = self.emit(self.chance.choice((ops.ADD, ops.SUB, ops.MUL, ops.FLOORDIV)), (narrow, other))
        ints.append(self.emit(ops.CONVERT, (narrow,), dtype=INT))

    def guard(self, ints: list[Atom]) -> None:
        attrs = {"error": "ValueError", "message": f"guard {self.chance.randrange(1000)}"}
        self.builder.emit(CHECK, (self.condition(ints),), loc=LOC, attrs=attrs)

    def show(self, ints: list[Atom]) -> None:
        self.builder.emit(PRINT, (self.atom(ints),), loc=LOC, attrs={"format": "{} "})

    def access(self, ints: list[Atom]) -> None:
        if self.chance.random() < 0.1:
            self.memory(ints)
        array = self.chance.choice(self.arrays)
        index = self.atom(ints)
        extent = self.emit(ARRAY_DIM, (array,), axis=0)
        ints.append(extent)
        holds = self.emit(IN_BOUNDS, (index, extent))
        attrs = {"error": "IndexError", "message": f"access {self.chance.randrange(1000)}"}
        self.builder.emit(CHECK, (holds,), loc=LOC, attrs=attrs)
        place = self.emit(NORMALIZE_INDEX, (index, extent))
        if self.chance.random() < 0.5:
            value = self.emit(ops.CONVERT, (self.atom(ints),), dtype=INT64)
            self.builder.emit(ARRAY_STORE, (array, value, place), loc=LOC)
        else:
            ints.append(self.emit(ops.CONVERT, (self.emit(ARRAY_LOAD, (array, place)),), dtype=INT))
        ints.append(place)

    def memory(self, ints: list[Atom]) -> None:
        """An array in place of another: the rest of the block may use it, and the blocks after it must not."""
        bounded = self.emit(ops.MINIMUM, (self.atom(ints), Const(4, INT)))
        extent = self.emit(ops.MAXIMUM, (bounded, Const(0, INT)))
        if self.chance.random() < 0.5:
            array = self.emit(ARRAY_NEW, (extent,), dtype=INT64, region=1)
        else:
            old = self.arrays[0]
            length = self.emit(ops.MINIMUM, (extent, self.emit(ARRAY_DIM, (old,), axis=0)))
            attrs: dict[str, AttributeValue] = {"axis": 0, "unit_step": True}
            array = self.emit(ARRAY_SLICE, (old, Const(0, INT), length, Const(1, INT)), **attrs)
        self.arrays.append(array)
        ints.append(extent)

    def nested(self, ints: list[Atom], size: int, depth: int, results: int) -> list[Atom]:
        """Statements in an open block, and what it gives."""
        arrays = list(self.arrays)
        self.statements(ints, size, depth)
        self.arrays = arrays
        return [self.atom(ints) for _ in range(results)]

    def branch(self, ints: list[Atom], size: int, depth: int) -> None:
        condition, count, blocks = self.condition(ints), self.chance.randint(0, 2), []
        for _ in range(2):
            with self.builder.block() as block:
                if self.chance.random() < 0.1:
                    attrs = {"error": "ValueError", "message": "raised"}
                    self.builder.emit(CHECK, (Const(False, BOOL),), loc=LOC, attrs=attrs)
                blocks.append(block.finish(self.nested(list(ints), size, depth, count)))
        ints.extend(self.builder.emit(IF, (condition,), loc=LOC, blocks=blocks))

    def carried(self, ints: list[Atom]) -> tuple[list[Atom], list[Sym]]:
        initial = [self.atom(ints) for _ in range(self.chance.randint(0, 3))]
        return initial, [self.builder.fresh(INT) for _ in initial]

    def stepped(self, params: Sequence[Sym], inner: list[Atom], results: list[Atom]) -> list[Atom]:
        """Some carried values go on by small steps, or stay."""
        for position, param in enumerate(params):
            draw = self.chance.random()
            if draw < 0.5:
                primitive = self.chance.choice((ops.ADD, ops.ADD, ops.SUB))
                change = Const(self.chance.choice((1, 1, 2, 3)), INT) if draw < 0.35 else self.atom(inner)
                results[position] = self.emit(primitive, (param, change))
            elif draw < 0.6:
                results[position] = param
        return results

    def for_loop(self, ints: list[Atom], size: int, depth: int) -> None:
        initial, params = self.carried(ints)
        start, stop = self.atom(ints), self.atom(ints)
        step = Const(self.chance.choice((1, 1, 1, 2, 3, -1, -2)), INT)
        index = self.builder.fresh(INT)
        with self.builder.block((index, *params)) as block:
            inner: list[Atom] = [*ints, *params, index]
            results = self.nested(inner, size, depth, len(params))
            body = block.finish(self.stepped(params, inner, results))
        ints.extend(self.builder.emit(FOR, (start, stop, step, *initial), loc=LOC, blocks=(body,)))

    def while_loop(self, ints: list[Atom], size: int, depth: int) -> None:
        initial, conditions = self.carried(ints)
        with self.builder.block(conditions) as block:
            condition = block.finish((self.condition([*ints, *conditions, *conditions]),))
        params = [self.builder.fresh(INT) for _ in initial]
        with self.builder.block(params) as block:
            inner: list[Atom] = [*ints, *params]
            results = self.nested(inner, size, depth, len(params))
            body = block.finish(self.stepped(params, inner, results))
        ints.extend(self.builder.emit(WHILE, initial, loc=LOC, blocks=(condition, body)))


def outcome(function: Function, numbers: Sequence[int], length: int, patience: int = 1) -> tuple[object, ...]:
    """All that a run shows, with the very message of an error. Raises `TooLong`."""
    host, array = Recorder(), np.arange(length, dtype=np.int64) * 3 - 4
    interpreter = Limited(host, {})
    interpreter.limit *= patience
    shown: object
    with np.errstate(all="ignore"):
        try:
            shown = interpreter.run_block(function.body, (*numbers, array))
        except (ArithmeticError, ValueError, IndexError) as raised:
            shown = (type(raised).__name__, str(raised))
    return shown, host.text, array.tolist()


def arguments(chance: random.Random) -> tuple[tuple[int, int], int]:
    """Two numbers, and the length of the array."""
    numbers = [chance.choice(SMALL if chance.random() < 0.8 else EDGES) for _ in range(2)]
    return (numbers[0], numbers[1]), chance.choice((0, 1, 2, 3, 5, 8))


def check_strictly(
    function: Function, *passes: Pass, chance: random.Random, runs: int, overflow_may_vanish: bool = False
) -> None:
    """What the passes make of a function shows the same, errors with their messages included."""
    changed = function
    for each in passes:
        changed = each.run(changed)
        verify(changed)
    for _ in range(runs):
        numbers, length = arguments(chance)
        try:
            expected = outcome(function, numbers, length)
        except TooLong:
            continue
        if overflow_may_vanish and "OverflowError" in str(expected[0]):
            continue
        found = outcome(changed, numbers, length, patience=2)
        texts = f"{print_function(function)}\n\n{print_function(changed)}"
        assert found == expected, f"{numbers}, {length}: {found} for {expected}\n{texts}"
