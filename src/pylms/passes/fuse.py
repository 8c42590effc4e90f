"""Turn tensor operations into loop nests (DESIGN D8, D14).

In: a function with tensor operations. Out: an equal one in which elementwise operations, broadcasts, transposes,
selections by index and reductions stand in the blocks of `fused` nodes. What remains of the tensor operations are
matrix products, searches, scatters, copies of parts (`concat`, `place`) that need memory, and names for memory that
exists (`load`, `reshape`, `slice_rows`).
"""

from __future__ import annotations

from dataclasses import dataclass

from ..ir.builder import Builder, rebuild
from ..ir.node import Block, Function
from . import nest_rules, nest_rules_parts  # noqa: F401 - they fill the table
from .fusion_plan import FusionPlan, is_copied, is_inlinable, plan_fusion
from .nest_builder import NestBuilder
from .rewrite import with_body


@dataclass(frozen=True)
class Fuse:
    """One loop nest for every tensor that needs memory; the others are computed where they are used."""

    name: str = "fuse"

    def run(self, function: Function) -> Function:
        plan = plan_fusion(function)
        body = _fuse_block(function.body, plan, Builder.after(function))
        return with_body(function, body)


def _fuse_block(block: Block, plan: FusionPlan, builder: Builder) -> Block:
    with builder.block(block.params) as scope:
        for node in block.nodes:
            if node in plan.dead:
                continue
            if not is_inlinable(node):
                blocks = [_fuse_block(inner, plan, builder) for inner in node.blocks]
                builder.append(rebuild(node, node.args, blocks))
            elif node.results[0] in plan.roots and is_copied(node):
                builder.append(node)
            elif node.results[0] in plan.roots:
                builder.append(NestBuilder(builder, plan.inlined).build(node))
            elif node.results[0] in plan.aliases:
                builder.append(node)
        return scope.finish(block.results)
