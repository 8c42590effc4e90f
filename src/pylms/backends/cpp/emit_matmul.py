"""C++ for matrix products: calls of the kernels in include/, which are instantiated for the sizes at hand.

Products of a matrix and a vector are those with one row or column. Large products may go to a library from here.
"""

from __future__ import annotations

from ...ir.node import Atom, Const, Node
from ...ir.ops.fusion import MATMUL_UPDATE
from ...ir.ops.tensors import MATMUL
from ...ir.types import FLOAT32, FLOAT64, ScalarType, TensorType, element_type
from .emit_rules import emit_rules
from .emit_variables import array_bytes
from .emitter import Emitter

_FORMS = {(False, False): "NN", (False, True): "NT", (True, False): "TN", (True, True): "TT"}
_KERNEL_TYPES = (FLOAT32, FLOAT64)


@emit_rules.define(MATMUL)
def _emit_matmul(emitter: Emitter, node: Node) -> None:
    (result,) = node.results
    assert isinstance(result.type, TensorType)
    emitter.define(result, emitter.allocate(result, array_bytes(result.type)))
    _emit_product(emitter, node, node.args, target=emitter.name_of(result), alpha=None, beta=None)


@emit_rules.define(MATMUL_UPDATE)
def _emit_matmul_update(emitter: Emitter, node: Node) -> None:
    buffer, alpha, beta, left, right = node.args
    _emit_product(emitter, node, (left, right), target=emitter.expression(buffer), alpha=alpha, beta=beta)


def _emit_product(
    emitter: Emitter, node: Node, factors: tuple[Atom, ...], *, target: str, alpha: Atom | None, beta: Atom | None
) -> None:
    """target = beta * target + alpha * product; None stands for the product alone."""
    left, right = factors
    assert isinstance(left.type, TensorType) and isinstance(right.type, TensorType)
    transposed = bool(node.attr("transpose_a")), bool(node.attr("transpose_b"))
    rows, inner = left.type.shape[::-1] if transposed[0] else left.type.shape
    columns = right.type.shape[0 if transposed[1] else 1]
    a, b = emitter.expression(left), emitter.expression(right)
    dtype = element_type(left.type)
    if dtype in _KERNEL_TYPES and rows and inner and columns:
        emitter.include("gemm.h")
        epilogue = _epilogue(emitter, alpha, beta)
        sizes = f"pylms::{_FORMS[transposed]}, {rows}, {columns}, {inner}"
        emitter.line(f"pylms::gemm<{sizes}>({', '.join(filter(None, (target, a, b, epilogue)))});")
        return
    a_at = f"{a}[k * {rows} + i]" if transposed[0] else f"{a}[i * {inner} + k]"
    b_at = f"{b}[j * {inner} + k]" if transposed[1] else f"{b}[k * {columns} + j]"
    _emit_plain_loops(emitter, (rows, columns, inner), f"{a_at} * {b_at}", target=target, alpha=alpha, beta=beta)
