"""`try` guards what it covers, so that staging can tell where compiled code would have to catch an exception.

In: functions with any `try` (`reject` has refused leaving by `finally`). Out: a `try` has handlers or `finally`, not
both; its body is `with __try(lambda: (KeyError, ...)):`, which knows what the handlers catch (`__try()`: everything);
what staging itself raises passes by the handlers and by `finally`:

    try:                                            try:
        with __try(lambda: (KeyError,)):                with __try():
            ...                                             ...
    except __uncaught:                              finally:
        raise                                           if __finally():
    except KeyError:                                        ...
        ...

Later passes see a `with` that never swallows, and know what a `try` does with flags: a handler takes back a return,
a break or a continue of the body, which an exception has then overtaken.

One thing is given up: a handler that is left by `return`, `break`, `continue` or an exception does not delete the name
after `as` where that is a cell.
"""

from __future__ import annotations

import ast
import copy

from .context import Context
from .nodes import FunctionNode, branch, call, load, place, thunk


def guard_tries(node: FunctionNode, _context: Context) -> FunctionNode:
    """Bring every `try` of `node` and of everything it holds into the form above."""
    _Tries().visit(node)
    return node


def mark_managers(node: FunctionNode) -> None:
    """Let `with` enter `__entering(manager)`, which lets pass what staging raises; in place, after `.src` is taken."""
    for each in ast.walk(node):
        if isinstance(each, ast.withitem) and not _is_guard(each.context_expr):
            each.context_expr = call("__entering", [each.context_expr], at=each.context_expr)


def _is_guard(manager: ast.expr) -> bool:
    return isinstance(manager, ast.Call) and isinstance(manager.func, ast.Name) and manager.func.id == "__try"


class _Tries(ast.NodeTransformer):
    def visit_Try(self, node: ast.Try) -> ast.AST:
        self.generic_visit(node)
        if node.finalbody and node.handlers:
            inner = place(ast.Try(node.body, node.handlers, node.orelse, []), node)
            return self._finally(node, [self._handled(inner)])
        return self._handled(node) if node.handlers else self._finally(node, node.body)

    def _handled(self, node: ast.Try) -> ast.Try:
        types = [handler.type for handler in node.handlers if handler.type is not None]
        is_bare = len(types) < len(node.handlers)
        caught = place(ast.Tuple(copy.deepcopy(types), ast.Load()), node)
        arguments = [] if is_bare else [thunk(caught)]
        node.body = [_guarded(node.body, call("__try", arguments, at=node), node)]
        passing = place(ast.ExceptHandler(load("__uncaught", at=node), None, [ast.Raise(None, None)]), node)
        node.handlers = [passing, *node.handlers]
        return node

    def _finally(self, node: ast.Try, body: list[ast.stmt]) -> ast.Try:
        guarded = _guarded(body, call("__try", [], at=node), node)
        cleaning = branch(call("__finally", [], at=node), node.finalbody, [], at=node)
        return place(ast.Try([guarded], [], [], [cleaning]), node)


def _guarded(body: list[ast.stmt], guard: ast.expr, at: ast.AST) -> ast.With:
    return place(ast.With([ast.withitem(guard, None)], body), at)
