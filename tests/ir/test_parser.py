"""Text and functions correspond exactly."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pylms.ir.canonical import canonical_form
from pylms.ir.effects import PURE
from pylms.ir.node import Attributes, AttributeValue, Block, Const, Function, Node, Sym
from pylms.ir.ops.arithmetic import ADD
from pylms.ir.ops.catalogue import PRIMITIVES
from pylms.ir.parser import IRSyntaxError, parse_function
from pylms.ir.printer import print_function
from pylms.ir.types import (
    SCALAR_TYPES,
    TEXT,
    ArrayType,
    BufferType,
    ContainerType,
    DictType,
    ListType,
    RecordType,
    Region,
    ScalarType,
    TensorType,
    Type,
    VarType,
)
from pylms.loc import Loc
from tests.passes.random_functions import functions

LOC = Loc("f.py", 1)

scalar_types = st.sampled_from(sorted(SCALAR_TYPES.values(), key=str))
shapes = st.lists(st.integers(0, 1000), max_size=4).map(tuple)
tensor_types = st.builds(TensorType, scalar_types, shapes)
array_types = st.builds(ArrayType, scalar_types, st.integers(0, 5), st.booleans(), st.builds(Region, st.integers(0, 9)))
container_types: st.SearchStrategy[ContainerType] = st.recursive(
    st.builds(ListType, st.one_of(scalar_types, st.just(TEXT))),
    lambda containers: st.one_of(
        st.builds(ListType, containers),
        st.builds(ListType, st.builds(RecordType, st.lists(containers, max_size=3).map(tuple))),
        st.builds(DictType, scalar_types, containers),
    ),
    max_leaves=4,
)
types: st.SearchStrategy[Type] = st.one_of(
    scalar_types,
    tensor_types,
    st.builds(BufferType, scalar_types, shapes, st.sampled_from([0, 16])),
    array_types,
    container_types,
    st.builds(VarType, st.one_of(scalar_types, tensor_types, array_types, container_types)),
)
attribute_values: st.SearchStrategy[AttributeValue] = st.recursive(
    st.one_of(st.integers(), st.floats(), st.text(), st.booleans(), st.none(), scalar_types, container_types),
    lambda values: st.lists(values, max_size=3).map(tuple),
    max_leaves=6,
)
constants = st.one_of(
    st.builds(Const, st.booleans(), st.just(SCALAR_TYPES["bool"])),
    st.builds(Const, st.integers(), scalar_types.filter(lambda type_: type_.is_integer)),
    st.builds(Const, st.floats(), scalar_types.filter(lambda type_: type_.is_float)),
)


def _written(function: Function) -> Function:
    """What the parser makes of a function's text, which must be the same text again."""
    text = print_function(function)
    parsed = parse_function(text)
    assert print_function(parsed) == text
    return parsed


def _same_value(left: object, right: object) -> bool:
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(map(_same_value, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return left.hex() == right.hex()
    return type(left) is type(right) and left == right


@settings(max_examples=30)
@given(functions())
def test_random_functions_come_back(function: Function) -> None:
    parsed = _written(function)
    assert canonical_form(parsed) == canonical_form(function)
    assert [param.id for param in parsed.params] == [param.id for param in function.params]


@given(st.lists(types, max_size=4), st.lists(st.text(max_size=8), min_size=4, max_size=4), st.text())
def test_every_type_and_name_comes_back(param_types: list[Type], names: list[str], name: str) -> None:
    params = tuple(Sym(number, type_, names[number]) for number, type_ in enumerate(param_types))
    parsed = _written(Function(name, Block(params, (), params), LOC))
    assert parsed.name == name
    assert [(param.type, param.name) for param in parsed.params] == [(param.type, param.name) for param in params]
    assert parsed.body.results == parsed.params


@given(st.lists(constants))
def test_every_constant_comes_back(values: list[Const]) -> None:
    parsed = _written(Function("f", Block((), (), tuple(values)), LOC))
    assert parsed.body.results == tuple(values)
    kinds = [type(result.value) for result in parsed.body.results if isinstance(result, Const)]
    assert kinds == [type(value.value) for value in values]


@given(st.dictionaries(st.sampled_from(("axes", "shape", "format", "x_1")), attribute_values))
def test_every_kind_of_attribute_comes_back(attributes: dict[str, AttributeValue]) -> None:
    attrs: Attributes = tuple(attributes.items())
    one = Const(1, SCALAR_TYPES["int"])
    node = Node((Sym(0, one.type),), ADD, (one, one), attrs, (), PURE, LOC)
    (parsed,) = _written(Function("f", Block((), (node,), ()), LOC)).body.nodes
    assert [key for key, _value in parsed.attrs] == list(attributes)
    assert all(_same_value(value, attributes[key]) for key, value in parsed.attrs)


def test_a_variable_of_tensors_without_initial_value_comes_back() -> None:
    text = "function @f() {\n  %0: var<tensor<float[2]>> = var_new {content = tensor<float[2]>}\n  return\n}"
    assert print_function(parse_function(text)) == text


def test_every_primitive_has_a_name_that_reads_as_one_word() -> None:
    names = [primitive.name for primitive in PRIMITIVES]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() and name not in ("do", "yield", "return", "captures") for name in names)


def test_spacing_and_comments_are_free_and_lines_are_counted() -> None:
    function = parse_function("function @f(%0:int){// a comment\n\n%1:int=add %0,1 return %1}")
    assert function.body.nodes[0].loc == Loc("<ir>", 3)
    assert len(function.body.nodes) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("function @f() { return %0 }", "<ir>:1: expected a symbol defined above, found `%0`"),
        ("function @f(%0: int) {\n %0: int = add 1, 1 return }", "<ir>:2: %0 is defined twice"),
        ("function @f() {\n %0: int = plus 1, 1 return }", "<ir>:2: expected a primitive, found `plus`"),
        ("function @f() { return", "<ir>:1: expected a symbol or a constant, found the end of the text"),
        ("function @f(%0: integer) { return }", "<ir>:1: expected `<`, found `)`"),
        ("function @f() { return } extra", "<ir>:1: expected the end of the text, found `extra`"),
        ("function @f() { ; return }", "<ir>:1: unexpected character ';'"),
    ],
)
def test_text_that_is_not_ir_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(IRSyntaxError) as caught:
        parse_function(text)
    assert str(caught.value) == message


def test_scalar_types_are_attributes_by_name() -> None:
    function = parse_function("function @f(%0: int) { %1: float32 = convert %0 {dtype = float32} return %1 }")
    dtype = function.body.nodes[0].attr("dtype")
    assert isinstance(dtype, ScalarType)
    assert dtype == SCALAR_TYPES["float32"]
