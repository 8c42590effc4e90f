"""The examples compute what their algorithms say, natively and as plain Python, and specialise as they claim."""

import re
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import fft, forest, futamura, query, regex, regex_machine, sparse


def test_an_interpreter_and_its_compiled_program_agree() -> None:
    compiled = futamura.compiled(futamura.COLLATZ)
    for n in (0, 1, 2, 50, 300):
        assert compiled(n) == futamura.run(futamura.COLLATZ, (n, 0, 0, 0, 0))[1]
    assert compiled.Ccode.count("while") == 2


def test_a_loop_that_overflows_raises_the_interpreters_error() -> None:
    squares = [
        ("set", "longest", "n"),
        ("while", ("<", 0, "longest"), [("set", "longest", ("*", "longest", "longest"))]),
    ]
    with pytest.raises(OverflowError):
        futamura.compiled(squares)(3)


@dataclass(frozen=True)
class CompressedRows:
    """As `scipy.sparse.csr_array` has it."""

    shape: tuple[int, int]
    indptr: np.ndarray
    indices: np.ndarray
    data: np.ndarray


def compressed(dense: np.ndarray) -> CompressedRows:
    rows, columns = np.nonzero(dense)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(dense)))])
    return CompressedRows(dense.shape, indptr, columns, dense[rows, columns])


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 99))
def test_a_sparse_product_is_the_dense_one(rows: int, columns: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    dense = np.where(draw.random((rows, columns)) < 0.3, draw.normal(size=(rows, columns)), 0.0)
    product = sparse.specialised(compressed(dense))
    x, y = draw.normal(size=columns), np.full(rows, np.nan)
    product(x, y)
    np.testing.assert_allclose(y, dense @ x, atol=1e-12)


def test_a_sparse_product_has_no_check_but_of_the_shapes() -> None:
    product = sparse.specialised(compressed(np.eye(4)))
    product(np.ones(4), np.empty(4))
    assert product.Ccode.count("return 1;") == 1
    assert "return 2;" not in product.Ccode
    with pytest.raises(AssertionError):
        product(np.ones(3), np.empty(4))


@pytest.mark.parametrize("size", [1, 2, 8, 32])
def test_a_transform_is_numpys(size: int) -> None:
    signal = np.random.default_rng(size).normal(size=(size, 2))
    found = np.empty((size, 2))
    fft.specialised(size)(signal, found)
    expected = np.fft.fft(signal[:, 0] + 1j * signal[:, 1])
    np.testing.assert_allclose(found[:, 0] + 1j * found[:, 1], expected, atol=1e-12)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 99))
def test_a_query_gives_what_numpy_gives(seed: int) -> None:
    table, asked = query.example_table(500, seed), query.REVENUE
    result = np.zeros((asked.groups, len(asked.sums) + 1))
    query.compiled(asked)(result, *(table[name] for name in query.columns_read(asked)))
    chosen = (table["shipped"] < 2400) & (table["discount"] > 0.04) & (table["quantity"] < 24)
    for group in range(asked.groups):
        rows = chosen & (table["flag"] == group)
        expected = [(table["price"] * table["discount"])[rows].sum(), table["quantity"][rows].sum(), rows.sum()]
        np.testing.assert_allclose(result[group], expected)


def test_a_query_refuses_columns_of_different_lengths_and_groups_that_do_not_exist() -> None:
    table, asked = query.example_table(10), query.REVENUE
    run = query.compiled(asked)
    result = np.zeros((asked.groups, 3))
    columns = {name: table[name] for name in query.columns_read(asked)}
    with pytest.raises(AssertionError):
        run(result, *({**columns, "price": columns["price"][:-1]}).values())
    everything = {"discount": 0.1, "flag": 7, "price": 1.0, "quantity": 1, "shipped": 1}
    with pytest.raises(IndexError):
        run(result, *(np.full(10, everything[name]) for name in columns))


def random_tree(draw: np.random.Generator, depth: int) -> object:
    if depth == 0 or draw.random() < 0.2:
        return forest.Leaf(tuple(draw.random(3).tolist()))
    threshold = float(np.float32(draw.normal()))
    return forest.Split(int(draw.integers(4)), threshold, random_tree(draw, depth - 1), random_tree(draw, depth - 1))


def test_a_compiled_forest_says_what_walking_it_says() -> None:
    draw = np.random.default_rng(0)
    trees = tuple(random_tree(draw, 4) for _ in range(5))
    predict_row, predict = forest.compiled(trees, 4, 3)
    rows = draw.normal(size=(100, 4)).astype(np.float32)
    result = np.empty(100, np.int64)
    predict(rows, result)
    expected = [forest.best_of(trees, 3, row) for row in rows]
    assert result.tolist() == expected
    assert [predict_row(row) for row in rows] == expected


def test_a_forest_of_scikit_learn_predicts_as_it_does() -> None:
    pytest.importorskip("sklearn")
    model, rows = forest.fitted_model()
    _, predict = forest.compiled(forest.trees_of(model), rows.shape[1], 3)
    result = np.empty(len(rows), np.int64)
    predict(rows, result)
    assert result.tolist() == model.predict(rows).tolist()


PATTERNS = [r"a*b", r"(ab|ba)+", r"[a-c]?[^a]b", r"\w+@\w+(\.\w+)*", r"(a|b)*abb", r".b."]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_matcher_says_what_re_says(pattern: str) -> None:
    fullmatch = regex.matcher(pattern)
    reference = re.compile(pattern.encode())

    @settings(max_examples=100, deadline=None)
    @given(st.text("ab@.c", max_size=8))
    def check(text: str) -> None:
        assert fullmatch(regex.as_bytes(text)) == (reference.fullmatch(text.encode()) is not None)

    check()
    assert fullmatch(regex.as_bytes(b"")) == (reference.fullmatch(b"") is not None)


@pytest.mark.parametrize("pattern", ["(a", "[a", "a)"])
def test_malformed_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError):
        regex_machine.parse(pattern)


@pytest.mark.parametrize("example", [fft, futamura, query, regex])
def test_examples_show_what_they_make(example: object, capsys: pytest.CaptureFixture[str]) -> None:
    example.main()  # type: ignore[attr-defined]
    assert "pylms_entry" in capsys.readouterr().out
