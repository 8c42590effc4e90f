"""Tensor rewrites: what is left of an expression, and that it still means the same."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from pylms.ir.builder import Builder
from pylms.ir.interpret import interpret
from pylms.ir.node import Const, Function
from pylms.ir.ops import arithmetic as ops
from pylms.ir.ops import buffers, tensor_gathers, tensor_regions, tensors
from pylms.ir.parser import parse_function
from pylms.ir.types import FLOAT, FLOAT32, INT64, UINT8, BufferType
from pylms.ir.verify import verify
from pylms.loc import Loc
from pylms.passes.dce import EliminateDeadCode
from pylms.passes.nest_builder import tensor_type
from pylms.passes.simplify_tensors import SimplifyTensors
from tests.backends.cpp.native import RecordingHost
from tests.passes.mlp_step import Writer


class Expression:
    """One expression of float32 buffers a[4, 3], b[4, 3], v[4], w[3], row[1, 3], column[4, 1], stored into `out`."""

    shapes = {"a": (4, 3), "b": (4, 3), "v": (4,), "w": (3,), "row": (1, 3), "column": (4, 1)}

    def __init__(self, write):
        builder = Builder()
        writer = Writer(builder)
        params = {name: builder.fresh(BufferType(FLOAT32, shape), name) for name, shape in self.shapes.items()}
        params["bytes"] = builder.fresh(BufferType(UINT8, (4, 3)), "bytes")
        params["classes"] = builder.fresh(BufferType(INT64, (4,)), "classes")
        with builder.block(list(params.values())) as scope:
            value = write(writer, {name: writer.emit(buffers.LOAD, param) for name, param in params.items()})
            scope.params = (*scope.params, builder.fresh(BufferType(FLOAT32, value.type.shape), "out"))
            builder.emit(buffers.STORE, (scope.params[-1], value), loc=Loc("expression.py", 1))
            body = scope.finish([])
        self.before = Function("run", body, Loc("expression.py", 1))
        self.after = EliminateDeadCode().run(SimplifyTensors().run(self.before))
        verify(self.after)
        self.shape = value.type.shape

    def run(self, function: Function):
        random = np.random.default_rng(0)
        arrays: list[np.ndarray] = [random.uniform(-2, 2, shape).astype(np.float32) for shape in self.shapes.values()]
        arrays += [random.integers(0, 256, (4, 3), dtype=np.uint8), np.array([2, 0, 1, 2])]
        out = np.zeros(self.shape, np.float32)
        interpret(function, [*arrays, out], host=RecordingHost())
        return out

    @property
    def operations(self):
        """How often each operation is left, loads and stores aside."""
        counted = Counter(node.primitive.name for node in self.after.body.nodes)
        return Counter({name: count for name, count in counted.items() if name not in ("load", "store")})


def part(w, x, rows, columns=(0, 3, 1)):
    """A slice by start, size and step of both dimensions."""
    starts, sizes, steps = zip(rows, columns, strict=True)
    return w.emit(tensor_regions.SLICE, x, starts=starts, sizes=sizes, steps=steps)


def placed(w, x, shape, *starts):
    return w.emit(tensor_regions.PLACE, x, shape=shape, starts=starts, steps=(1, 1))


def joined(w, *parts, axis=0):
    return w.emit(tensor_regions.CONCAT, *parts, axis=axis)


def batch(w, x):
    return w.emit(tensors.RESHAPE, x, shape=(1, 4, 3))


PARTS = {
    "a slice of everything": (lambda w, x: part(w, x["a"], (0, 4, 1)), {}),
    "a slice of a slice": (lambda w, x: part(w, part(w, x["a"], (3, 3, -1)), (1, 2, 1)), {"slice": 1}),
    "walking back twice": (lambda w, x: part(w, part(w, x["a"], (3, 4, -1)), (3, 4, -1)), {}),
    "a slice of equal rows": (lambda w, x: part(w, w.spread(x["w"], (4, 3), 1), (1, 2, 2)), {"broadcast": 1}),
    "what was placed": (lambda w, x: part(w, placed(w, x["a"], (9, 5), 2, 1), (2, 4, 1), (1, 3, 1)), {}),
    "beside what was placed": (lambda w, x: part(w, placed(w, x["a"], (9, 3), 2, 0), (6, 3, 1)), {"broadcast": 1}),
    "placed twice": (lambda w, x: placed(w, placed(w, x["a"], (5, 5), 1, 2), (6, 6), 1, 0), {"place": 1}),
    "a part of a join": (lambda w, x: part(w, joined(w, x["a"], x["b"]), (4, 4, 1)), {}),
    "within a part of a join": (lambda w, x: part(w, joined(w, x["a"], x["b"]), (7, 2, -1)), {"slice": 1}),
    "some parts of a join": (
        lambda w, x: part(w, joined(w, x["a"], x["b"], x["row"]), (5, 4, 1)),
        {"concat": 1, "slice": 1},
    ),
    "a join of joins": (lambda w, x: joined(w, joined(w, x["a"], x["row"]), x["b"]), {"concat": 1}),
    "a join of what was split": (lambda w, x: joined(w, part(w, x["a"], (0, 1, 1)), part(w, x["a"], (1, 3, 1))), {}),
    "a known position": (
        lambda w, x: w.emit(tensor_gathers.TAKE, x["a"], w.full(Const(2, INT64), ()), axis=0),
        {"slice": 1, "reshape": 1},
    ),
    "a batch of one product": (
        lambda w, x: w.emit(
            tensors.BATCH_MATMUL, batch(w, x["a"]), batch(w, x["b"]), transpose_a=True, transpose_b=False
        ),
        {"reshape": 1, "matmul": 1},
    ),
}

EXPRESSIONS = {
    **PARTS,
    "transposed twice": (lambda w, x: w.transpose(w.transpose(x["a"])), {}),
    "transposed into a product": (lambda w, x: w.matmul(w.transpose(x["a"]), x["b"]), {"matmul": 1}),
    "a transposed product": (
        lambda w, x: w.transpose(w.matmul(x["a"], x["b"], transpose_a=True)),
        {"matmul": 1},
    ),
    "a product along an axis of one": (
        lambda w, x: w.matmul(x["column"], x["row"]),
        {"reshape": 2, "broadcast": 2, "mul": 1},
    ),
    "a transposed outer product": (
        lambda w, x: w.transpose(w.matmul(x["column"], x["row"])),
        {"reshape": 2, "broadcast": 2, "mul": 1},
    ),
    "a sum along an axis of one": (lambda w, x: w.emit(tensors.REDUCE_SUM, x["row"], axes=(0,)), {"reshape": 1}),
    "reshapes of reshapes": (
        lambda w, x: w.emit(tensors.RESHAPE, w.emit(tensors.RESHAPE, x["a"], shape=(12,)), shape=(4, 3)),
        {},
    ),
    "a broadcast of a broadcast": (
        lambda w, x: w.spread(w.spread(x["w"], (4, 3), 1), (2, 4, 3), 1, 2),
        {"broadcast": 1},
    ),
    "the sum of equal elements": (
        lambda w, x: w.emit(tensors.REDUCE_SUM, w.spread(x["w"], (4, 3), 1), axes=(0,)),
        {"broadcast": 1, "mul": 1},
    ),
    "adding a negative": (lambda w, x: w.emit(ops.ADD, x["a"], w.emit(ops.NEG, x["b"])), {"sub": 1}),
    "a double negative": (lambda w, x: w.emit(ops.NEG, w.emit(ops.NEG, x["a"])), {}),
    "subtracting a negative multiple": (
        lambda w, x: w.emit(ops.SUB, x["a"], w.scale(-0.5, x["b"])),
        {"broadcast": 1, "mul": 1, "add": 1},
    ),
    "two constant factors": (lambda w, x: w.scale(0.5, w.scale(4.0, x["a"])), {"broadcast": 1, "mul": 1}),
    "factors that cancel": (lambda w, x: w.scale(0.25, w.scale(4.0, x["a"])), {}),
    "a division by a constant": (
        lambda w, x: w.emit(ops.TRUEDIV, x["a"], w.full(8.0, (4, 3))),
        {"broadcast": 1, "mul": 1},
    ),
    "a factor on the smallest operand": (
        lambda w, x: w.scale(0.1, w.emit(ops.MUL, w.spread(x["v"], (4, 3), 0), x["b"])),
        {"broadcast": 2, "mul": 2},
    ),
    "work before a broadcast": (
        lambda w, x: w.emit(ops.MUL, w.spread(x["v"], (4, 3), 0), w.spread(x["v"], (4, 3), 0)),
        {"mul": 1, "broadcast": 1},
    ),
    "plus zero, times one": (
        lambda w, x: w.scale(1.0, w.emit(ops.ADD, x["a"], w.full(0.0, (4, 3)))),
        {},
    ),
    "a square": (lambda w, x: w.emit(ops.POW, x["a"], w.full(2.0, (4, 3))), {"mul": 1}),
    "exact conversions": (
        lambda w, x: w.emit(ops.CONVERT, w.emit(ops.CONVERT, x["bytes"], dtype=INT64), dtype=FLOAT32),
        {"convert": 1},
    ),
    "a scaled matrix in a small product": (
        lambda w, x: w.matmul(w.scale(0.5, x["a"]), x["b"], transpose_a=True),
        {"broadcast": 1, "mul": 1, "matmul": 1},
    ),
    "the sum of a selection": (
        lambda w, x: w.emit(
            tensors.REDUCE_SUM,
            w.emit(
                ops.MUL,
                w.emit(tensors.ONE_HOT, x["classes"], depth=3, dtype=FLOAT32),
                w.spread(x["v"], (4, 3), 0),
            ),
            axes=(1,),
        ),
        {},
    ),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_simplified_expression_is_smaller_and_equal(name):
    write, operations = EXPRESSIONS[name]
    expression = Expression(write)
    assert expression.operations == Counter(operations)
    np.testing.assert_allclose(expression.run(expression.after), expression.run(expression.before), rtol=1e-6)


def test_the_factor_of_an_outer_product_goes_to_its_shorter_side():
    def write(w, x):
        return w.scale(0.1, w.matmul(x["column"], x["row"]))

    expression = Expression(write)
    products = [node for node in expression.after.body.nodes if node.primitive is ops.MUL]
    sizes = [tensor_type(node.results[0]).size for node in products]
    assert sorted(sizes) == [3, 12]


def test_a_product_used_twice_is_not_computed_twice():
    def write(w, x):
        product = w.matmul(x["a"], x["b"], transpose_a=True)
        return w.emit(ops.ADD, product, w.transpose(product))

    assert Expression(write).operations["matmul"] == 1


def test_python_numbers_keep_their_rounding():
    builder = Builder()

    number = builder.fresh(FLOAT, "x")
    with builder.block([number]) as scope:
        (scaled,) = builder.emit(ops.TRUEDIV, (number, Const(3.0, FLOAT)), loc=Loc("f.py", 1))
        body = scope.finish([scaled])
    function = Function("f", body, Loc("f.py", 1))
    assert [node.primitive for node in SimplifyTensors().run(function).body.nodes] == [ops.TRUEDIV]


def test_the_user_s_names_stay():
    builder = Builder()
    writer = Writer(builder)
    source, out = (builder.fresh(BufferType(FLOAT32, (4,)), name) for name in ("source", "out"))
    with builder.block([source, out]) as scope:
        value = writer.emit(buffers.LOAD, source)
        shifted = writer.emit(ops.ADD, value, writer.emit(ops.NEG, writer.emit(ops.EXP, value)), name="shifted")
        writer.emit(buffers.STORE, out, shifted)
        body = scope.finish([])
    simplified = SimplifyTensors().run(Function("run", body, Loc("f.py", 1)))
    assert [node.results[0].name for node in simplified.body.nodes if node.primitive is ops.SUB] == ["shifted"]


def test_a_number_spread_over_a_tensor_of_rank_zero_is_left_alone():
    text = """function @run(%0.x: float32, %1.out: buffer<float32[]>) captures 1 {
  %2: tensor<float32[]> = broadcast %0.x {shape = (), axes = ()}
  %3: tensor<float32[]> = neg %2
  store %1.out, %3
  return
}
"""
    after = SimplifyTensors().run(parse_function(text))
    verify(after)
    assert [node.primitive.name for node in after.body.nodes] == ["broadcast", "neg", "store"]


def test_factors_at_rank_zero_that_only_the_run_knows_are_left_alone():
    text = """function @f(%0: float32, %1: float32, %2: buffer<float32[]>, %3: buffer<float32[]>) captures 2 {
  %4: tensor<float32[]> = broadcast %0 {shape = (), axes = ()}
  %5: tensor<float32[]> = broadcast %1 {shape = (), axes = ()}
  %6: tensor<float32[]> = load %2
  %7: tensor<float32[]> = mul %4, %5
  %8: tensor<float32[]> = mul %5, %7
  %9: tensor<float32[]> = mul %6, %8
  store %3, %9
  return
}
"""
    before = parse_function(text)
    after = SimplifyTensors().run(before)
    verify(after)
    for function in (before, after):
        out = np.zeros((), np.float32)
        interpret(function, [np.float32(2), np.float32(3), np.array(5, np.float32), out], host=RecordingHost())
        assert out == 90


def test_neighbours_placed_side_by_side_are_joined():
    def write(writer, inputs):
        parts = [
            placed(writer, inputs[name], (4, 12), 0, start) for name, start in (("a", 6), ("b", 0), ("a", 3), ("b", 9))
        ]
        total = writer.emit(ops.ADD, parts[0], parts[1])
        return writer.emit(ops.ADD, writer.emit(ops.ADD, total, parts[2]), parts[3])

    expression = Expression(write)
    assert expression.operations == {"concat": 1}
    np.testing.assert_array_equal(expression.run(expression.after), expression.run(expression.before))


@pytest.mark.parametrize("starts", [(0, 4), (0, 2), (0, 0)], ids=["gap", "overlap", "same place"])
def test_parts_that_do_not_follow_each_other_are_added(starts):
    def write(writer, inputs):
        return writer.emit(ops.ADD, *(placed(writer, inputs[name], (4, 12), 0, at) for name, at in zip("ab", starts)))

    expression = Expression(write)
    assert expression.operations == {"place": 2, "add": 1}
    np.testing.assert_array_equal(expression.run(expression.after), expression.run(expression.before))
