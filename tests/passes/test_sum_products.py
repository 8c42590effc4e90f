"""Products that are added up share one memory, and mean what they meant."""

from __future__ import annotations

import numpy as np

from pylms.ir.builder import Builder
from pylms.ir.interpret import interpret
from pylms.ir.node import Function, Sym, walk
from pylms.ir.ops.arithmetic import ADD, MUL
from pylms.ir.ops.buffers import LOAD, STORE
from pylms.ir.ops.fusion import MATMUL_UPDATE
from pylms.ir.ops.tensors import MATMUL
from pylms.ir.types import FLOAT32, BufferType
from pylms.ir.verify import verify
from pylms.loc import Loc
from pylms.passes.sum_products import SumProducts
from tests.backends.cpp.native import RecordingHost

LOC = Loc("sum.py", 1)
SHAPES = [(3, 4), (3, 5), (4, 5), (4, 5)]


class Sums:
    """Writes functions of four matrices: a[3, 4], b[3, 5], c[4, 5], and where the sum [4, 5] goes."""

    def __init__(self) -> None:
        self.builder = Builder()
        self.buffers = [self.builder.fresh(BufferType(FLOAT32, shape), "abcd"[i]) for i, shape in enumerate(SHAPES)]

    def emit(self, primitive, *args: Sym, **attrs) -> Sym:
        return self.builder.emit(primitive, args, loc=LOC, attrs=attrs)[0]

    def product(self, scale: int) -> Sym:
        """(a a) (b) of shape [4, 5], different for each scale."""
        a, b = (self.emit(LOAD, buffer) for buffer in self.buffers[:2])
        for _ in range(scale):
            a = self.emit(MUL, a, a)
        return self.emit(MATMUL, a, b, transpose_a=True, transpose_b=False)

    def function(self, write) -> Function:
        with self.builder.block(self.buffers) as scope:
            total = write(self)
            self.builder.emit(STORE, (self.buffers[3], total), loc=LOC)
        return Function("sums", scope.finish(()), LOC)


def count(function: Function, primitive) -> int:
    return sum(node.primitive is primitive for node in walk(function.body))


def outcome(function: Function) -> np.ndarray:
    draw = np.random.default_rng(3)
    arrays = [draw.normal(size=shape).astype(np.float32) for shape in SHAPES]
    interpret(function, arrays, host=RecordingHost())
    return arrays[3]


def check(write, *, updates: int, products: int) -> None:
    function = Sums().function(write)
    found = SumProducts().run(function)
    verify(found)
    assert count(found, MATMUL_UPDATE) == updates
    assert count(found, MATMUL) == products
    np.testing.assert_allclose(outcome(found), outcome(function), rtol=1e-6, atol=1e-6)


def test_all_products_of_a_sum_go_to_one_buffer() -> None:
    def write(sums: Sums) -> Sym:
        total = sums.emit(ADD, sums.product(0), sums.product(1))
        return sums.emit(ADD, sums.emit(LOAD, sums.buffers[2]), sums.emit(ADD, total, sums.product(2)))

    check(write, updates=1, products=0)


def test_products_of_other_types_are_updates_of_their_own() -> None:
    def write(sums: Sums) -> Sym:
        a, c = sums.emit(LOAD, sums.buffers[0]), sums.emit(LOAD, sums.buffers[2])
        square = sums.emit(MUL, *[sums.emit(MATMUL, a, a, transpose_a=True, transpose_b=False)] * 2)
        other = sums.emit(MATMUL, square, c, transpose_a=False, transpose_b=False)
        total = sums.emit(ADD, sums.product(0), sums.emit(ADD, sums.product(1), other))
        return sums.emit(ADD, total, sums.product(2))

    check(write, updates=3, products=1)


def test_one_product_is_left_to_the_nest_that_adds() -> None:
    check(lambda sums: sums.emit(ADD, sums.product(0), sums.emit(LOAD, sums.buffers[2])), updates=0, products=1)


def test_a_product_that_is_used_elsewhere_keeps_its_memory() -> None:
    def write(sums: Sums) -> Sym:
        shared = sums.product(1)
        total = sums.emit(ADD, sums.emit(ADD, sums.product(0), sums.product(2)), shared)
        return sums.emit(MUL, total, shared)

    check(write, updates=1, products=1)
