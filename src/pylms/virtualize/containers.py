"""Displays of lists and dicts, and `in`, become operator calls.

In: any function, late in the pipeline. Out: `__list([a, b])`, `__dict({k: v})`, `__in(x, c)`, `__not(__in(x, c))`. A
display that a `for` iterates over, or that `in` searches, stays: nobody can change it.
"""

from __future__ import annotations

import ast

from .context import Context
from .nodes import BlockTransformer, FunctionNode, call, place


def rewrite_containers(node: FunctionNode, context: Context) -> FunctionNode:
    """Rewrite every such expression in `node` and in the functions it holds."""
    _Containers().visit(node)
    return node


class _Containers(BlockTransformer):
    def visit_List(self, node: ast.List) -> ast.AST:
        self.generic_visit(node)
        return call("__list", [node], at=node) if isinstance(node.ctx, ast.Load) else node

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        self.generic_visit(node)
        return call("__dict", [node], at=node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        operator = node.ops[0]
        if len(node.ops) > 1 or not isinstance(operator, (ast.In, ast.NotIn)):
            return self.generic_visit(node)
        node.left = self.visit(node.left)
        searched = self._used_up(node.comparators[0])
        found = call("__in", [node.left, searched], at=node)
        return found if isinstance(operator, ast.In) else call("__not", [found], at=node)

    def visit_For(self, node: ast.For) -> ast.AST:
        node.iter = self._used_up(node.iter)
        node.body = self.statements(node.body)
        node.orelse = self.statements(node.orelse)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        node.iter = self._used_up(node.iter)
        node.ifs = [self.visit(each) for each in node.ifs]
        return node

    def _used_up(self, node: ast.expr) -> ast.expr:
        """An expression whose value nobody else sees."""
        if isinstance(node, (ast.List, ast.Dict)):
            self.generic_visit(node)
            return node
        visited: ast.expr = self.visit(node)
        return visited


def spread_dicts(node: FunctionNode) -> None:
    """`__dict(((k, v), ...))` for `__dict({k: v, ...})`, in place: keys that only the run knows have no hash now.

    This is not shown in `.src`.
    """
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id == "__dict":
            (display,) = each.args
            if isinstance(display, ast.Dict) and None not in display.keys:
                entries = zip(display.keys, display.values, strict=True)
                pairs = [ast.Tuple([key, value], ast.Load()) for key, value in entries if key is not None]
                each.args = [place(ast.Tuple(list(pairs), ast.Load()), display)]
