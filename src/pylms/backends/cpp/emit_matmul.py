"""C++ for matrix products: calls of the kernels in include/, which are instantiated for the sizes at hand.

Products of a matrix and a vector are those with one row or column. Large products go to OpenBLAS, if that can be loaded
(docs/adr/0016).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from math import prod
from pathlib import Path

from ...ir.node import Atom, Const, Node
from ...ir.ops.fusion import MATMUL_UPDATE
from ...ir.ops.tensors import BATCH_MATMUL, MATMUL
from ...ir.types import FLOAT32, FLOAT64, ScalarType, TensorType
from .emit_parallel import threads_for
from .emit_rules import emit_rules
from .emit_variables import array_bytes
from .emit_waiting import emit_add_later, may_wait, settle
from .emitter import Emitter
from .literals import scalar_c_type
from .nest_tasks import Tasks, within_a_task

_FORMS = {(False, False): "NN", (False, True): "NT", (True, False): "TN", (True, True): "TT"}
_KERNEL_TYPES = (FLOAT32, FLOAT64)
# Products with no size below this are OpenBLAS's, measured: ours are faster below.
_LARGE = 896
# Of the parts that threads take: multiplications, about five microseconds; rows, and rows where each part transposes
# the right side for itself; how many there are.
_OF_A_PART = 300_000
_FEWEST_ROWS = 8
_FEWEST_ROWS_TRANSPOSED = 24
_MOST_PARTS = 64


@emit_rules.define(MATMUL)
def _emit_matmul(emitter: Emitter, node: Node) -> None:
    (result,) = node.results
    assert isinstance(result.type, TensorType)
    emitter.define(result, emitter.allocate(result, array_bytes(result.type)))
    left, right = (_Matrix.of(emitter, arg) for arg in node.args)
    _emit_product(emitter, node, left, right, target=emitter.name_of(result), alpha=None, beta=None)


@emit_rules.define(BATCH_MATMUL)
def _emit_batch_matmul(emitter: Emitter, node: Node) -> None:
    (result,) = node.results
    assert isinstance(result.type, TensorType)
    emitter.define(result, emitter.allocate(result, array_bytes(result.type)))
    count = result.type.shape[0]
    work = result.type.size // max(count, 1) * _inner(node)
    if threads_for(emitter, work) != "1" or threads_for(emitter, count * work) == "1":
        # Threads share each of the products, or nothing.
        _emit_products(emitter, node, 0, count)
        return
    with within_a_task(emitter, Tasks(0, count, max(1, _OF_A_PART // work))) as (first, end):
        _emit_products(emitter, node, first, end)


def _emit_products(emitter: Emitter, node: Node, first: int | str, end: int | str) -> None:
    """Some of the products of a batch, one after the other."""
    number = emitter.fresh_name("number")
    with emitter.braces(f"for (long long {number} = {first}; {number} < {end}; ++{number})"):
        left, right = (_Matrix.of(emitter, arg).numbered(emitter, number) for arg in node.args)
        target = _Matrix.of(emitter, node.results[0]).numbered(emitter, number)
        _emit_product(emitter, node, left, right, target=target.text, alpha=None, beta=None)


def _inner(node: Node) -> int:
    """How many products each element of a batch's results is the sum of."""
    left = node.args[0].type
    assert isinstance(left, TensorType)
    return left.shape[1 if node.attr("transpose_a") else 2]


@emit_rules.define(MATMUL_UPDATE)
def _emit_matmul_update(emitter: Emitter, node: Node) -> None:
    buffer, alpha, beta, *factors = node.args
    if may_wait(node):
        emit_add_later(emitter, node)
        return
    if not _is(beta, 1):
        settle(emitter, buffer)
    matrices = [_Matrix.of(emitter, factor) for factor in factors]
    pairs = list(zip(matrices[::2], matrices[1::2], strict=True))
    target = emitter.expression(buffer)
    products = [_Product.of(node, *pair) for pair in pairs]
    if len(pairs) > 1 and products[0].is_added_by_tiles:
        _emit_sum(emitter, products, target, _epilogue(emitter, alpha, beta))
        return
    for left, right in pairs:
        _emit_product(emitter, node, left, right, target=target, alpha=alpha, beta=beta)
        beta = Const(1.0, left.dtype)


