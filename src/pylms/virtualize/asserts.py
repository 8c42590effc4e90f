"""`assert test, message` becomes a branch, so that its test may be staged.

In: any function. Out: `if not test: assert False, message`: the assertion that fails is still Python's own. Where
Python runs without assertions (`-O`), they stay as they are and mean nothing.
"""

from __future__ import annotations

import ast

from .context import Context
from .nodes import FunctionNode, branch, constant, negated


def rewrite_asserts(node: FunctionNode, _context: Context) -> FunctionNode:
    """Rewrite the assertions of `node` and of everything it holds."""
    if __debug__:
        _Asserts().visit(node)
    return node


class _Asserts(ast.NodeTransformer):
    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        test = node.test
        node.test = constant(False, at=test)
        return branch(negated(test, at=test), [node], [], at=node)
