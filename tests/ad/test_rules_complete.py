"""Every derivative rule is there and is tested: in single precision, and its own derivatives."""

from __future__ import annotations

import numpy as np
import pytest

from pylms.ad.activity import CONSTANT_RESULTS
from pylms.ad.reverse import gradient_function
from pylms.ad.rules import derivative_rules
from pylms.ir.builder import Builder
from pylms.ir.node import Atom, Block, Function, walk
from pylms.ir.ops import (
    arithmetic,
    array_nests,
    arrays,
    buffers,
    dicts,
    differentiation,
    fusion,
    integers,
    lists,
    one_hot_products,
    tapes,
    tensor_calls,
    tensor_gathers,
    tensors,
    texts,
    windows,
)
from pylms.ir.ops.arithmetic import ADD, CONVERT
from pylms.ir.ops.buffers import STORE_ROWS
from pylms.ir.ops.catalogue import PRIMITIVES
from pylms.ir.ops.control import CHECK, FINALLY, FOR, IF, WHILE
from pylms.ir.ops.functions import CALL
from pylms.ir.ops.host import HOST_CALL, PRINT
from pylms.ir.ops.tensors import ELEMENT, REDUCE_SUM
from pylms.ir.ops.variables import VAR_GET, VAR_NEW, VAR_SET
from pylms.ir.types import FLOAT32, FLOAT64, TensorType, Type
from pylms.loc import Loc
from tests.ad.programs import finite_differences, function, gradients

pytest.importorskip("torch")

from tests.ad.test_rules import CASES, SCALAR_CASES, Case, arguments, torch_gradients


def _single(type_: Type) -> Type:
    return TensorType(FLOAT32, type_.shape) if isinstance(type_, TensorType) else type_


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_rule_in_single_precision(case: Case) -> None:
    program = function([_single(type_) for type_ in case.types], case.body)
    args = [arg.astype(np.float32) if isinstance(arg, np.ndarray) else arg for arg in arguments(case)]
    for found, expected in zip(gradients(program, *args), torch_gradients(case.torch_body, *args), strict=True):
        assert isinstance(found.item(0), float) and found.dtype in (np.float32, np.float64)
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("case", [*CASES, *SCALAR_CASES], ids=lambda case: case.name)
def test_rule_has_derivatives_itself(case: Case) -> None:
    """The gradient of the sum of all gradients, against finite differences of that sum."""
    first = gradient_function(function(case.types, case.body), range(len(case.types)))
    builder = Builder.after(first)
    with builder.block() as scope:
        parts = [_summed(builder, gradient) for gradient in first.body.results[1:]]
        total = parts[0]
        for part in parts[1:]:
            (total,) = builder.emit(ADD, [total, part], loc=first.loc)
    body = Block(first.params, (*first.body.nodes, *scope.nodes), (total,))
    summed, args = Function("summed", body, first.loc), arguments(case)
    for found, expected in zip(gradients(summed, *args), finite_differences(summed, *args), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def _summed(builder: Builder, gradient: Atom) -> Atom:
    loc = Loc("<test>", 1)
    if isinstance(gradient.type, TensorType):
        (gradient,) = builder.emit(REDUCE_SUM, [gradient], loc=loc, attrs={"axes": tuple(range(gradient.type.rank))})
        (gradient,) = builder.emit(ELEMENT, [gradient], loc=loc)
    return builder.emit(CONVERT, [gradient], loc=loc, attrs={"dtype": FLOAT64})[0]


def test_every_rule_is_tested() -> None:
    """Here, or with what it is a part of: loops, calls, arrays, memory, windows, what users say."""
    cases = [function(case.types, case.body) for case in (*CASES, *SCALAR_CASES)]
    tested = {node.primitive for program in cases for node in walk(program.body)}
    elsewhere = {
        *(IF, FOR, WHILE, CALL, HOST_CALL, *arrays.PRIMITIVES, *array_nests.PRIMITIVES, *tapes.PRIMITIVES),
        *(differentiation.INDEPENDENT, differentiation.LEAF, differentiation.CUSTOM_GRADIENT),
        differentiation.CHECKPOINT_END,
        *(*buffers.PRIMITIVES, *windows.PRIMITIVES, *tensor_calls.PRIMITIVES),
    }
    assert [each for each in PRIMITIVES if each in derivative_rules and each not in tested | elsewhere] == []


def test_every_primitive_has_a_derivative_or_a_reason_to_have_none() -> None:
    without_derivative = {
        *CONSTANT_RESULTS,
        *arithmetic.COMPARISONS,
        *arithmetic.LOGICAL,
        *integers.PRIMITIVES,
        tensors.ARGMAX,
        tensor_gathers.ORDER,
        # Of ints:
        arrays.ARRAY_DIM,
        arrays.IN_BOUNDS,
        arrays.NORMALIZE_INDEX,
        array_nests.BROADCAST_EXTENT,
        array_nests.BROADCAST_INDEX,
        tensors.ONE_HOT,
        buffers.BUFFER_NEW,
        buffers.SETTLE,
        buffers.STORE_ELEMENT,
        differentiation.BACKWARD,
        differentiation.PULLBACK,
        differentiation.CHECKPOINT_BEGIN,
        CHECK,
        PRINT,
        # Gone before differentiation:
        VAR_NEW,
        VAR_GET,
        VAR_SET,
        # Made after differentiation:
        FINALLY,
        STORE_ROWS,
        *fusion.PRIMITIVES,
        *one_hot_products.PRIMITIVES,
        # Refused where a gradient would go through them:
        *texts.PRIMITIVES,
        *lists.PRIMITIVES,
        *dicts.PRIMITIVES,
    }
    assert set(derivative_rules.missing(PRIMITIVES)) == without_derivative
