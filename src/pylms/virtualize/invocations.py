"""Calls of the user's functions become calls of an operator, which sees what is called with what (DESIGN D5).

In: a function after all passes, whose text has been taken for `.src`: this is not shown there. Out: `__invoke(f, x)`
for `f(x)`. Calls of operators stay as they are, and so do builtins that look at the frame they are called from.
"""

from __future__ import annotations

import ast

from .context import OPERATOR_NAMES
from .nodes import FunctionNode, call

_LOOK_AT_FRAMES = frozenset({"super", "locals", "globals", "vars", "dir", "eval", "exec", "__import__", "breakpoint"})


def rewrite_invocations(node: FunctionNode) -> None:
    """Rewrite the calls in a function, in place; its decorators are gone by now."""
    for statement in node.body if isinstance(node.body, list) else [node]:
        _Invocations().visit(statement)


class _Invocations(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and (node.func.id in OPERATOR_NAMES or node.func.id in _LOOK_AT_FRAMES):
            return node
        return call("__invoke", [node.func, *node.args], keywords=node.keywords, at=node)