def _emit_sum(emitter: Emitter, products: Sequence[_Product], target: str, epilogue: Sequence[str]) -> None:
    """All products at once, a tile of the target after the other."""
    emitter.include("gemm_sum.h")
    factors = emitter.fresh_name("factors")
    with emitter.braces(f"const pylms::Factors<{scalar_c_type(products[0].dtype)}> {factors}[] =", tail=";"):
        for each in products:
            emitter.line(f"{{{each.a}, {each.b}}},")
    emitter.line(f"pylms::gemm_sum<{products[0].arguments}>({', '.join([target, factors, *epilogue])});")


@dataclass(frozen=True, slots=True)
class _Matrix:
    """Where a matrix, or several in a row, lie, and their shape."""

    text: str
    dtype: ScalarType
    shape: tuple[int, ...]

    @staticmethod
    def of(emitter: Emitter, atom: Atom) -> _Matrix:
        assert isinstance(atom.type, TensorType)
        return _Matrix(emitter.expression(atom), atom.type.dtype, atom.type.shape)

    def numbered(self, emitter: Emitter, number: str) -> _Matrix:
        """One of several, under a name of its own."""
        name = emitter.fresh_name("matrix")
        emitter.line(f"{scalar_c_type(self.dtype)} *{name} = {self.text} + {number} * {prod(self.shape[1:])};")
        return _Matrix(name, self.dtype, self.shape[1:])


