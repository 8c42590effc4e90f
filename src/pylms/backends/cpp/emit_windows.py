"""C++ for convolutions and pooling: calls of the kernels in include/, which are instantiated for the sizes at hand.

The kernels know two dimensions that windows move along; where there is one, it is the second, and the first has one
element.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from ...ir.node import Atom, Node
from ...ir.ops import windows as ops
from ...ir.ops.tensors import integers_of
from ...ir.types import TensorType
from .emit_parallel import threads_for
from .emit_rules import emit_rules
from .emit_variables import array_bytes
from .emitter import Emitter
from .literals import scalar_c_type

_POOLS = {
    ops.MAX_POOL: "max_pool",
    ops.MAX_POOL_PICK: "max_pool_pick",
    ops.MAX_POOL_PLACE: "max_pool_place",
    ops.WINDOW_SUM: "window_sum",
    ops.WINDOW_SPREAD: "window_spread",
}

Shape = tuple[int, ...]


def _type(atom: Atom) -> TensorType:
    assert isinstance(atom.type, TensorType)
    return atom.type


def _axes(node: Node, *, kernel: Shape, counts: Shape, extents: Shape) -> list[str]:
    """Where windows lie along the rows and the columns."""
    strides, padding, dilation = (integers_of(node, name) for name in ("strides", "padding", "dilation"))
    numbers = zip(kernel, strides, padding, dilation, counts, extents, strict=True)
    axes = [f"pylms::Axis<{', '.join(map(str, each))}>" for each in numbers]
    return axes if len(axes) == 2 else ["pylms::Axis<1, 1, 0, 1, 1, 1>", *axes]


@dataclass(frozen=True, slots=True)
class _Convolution:
    """The kernels' type for a convolution, how many multiplications it takes, and what else its kernels need.

    panel: elements of the smallest panel that the kernels work with.
    """

    spelled: str
    work: int
    batch: int
    panel: int

    @staticmethod
    def of(node: Node, *, x: Atom, weight: Atom, y: Atom) -> _Convolution:
        batch, inputs, *extents = _type(x).shape
        outputs, group_inputs, *kernel = _type(weight).shape
        counts = _type(y).shape[2:]
        groups = inputs // group_inputs
        axes = _axes(node, kernel=tuple(kernel), counts=counts, extents=tuple(extents))
        spelled = ", ".join([*map(str, (batch, groups, group_inputs, outputs // groups)), *axes])
        work = _type(y).size * group_inputs * prod(kernel)
        reach = (kernel[0] - 1) * integers_of(node, "dilation")[0] if len(kernel) == 2 else 0
        panel = max((1 + reach) * kernel[-1], prod(kernel)) * counts[-1]
        return _Convolution(f"pylms::Convolution<{spelled}>", work, batch, panel)

    @property
    def is_wide(self) -> bool:
        """Whether a panel is too large for the stack: as `is_wide` of include/conv.h."""
        return self.panel > 64 * 1024

    @property
    def parts(self) -> int:
        """How many parts of the batch have weight gradients of their own: any number of threads adds up the same."""
        return next((parts for parts in (8, 4, 6) if self.batch % parts == 0), min(self.batch, 8))


@emit_rules.define(ops.CONV)
def _emit_conv(emitter: Emitter, node: Node) -> None:
    x, weight, *bias = node.args
    addend = emitter.expression(bias[0]) if bias else _nothing(x)
    convolution = _Convolution.of(node, x=x, weight=weight, y=node.results[0])
    operands = [*map(emitter.expression, (x, weight)), addend]
    _emit_convolution(emitter, node, "convolve", convolution, operands)


@emit_rules.define(ops.CONV_INPUT_GRADIENT)
def _emit_conv_input_gradient(emitter: Emitter, node: Node) -> None:
    u, weight = node.args
    convolution = _Convolution.of(node, x=node.results[0], weight=weight, y=u)
    operands = [*map(emitter.expression, node.args)]
    _emit_convolution(emitter, node, "convolution_input_gradient", convolution, operands)


@emit_rules.define(ops.CONV_WEIGHT_GRADIENT)
def _emit_conv_weight_gradient(emitter: Emitter, node: Node) -> None:
    x, u = node.args
    (result,) = node.results
    convolution = _Convolution.of(node, x=x, weight=result, y=u)
    others = (convolution.parts - 1) * array_bytes(_type(result))
    scratch = emitter.scratch(result.type, others) if others > 0 else _nothing(result)
    operands = [*map(emitter.expression, node.args), scratch]
    parts = str(convolution.parts)
    _emit_convolution(emitter, node, "convolution_weight_gradient", convolution, operands, parts=parts)


def _nothing(like: Atom) -> str:
    """No elements, of the kind that a tensor has."""
    return f"({scalar_c_type(_type(like).dtype)} *)nullptr"


def _emit_convolution(
    emitter: Emitter, node: Node, kernel: str, convolution: _Convolution, operands: Sequence[str], *, parts: str = ""
) -> None:
    """The call of a kernel; zeros where there is nothing to add up."""
    target = _new_memory(emitter, node)
    if not convolution.work:
        emitter.line(f"__builtin_memset({target}, 0, {array_bytes(_type(node.results[0]))});")
        return
    emitter.include("conv.h")
    name = emitter.fresh_name("convolution")
    emitter.declaration_line(f"using {name} = {convolution.spelled};")
    memory, threads = _nothing(node.results[0]), threads_for(emitter, convolution.work)
    if convolution.is_wide:
        type_ = _type(node.results[0])
        memory, threads = emitter.scratch(type_, convolution.panel * type_.dtype.itemsize), "1"
    arguments = ", ".join([target, *operands, memory, threads])
    emitter.line(f"pylms::{kernel}<{', '.join([name, parts] if parts else [name])}>({arguments});")


def _new_memory(emitter: Emitter, node: Node) -> str:
    """The name of the node's result, which is memory of its own."""
    (result,) = node.results
    emitter.define(result, emitter.allocate(result, array_bytes(_type(result))))
    return emitter.name_of(result)


@emit_rules.define(*_POOLS)
def _emit_pool(emitter: Emitter, node: Node) -> None:
    (result,) = node.results
    tensors = [_type(arg) for arg in (*node.args, result)]
    target = _new_memory(emitter, node)
    planes = prod(tensors[0].shape[:2])
    whole, pooled = (result, node.args[0]) if node.primitive is ops.WINDOW_SPREAD else (node.args[0], result)
    if node.primitive is ops.MAX_POOL_PLACE:
        pooled = node.args[1]
    kernel = integers_of(node, "kernel")
    axes = _axes(node, kernel=kernel, counts=_type(pooled).shape[2:], extents=_type(whole).shape[2:])
    emitter.include("pool.h")
    # An element that is compared, found again and moved takes as long as so many multiplications.
    work = 16 * max(tensor.size for tensor in tensors) if planes else 0
    arguments = ", ".join([target, *map(emitter.expression, node.args), str(planes), threads_for(emitter, work)])
    emitter.line(f"pylms::{_POOLS[node.primitive]}<{', '.join(axes)}>({arguments});")
