"""`if` becomes an operator call over block functions: `__if(test, then$1, else$1)`.

In: functions without loops (see `loops`), whose blocks assign no Python name around them, and where an `if` that
returns does so on both sides. Out: no `if`, except those a class body runs directly. One that returns becomes
`return __if(...)`, and the block functions return what the user's function did.
"""

from __future__ import annotations

import ast

from .blocks import BlockMaker
from .context import Context
from .leaving import may_return
from .nodes import FunctionNode, call, load, perform, returning, span


def rewrite_branches(node: FunctionNode, context: Context) -> FunctionNode:
    """Rewrite the `if` statements of `node` and of the functions it holds."""
    _Branches(context).visit(node)
    return node


class _Branches(BlockMaker):
    def visit_If(self, node: ast.If) -> list[ast.stmt]:
        header = span(node, node.test)
        then, otherwise = self.context.fresh("then"), self.context.fresh("else")
        test, body, orelse = self.visit(node.test), self.statements(node.body), self.statements(node.orelse)
        # Branches inside are calls by now, so this looks at no statement twice.
        returns = any(may_return(statement) for statement in (*body, *orelse))
        choice = call("__if", [test, load(then, at=header), load(otherwise, at=header)], at=header)
        return [
            self.block_function(then, [], body, at=header),
            self.block_function(otherwise, [], orelse, at=header),
            returning(choice, at=header) if returns else perform(choice, at=header),
        ]
