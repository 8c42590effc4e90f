"""Loop nests: they mean what tensor operations meant, a write waits for its borrowers, nothing is stored in vain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylms.ad.reverse import Differentiate
from pylms.backends.cpp.legalise import PASSES
from pylms.ir.builder import Builder
from pylms.ir.interpret import interpret
from pylms.ir.node import Const, Function, walk
from pylms.ir.ops import arithmetic as ops
from pylms.ir.ops import buffers, tensors
from pylms.ir.ops.fusion import FUSED, MATMUL_UPDATE
from pylms.ir.parser import parse_function
from pylms.ir.printer import print_function
from pylms.ir.types import FLOAT32, BufferType
from pylms.ir.verify import verify
from pylms.loc import Loc
from pylms.passes.pipeline import TENSOR_PASSES
from tests.backends.cpp.native import RecordingHost
from tests.passes.mlp_step import Optimiser, Sizes, Writer, random_arguments, training_loop
from tests.passes.random_tensor_programs import RandomProgram

PLAIN, MOMENTUM = Optimiser(), Optimiser(momentum=0.9, weight_decay=0.01)


def legalised(function: Function):
    for each in (*TENSOR_PASSES, *PASSES):
        function = each.run(function)
        verify(function)
    return function


def nodes_of(function: Function, *primitives):
    return [node for node in walk(function.body) if node.primitive in primitives]


def outcome(function: Function, arguments: list):
    """The results, and all arrays as they are afterwards."""
    results = interpret(function, arguments, host=RecordingHost())
    return [*results, *(argument for argument in arguments if isinstance(argument, np.ndarray))]


def assert_all_close(found: list, expected: list, rtol: float, atol: float):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=atol)


@pytest.mark.parametrize("gather", [False, True])
@pytest.mark.parametrize("optimiser", [PLAIN, MOMENTUM], ids=["sgd", "momentum"])
@pytest.mark.parametrize("batch", [1, 4, 7])
def test_every_pass_keeps_the_meaning_of_a_training_step(batch, optimiser, gather):
    sizes = Sizes(batch, rows=4 * batch)
    function = training_loop(sizes, optimiser, gather=gather)
    expected = outcome(function, random_arguments(sizes, optimiser, steps=3))
    for each in (*TENSOR_PASSES, *PASSES):
        function = each.run(function)
        verify(function)
        found = outcome(function, random_arguments(sizes, optimiser, steps=3))
        assert_all_close(found, expected, rtol=2e-4, atol=2e-6)


@settings(max_examples=60)
@given(st.integers(0, 10**6))
def test_every_pass_keeps_the_meaning_of_a_random_program(seed):
    program = RandomProgram(seed)
    function = program.build()
    expected = outcome(function, program.arguments(seed))
    for each in (*TENSOR_PASSES, *PASSES):
        function = each.run(function)
        verify(function)
        assert_all_close(outcome(function, program.arguments(seed)), expected, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("textbook", [False, True])
@pytest.mark.parametrize("optimiser", [PLAIN, MOMENTUM], ids=["sgd", "momentum"])
@pytest.mark.parametrize("batch", [1, 64])
def test_no_gradient_of_a_matrix_is_ever_a_tensor(batch, optimiser, textbook):
    sizes = Sizes(batch, rows=batch, side=28, hidden=50, classes=10)
    function = training_loop(sizes, optimiser, textbook=textbook)
    function = legalised(function if textbook else Differentiate().run(function))
    nests = nodes_of(function, FUSED, tensors.MATMUL)
    shapes = {result.type.shape for node in nests for result in node.results}
    assert not shapes & {(50, 784), (784, 50), (10, 50), (50, 10)}


def test_a_step_of_one_sample_updates_its_matrices_by_loops_in_place():
    function = legalised(training_loop(Sizes(1, hidden=50), PLAIN))
    assert not nodes_of(function, MATMUL_UPDATE, buffers.STORE)
    written = [arg.name for node in nodes_of(function, FUSED) for arg in node.args]
    assert sorted(written) == ["W1", "W2", "b1", "b2"]


def test_a_step_of_many_samples_adds_products_to_its_matrices():
    function = legalised(training_loop(Sizes(64, rows=64), PLAIN))
    assert [node.args[0].name for node in nodes_of(function, MATMUL_UPDATE)] == ["W1", "W2"]
    assert not nodes_of(function, buffers.STORE)


def test_momentum_and_parameter_are_updated_in_one_loop():
    function = legalised(training_loop(Sizes(1), MOMENTUM))
    written = [tuple(arg.name for arg in node.args) for node in nodes_of(function, FUSED) if node.args]
    assert ("W1_momentum", "W1") in written


def test_pixels_become_floats_in_one_loop():
    function = legalised(training_loop(Sizes(4), PLAIN, gather=True))
    images = function.params[2]
    assert len([node for node in nodes_of(function, FUSED) if images in node.effect.reads]) == 1


def test_nests_print_and_parse_back():
    text = print_function(legalised(training_loop(Sizes(4), MOMENTUM)))
    assert print_function(parse_function(text)) == text


class Buffers:
    """Builds `run(p, q, m)` of float32 buffers p[3], q[3], m[3, 3]."""

    shapes = {"p": (3,), "q": (3,), "m": (3, 3)}

    def __init__(self, write):
        builder = Builder()
        params = [builder.fresh(BufferType(FLOAT32, shape), name) for name, shape in self.shapes.items()]
        with builder.block(params) as scope:
            write(Writer(builder), *params)
            body = scope.finish([])
        self.function = Function("run", body, Loc("run.py", 1))

    def check(self):
        """The legalised function, which does what this one does."""
        after = legalised(self.function)
        assert_all_close(self._outcome(after), self._outcome(self.function), rtol=1e-6, atol=0)
        return after

    def _outcome(self, function: Function):
        random = np.random.default_rng(0)
        return outcome(function, [random.uniform(-2, 2, shape).astype(np.float32) for shape in self.shapes.values()])


def test_a_value_read_before_a_write_is_the_old_one():
    def write(w, p, q, m):
        old = w.emit(buffers.LOAD, p)
        w.emit(buffers.STORE, p, w.emit(ops.EXP, old))
        w.emit(buffers.STORE, q, w.emit(ops.NEG, old))

    Buffers(write).check()


def test_two_buffers_change_places():
    def write(w, p, q, m):
        one, other = w.emit(buffers.LOAD, p), w.emit(buffers.LOAD, q)
        w.emit(buffers.STORE, p, other)
        w.emit(buffers.STORE, q, one)

    Buffers(write).check()


def test_a_transposed_matrix_is_not_written_over_itself():
    def write(w, p, q, m):
        old = w.emit(buffers.LOAD, m)
        w.emit(buffers.STORE, m, w.emit(ops.ADD, old, w.transpose(old)))

    assert not [node for node in nodes_of(Buffers(write).check(), FUSED) if node.args]


def test_a_product_with_itself_is_not_added_to_itself():
    def write(w, p, q, m):
        old = w.emit(buffers.LOAD, m)
        w.emit(buffers.STORE, m, w.emit(ops.SUB, old, w.scale(0.5, w.matmul(old, old))))

    assert not nodes_of(Buffers(write).check(), MATMUL_UPDATE)


def test_the_sum_over_a_buffer_is_taken_before_it_changes():
    def write(w, p, q, m):
        old = w.emit(buffers.LOAD, p)
        total = w.emit(tensors.REDUCE_SUM, old, axes=(0,))
        w.emit(buffers.STORE, p, w.emit(ops.SUB, old, w.spread(total, (3,))))

    Buffers(write).check()


def test_a_stored_value_is_read_back_rather_than_computed_again():
    def write(w, p, q, m):
        value = w.emit(ops.EXP, w.emit(buffers.LOAD, q))
        w.emit(buffers.STORE, p, value)
        w.emit(buffers.STORE, m, w.spread(value, (3, 3), 1))

    after = Buffers(write).check()
    assert not [node for node in nodes_of(after, FUSED) if node.results]


def test_a_stored_value_outlives_the_next_store_to_its_buffer():
    def write(w, p, q, m):
        value = w.emit(ops.EXP, w.emit(buffers.LOAD, q))
        w.emit(buffers.STORE, p, value)
        w.emit(buffers.STORE, p, w.full(Const(0.0, FLOAT32), (3,)))
        w.emit(buffers.STORE, m, w.spread(value, (3, 3), 1))

    Buffers(write).check()


def test_cheap_values_are_computed_where_they_are_used():
    def write(w, p, q, m):
        value = w.emit(ops.ADD, w.emit(buffers.LOAD, p), w.emit(buffers.LOAD, q))
        w.emit(buffers.STORE, m, w.spread(value, (3, 3), 0))
        w.emit(buffers.STORE, q, w.emit(ops.NEG, value))

    assert not [node for node in nodes_of(Buffers(write).check(), FUSED) if node.results]