@dataclass(frozen=True, slots=True)
class _Product:
    """A rows x inner matrix times an inner x columns one, either of them stored transposed."""

    rows: int
    columns: int
    inner: int
    a: str
    b: str
    dtype: ScalarType
    transposed_a: bool
    transposed_b: bool

    @staticmethod
    def of(node: Node, left: _Matrix, right: _Matrix) -> _Product:
        """Of two of a node's matrices; one row where there is one."""
        transposed_a, transposed_b = bool(node.attr("transpose_a")), bool(node.attr("transpose_b"))
        rows, inner = left.shape[::-1] if transposed_a else left.shape
        columns = right.shape[0 if transposed_b else 1]
        product = _Product(rows, columns, inner, left.text, right.text, left.dtype, transposed_a, transposed_b)
        return product.with_vectors_as_rows()

    @property
    def work(self) -> int:
        """How many multiplications it takes."""
        return self.rows * self.inner * self.columns

    @property
    def parts(self) -> int:
        """How many parts of its rows are worth a task each."""
        fewest = _FEWEST_ROWS_TRANSPOSED if self.transposed_b else _FEWEST_ROWS
        return min(self.work // _OF_A_PART, self.rows // fewest, _MOST_PARTS)

    @property
    def has_kernel(self) -> bool:
        return self.dtype in _KERNEL_TYPES and self.work > 0

    @property
    def is_large(self) -> bool:
        return min(self.rows, self.columns, self.inner) >= _LARGE

    @property
    def is_added_by_tiles(self) -> bool:
        """Whether gemm_sum.h has a kernel for sums of such products."""
        return self.has_kernel and not self.is_large and not self.transposed_b

    @property
    def arguments(self) -> str:
        """The kernels' template arguments."""
        form = _FORMS[self.transposed_a, self.transposed_b]
        return f"pylms::{form}, {self.rows}, {self.columns}, {self.inner}"

    def with_vectors_as_rows(self) -> _Product:
        """A column is stored as a row is; the kernels want one row on the left, and it stored as such."""
        if self.columns == 1 and self.rows != 1:
            # The transposed product: b's column as a row, times a transposed.
            return _Product(1, self.rows, self.inner, self.b, self.a, self.dtype, False, not self.transposed_a)
        if self.rows == 1:
            return replace(self, transposed_a=False)
        return self


def _emit_product(
    emitter: Emitter,
    node: Node,
    left: _Matrix,
    right: _Matrix,
    *,
    target: str,
    alpha: Atom | None,
    beta: Atom | None,
) -> None:
    """target = beta * target + alpha * product; None stands for the product alone."""
    product = _Product.of(node, left, right)
    if not product.has_kernel:
        _emit_plain_loops(emitter, product, target, _combined(emitter, alpha, beta))
        return
    emitter.include("gemm.h")
    operands = f"{target}, {product.a}, {product.b}"
    library = _openblas() if product.is_large else None
    if library is not None:
        emitter.include("blas.h")
        emitter.require_flag("-ldl")
        factors = "1, 0" if alpha is None or beta is None else ", ".join(map(emitter.expression, (alpha, beta)))
        threads = threads_for(emitter, product.work)
        given = f"{json.dumps(library)}, {threads}, {operands}, {factors}"
        emitter.declaration_line(f"if (!pylms::blas_gemm<{product.arguments}>({given}))")
    arguments = ", ".join([operands, *_epilogue(emitter, alpha, beta)])
    parts = product.parts
    threads = threads_for(emitter, product.work) if parts > 1 else "1"
    if threads == "1":
        emitter.line(f"pylms::gemm<{product.arguments}>({arguments});")
    else:
        emitter.line(f"pylms::gemm_in_parallel<{product.arguments}>({parts}, {threads}, {arguments});")


@lru_cache(maxsize=1)
def _openblas() -> str | None:
    """The shared library in the wheel that this package depends on; None where that is not installed."""
    spec = find_spec("scipy_openblas32")
    folders = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec is not None else []
    found = [path for folder in folders for path in folder.glob("lib/libscipy_openblas.*") if path.is_file()]
    return str(found[0]) if found else None


def _epilogue(emitter: Emitter, alpha: Atom | None, beta: Atom | None) -> tuple[str, ...]:
    """What the kernel does with the product."""
    if alpha is None or beta is None:
        return ()
    factor = emitter.expression(alpha)
    if _is(beta, 0):
        emitter.include("update.h")
        return () if _is(alpha, 1) else (f"pylms::Scale{{{factor}}}",)
    if _is(beta, 1):
        return ("pylms::Accumulate{}",) if _is(alpha, 1) else (f"pylms::AddScaled{{{factor}}}",)
    emitter.include("update.h")
    return (f"pylms::Blend{{{factor}, {emitter.expression(beta)}}}",)


def _is(atom: Atom, value: float) -> bool:
    return isinstance(atom, Const) and atom.value == value


def _combined(emitter: Emitter, alpha: Atom | None, beta: Atom | None) -> str:
    """What to store, of `sum` and `old`."""
    if alpha is None or beta is None:
        return "sum"
    scaled = f"{emitter.expression(alpha)} * sum"
    return scaled if _is(beta, 0) else f"{emitter.expression(beta)} * old + {scaled}"


def _emit_plain_loops(emitter: Emitter, product: _Product, target: str, result: str) -> None:
    """For types that there are no kernels for, and for products along an empty axis."""
    i, j, k = (emitter.fresh_name(hint) for hint in ("row", "column", "k"))
    a_at = f"{k} * {product.rows} + {i}" if product.transposed_a else f"{i} * {product.inner} + {k}"
    b_at = f"{j} * {product.inner} + {k}" if product.transposed_b else f"{k} * {product.columns} + {j}"
    spelled = scalar_c_type(product.dtype)
    with (
        emitter.braces(f"for (long long {i} = 0; {i} < {product.rows}; ++{i})"),
        emitter.braces(f"for (long long {j} = 0; {j} < {product.columns}; ++{j})"),
    ):
        place = f"{target}[{i} * {product.columns} + {j}]"
        emitter.line(f"{spelled} sum = 0;")
        with emitter.braces(f"for (long long {k} = 0; {k} < {product.inner}; ++{k})"):
            emitter.line(f"sum += {product.a}[{a_at}] * {product.b}[{b_at}];")
        if "old" in result:
            emitter.line(f"const {spelled} old = {place};")
        emitter.line(f"{place} = {result};")
