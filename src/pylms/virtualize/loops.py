"""Loops become operator calls over block functions: `__while(cond$1, body$1)`, `__for(iterable, body$1)`.

In: loops after `break_continue` and `variables`: no `else`, no exits but the stop condition at the end of a `for`,
targets that are plain names, blocks that assign no Python name around them. Out: no loops, except those a class
body runs directly. A `for` that may stop early passes a third function, `stop$1`, asked after each iteration.
"""

from __future__ import annotations

import ast
from typing import cast

from .blocks import BlockMaker
from .break_continue import stop_flag_of
from .context import Context
from .nodes import FunctionNode, call, load, perform, returning, span


def rewrite_loops(node: FunctionNode, context: Context) -> FunctionNode:
    """Rewrite the loops of `node` and of the functions it holds."""
    _Loops(context).visit(node)
    return node


class _Loops(BlockMaker):
    def visit_While(self, node: ast.While) -> list[ast.stmt]:
        header = span(node, node.test)
        condition, body = self.context.fresh("cond"), self.context.fresh("body")
        node.test = self.visit(node.test)
        test = self.block_function(condition, [], [returning(node.test, at=node.test)], at=header)
        loop = call("__while", [load(condition, at=header), load(body, at=header)], at=header)
        statements = self.statements(node.body)
        return [test, self.block_function(body, [], statements, at=header), perform(loop, at=header)]

    def visit_For(self, node: ast.For) -> list[ast.stmt]:
        header = span(node, node.iter)
        is_loader_loop = isinstance(node.target, ast.Tuple)
        body = self.context.fresh("forfunc" if is_loader_loop else "body")
        arguments = [self.visit(node.iter), load(body, at=header)]
        if is_loader_loop:
            arguments[0] = cast(ast.Call, arguments[0]).args[0]
        stopping: list[ast.stmt] = []
        if (flag := stop_flag_of(node)) is not None:
            node.body.pop()
            stop = self.context.fresh("stop")
            stopping = [self.block_function(stop, [], [returning(flag, at=flag)], at=header)]
            arguments.append(load(stop, at=header))
        parameters = [each.id for each in ast.walk(node.target) if isinstance(each, ast.Name)]
        statements = self.statements(node.body)
        loop = call("__for_dataloader" if is_loader_loop else "__for", arguments, at=header)
        return [self.block_function(body, parameters, statements, at=header), *stopping, perform(loop, at=header)]
