"""Functions made from blocks: what `loops` and `branches` share.

In: a block of statements that assigns no Python name of the code around it, except names declared `nonlocal` that
belong to the world outside the decorated function. Out: a `def` of its own, which declares those.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from .context import Context, is_block_name
from .nodes import BlockTransformer, function


class BlockMaker(BlockTransformer):
    """Walks functions with the set of names that the innermost one of the user's declares `nonlocal`."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.foreign: frozenset[str] = frozenset()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        outside = self.foreign
        if not is_block_name(node.name):
            self.foreign = frozenset()
        self.foreign |= {name for each in node.body if isinstance(each, ast.Nonlocal) for name in each.names}
        super().visit_FunctionDef(node)
        self.foreign = outside
        return node

    def block_function(
        self, name: str, parameters: Sequence[str], body: list[ast.stmt], *, at: ast.AST
    ) -> ast.FunctionDef:
        """`def name(parameters): body`, with `nonlocal` for the outer names that the body assigns itself."""
        if not self.foreign:
            return function(name, parameters, body, at=at)
        assigned = self.foreign.intersection(bound for statement in body for bound in _bound_directly(statement))
        declared: list[ast.stmt] = [ast.copy_location(ast.Nonlocal(sorted(assigned)), at)] if assigned else []
        return function(name, parameters, [*declared, *body], at=at)


def _bound_directly(node: ast.AST) -> Iterator[str]:
    """The names that statements bind in the function they stand in."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        yield node.name
        return
    if isinstance(node, ast.Lambda):
        return
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        yield from (each.target.id for each in ast.walk(node) if isinstance(each, ast.NamedExpr))
        return
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    if isinstance(node, ast.ExceptHandler) and node.name is not None:
        yield node.name
    if isinstance(node, ast.alias):
        yield node.asname or node.name.partition(".")[0]
    for child in ast.iter_child_nodes(node):
        yield from _bound_directly(child)
