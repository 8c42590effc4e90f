"""`x is None` asks an operator, which knows values that only the run finds to be None: `__is_none(x)`.

In: a function after all passes, whose text has been taken for `.src`: this is not shown there. Out: `__is_none(x)` and
`__not(__is_none(x))` for `x is None` and `x is not None`.
"""

from __future__ import annotations

import ast

from .nodes import FunctionNode, call


def rewrite_none_tests(node: FunctionNode) -> None:
    """Rewrite the tests in a function, in place."""
    _NoneTests().visit(node)


class _NoneTests(ast.NodeTransformer):
    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        test, right = node.ops[0], node.comparators[0]
        is_known = isinstance(node.left, ast.Constant)  # at most one of the two is worth asking about
        asked = right if is_known else node.left
        against = node.left if is_known else right
        is_none = isinstance(against, ast.Constant) and against.value is None
        if len(node.ops) > 1 or not is_none or not isinstance(test, (ast.Is, ast.IsNot)):
            return node
        found = call("__is_none", [asked], at=node)
        return found if isinstance(test, ast.Is) else call("__not", [found], at=node)
