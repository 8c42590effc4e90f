"""How statements leave the list they stand in: what `returns` and `break_continue` ask before they move code.

In: statements of one function. Out: answers; nothing is changed. Nested functions and classes count as opaque: what
they return or break out of is their own business.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from .nodes import place

_NEVER_SWALLOWS = frozenset(
    {"no_grad", "enable_grad", "set_grad_enabled", "inference_mode", "autocast", "open", "__try"}
)
"""Context managers that let every exception through; any other might not."""


def may_return(statement: ast.stmt) -> bool:
    """Whether the statement can return from the function it stands in."""
    return any(isinstance(each, ast.Return) for each in _run_by(statement, into_loops=True))


def returned_values(statement: ast.stmt) -> list[ast.expr]:
    """The expressions that the statement can return; bare returns have none."""
    found = _run_by(statement, into_loops=True)
    return [each.value for each in found if isinstance(each, ast.Return) and each.value is not None]


def may_break(statement: ast.stmt) -> bool:
    """Whether the statement can break out of the loop in whose body it stands."""
    return any(isinstance(each, ast.Break) for each in _run_by(statement, into_loops=False))


def may_continue(statement: ast.stmt) -> bool:
    """Whether the statement can continue with the next iteration of the loop in whose body it stands."""
    return any(isinstance(each, ast.Continue) for each in _run_by(statement, into_loops=False))


def completes(statements: Sequence[ast.stmt]) -> bool:
    """Whether control may run off the end of the list. True in doubt."""
    return all(_one_completes(statement) for statement in statements)


def is_endless(statement: ast.stmt) -> bool:
    """Whether the statement is a `while True` that nothing breaks out of."""
    if not isinstance(statement, ast.While) or not isinstance(statement.test, ast.Constant):
        return False
    return bool(statement.test.value) and not any(may_break(each) for each in statement.body)


def may_swallow(statement: ast.With) -> bool:
    """Whether leaving the `with` may end an exception of its body, so that what follows runs all the same."""
    for item in statement.items:
        manager = item.context_expr.func if isinstance(item.context_expr, ast.Call) else item.context_expr
        name = manager.attr if isinstance(manager, ast.Attribute) else getattr(manager, "id", None)
        if name not in _NEVER_SWALLOWS:
            return True
    return False


def declarations(dead: Sequence[ast.stmt]) -> list[ast.stmt]:
    """What remains of statements that are never reached: the names they bind are local to the function all the same."""
    names: dict[str, ast.AST] = {}
    kept: list[ast.stmt] = []
    for statement in dead:
        for name, node in _bound_by(statement):
            names.setdefault(name, node)
        kept += [each for each in _run_by(statement, into_loops=True) if isinstance(each, (ast.Nonlocal, ast.Global))]
    return kept + [
        place(ast.AnnAssign(ast.Name(name, ast.Store()), ast.Constant(None), None, 1), node)
        for name, node in names.items()
    ]


def _one_completes(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.Return, ast.Raise, ast.Break, ast.Continue)):
        return False
    if isinstance(statement, ast.If):
        return not statement.orelse or completes(statement.body) or completes(statement.orelse)
    if isinstance(statement, ast.With):
        return may_swallow(statement) or completes(statement.body)
    if isinstance(statement, ast.Try):
        handled = any(completes(handler.body) for handler in statement.handlers)
        return completes(statement.finalbody) and (handled or completes([*statement.body, *statement.orelse]))
    return not is_endless(statement)


def _run_by(statement: ast.stmt, *, into_loops: bool) -> Iterator[ast.stmt]:
    """The statement and those below it that belong to the same function (and, on demand, to the same loop)."""
    yield statement
    below: list[ast.stmt] = []
    if isinstance(statement, ast.If):
        below = [*statement.body, *statement.orelse]
    elif isinstance(statement, ast.With):
        below = statement.body
    elif isinstance(statement, ast.Try):
        handled = [each for handler in statement.handlers for each in handler.body]
        below = [*statement.body, *handled, *statement.orelse, *statement.finalbody]
    elif isinstance(statement, (ast.While, ast.For)):
        below = [*statement.body, *statement.orelse] if into_loops else statement.orelse
    for each in below:
        yield from _run_by(each, into_loops=into_loops)


def _bound_by(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        yield node.name, node
        return
    if isinstance(node, ast.Lambda):
        return
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        named = (each for each in ast.walk(node) if isinstance(each, ast.NamedExpr))
        yield from ((each.target.id, each.target) for each in named)
        return
    if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
        yield node.id, node
    if isinstance(node, ast.ExceptHandler) and node.name is not None:
        yield node.name, node
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0], node
    for child in ast.iter_child_nodes(node):
        yield from _bound_by(child)
