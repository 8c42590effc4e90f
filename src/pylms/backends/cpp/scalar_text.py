"""C++ for the scalar nodes of a loop nest: as anywhere, but for what compilers vectorise better in another form."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from ...ir.node import Atom, Const, Node, Sym
from ...ir.ops import arithmetic as ops
from ...ir.ops.elementary import ERF
from ...ir.ops.fusion import ELEMENT_AT
from ...ir.primitive import Primitive
from ...ir.types import FLOAT32, FLOAT64, INT64, Type
from .emit_rules import emit_rules
from .emitter import Emitter
from .literals import Binding, c_type, is_in_register
from .nest_shape import Access

ZERO = Const(0, INT64)

# Branch-free, so that loops over them become vector code.
_VECTORISABLE: dict[tuple[Primitive, Type], str] = {
    **{
        (primitive, type_): name
        for primitive, name in ((ops.EXP, "exp"), (ops.LOG, "log"), (ops.TANH, "tanh"), (ops.SIGMOID, "logistic"))
        for type_ in (FLOAT32, FLOAT64)
    },
    (ERF, FLOAT32): "erf",
}


def emit_scalar(emitter: Emitter, node: Node) -> None:
    """One node of a nest's block."""
    outer, emitter.loc = emitter.loc, node.loc
    function = _VECTORISABLE.get((node.primitive, node.args[0].type)) if node.args else None
    if function is not None:
        emitter.include("elementary.h")
        text = f"pylms::{function}({emitter.inline(node.args[0])})"
        emitter.define_pure(node.results[0], text, Binding.POSTFIX)
    elif node.primitive is ops.CONVERT and _has_same_spelling(node):
        emitter.alias(node.results[0], emitter.expression(node.args[0]))
    elif node.primitive in (ops.MINIMUM, ops.MAXIMUM) and _is_number(node.args[1]):
        _emit_bound(emitter, node)
    else:
        emitter.emit_node(node)
    emitter.loc = outer


def _has_same_spelling(node: Node) -> bool:
    """Whether a conversion changes nothing in C++, as from Python's int to int64."""
    return isinstance(node.args[0], Sym) and c_type(node.args[0].type) == c_type(node.results[0].type)


def _is_number(atom: Atom) -> bool:
    return isinstance(atom, Const) and atom.value == atom.value


def _emit_bound(emitter: Emitter, node: Node) -> None:
    """With a constant bound one comparison is enough; NaN is not beyond it and stays."""
    value, bound = emitter.expression(node.args[0]), emitter.expression(node.args[1])
    sign = "<" if node.primitive is ops.MAXIMUM else ">"
    emitter.define_pure(node.results[0], f"{value} {sign} {bound} ? {bound} : {value}", Binding.CONDITIONAL)


@emit_rules.define(ELEMENT_AT)
def _emit_element_at(emitter: Emitter, node: Node) -> None:
    (result,) = node.results
    emitter.define_pure(result, element_text(emitter, Access.of(node)), Binding.POSTFIX)


def element_text(emitter: Emitter, access: Access) -> str:
    """An element in memory; a tensor of rank 0 is its own element."""
    source = emitter.expression(access.source)
    return source if is_in_register(access.source.type) else f"{source}[{position(emitter, access)}]"


def position(emitter: Emitter, access: Access) -> str:
    """Where the element lies, in row-major order."""
    terms: list[str] = []
    offset = 0
    axes = access.long_axes()
    names = [emitter.expression(index) for index, _ in axes]
    for axis, (index, _) in enumerate(axes):
        stride = prod(extent for _, extent in axes[axis + 1 :])
        if isinstance(index, Const):
            offset += int(index.value) * stride
        elif names[axis] != "0" and not _shares_loop(axes, names, axis):
            terms.append(names[axis] if stride == 1 else f"{names[axis]} * {stride}")
    if offset or not terms:
        terms.append(str(offset))
    return " + ".join(terms)


def _shares_loop(axes: Sequence[tuple[Atom, int]], names: Sequence[str], axis: int) -> bool:
    """Whether this axis and the next have one loop variable, which counts over both."""
    return axis + 1 < len(axes) and names[axis + 1] == names[axis] and axes[axis + 1][0] is not axes[axis][0]
