"""`and`, `or`, `not`, comparison chains and ternaries become operator calls.

In: any function. Out: `__and(a, lambda: b)`, `__or(a, lambda: b)`, `__not(a)`, `__if(test, lambda: a, lambda: b)`;
operands after the first are thunks, so that only those run which Python would run. A chain `a < b < c` becomes
`__and(a < b, lambda: b < c)`; a middle operand that is more than a name or a literal is first bound by a lambda
called on the spot. Single comparisons stay. Where such a value is only tested (`if a and b`), its truth is asked
again, which CPython spares itself. A `:=` in a thunk still means the variable around it (`scope` says so); until
`variables` has made that a cell, Python would take it for the thunk's own. What a class body runs directly stays as
it is.
"""

from __future__ import annotations

import ast

from .context import Context
from .nodes import BlockTransformer, FunctionNode, call, load, place, thunk


def rewrite_bool_ops(node: FunctionNode, context: Context) -> FunctionNode:
    """Rewrite every such expression in `node` and in the functions it holds."""
    _BoolOps(context).visit(node)
    return node


class _BoolOps(BlockTransformer):
    def __init__(self, context: Context) -> None:
        self.context = context

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        name = "__and" if isinstance(node.op, ast.And) else "__or"
        first, *others = node.values
        return call(name, [first, *map(thunk, others)], at=node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        return call("__not", [node.operand], at=node) if isinstance(node.op, ast.Not) else node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        return call("__if", [node.test, thunk(node.body), thunk(node.orelse)], at=node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if len(node.ops) == 1:
            return node
        return self._chain(node.left, node.ops, node.comparators, node)

    def _chain(self, left: ast.expr, ops: list[ast.cmpop], operands: list[ast.expr], at: ast.AST) -> ast.expr:
        if len(ops) == 1:
            return _comparison(left, ops[0], operands[0], at)
        middle = operands[0]
        if isinstance(middle, (ast.Name, ast.Constant)):
            return self._link(left, middle, ops, operands[1:], at)
        names = [self.context.fresh("left"), self.context.fresh("middle")]
        link = self._link(load(names[0], at=left), load(names[1], at=middle), ops, operands[1:], at)
        return place(ast.Call(thunk(link, names), [left, middle], []), at)

    def _link(
        self,
        left: ast.expr,
        middle: ast.Name | ast.Constant,
        ops: list[ast.cmpop],
        operands: list[ast.expr],
        at: ast.AST,
    ) -> ast.expr:
        first = _comparison(left, ops[0], middle, at)
        others = self._chain(_copied(middle), ops[1:], operands, at)
        return call("__and", [first, thunk(others)], at=at)


def _comparison(left: ast.expr, op: ast.cmpop, right: ast.expr, at: ast.AST) -> ast.Compare:
    return place(ast.Compare(left, [op], [right]), at)


def _copied(node: ast.Name | ast.Constant) -> ast.expr:
    """The same once more: a node must not stand in two places of a tree."""
    if isinstance(node, ast.Name):
        return load(node.id, at=node)
    return ast.copy_location(ast.Constant(node.value), node)
