"""Reading `x[i]` becomes `__item(x, i)`, so that a staged index may look into a list or array that is known now.

In: any function, late in the pipeline. Out: the same where what is in the brackets may be staged: subscripts of
literals, slices and text stay as they are, and so does what is assigned or deleted.
"""

from __future__ import annotations

import ast

from .context import Context
from .nodes import FunctionNode, call
from .scope import ScopedTransformer, build_scopes


def rewrite_subscripts(node: FunctionNode, context: Context) -> FunctionNode:
    """Rewrite such subscripts in `node` and in everything it holds."""
    return _Subscripts(build_scopes(node)).visit_whole(node)


class _Subscripts(ScopedTransformer):
    def visit_annotation(self, node: ast.expr) -> ast.expr:
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load) or not _may_be_staged(node.slice):
            return node
        return call("__item", [node.value, node.slice], at=node)


def _may_be_staged(index: ast.expr) -> bool:
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    if any(isinstance(part, (ast.Slice, ast.Starred)) for part in parts):
        return False
    return not all(_is_known(part) for part in parts)


def _is_known(part: ast.expr) -> bool:
    inner = part.operand if isinstance(part, ast.UnaryOp) else part
    return isinstance(inner, (ast.Constant, ast.JoinedStr))
