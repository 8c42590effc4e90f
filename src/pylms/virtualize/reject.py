"""Refuses what cannot be virtualised, before anything is rewritten.

In: the function as the user wrote it. Out: the same, untouched, or a `SyntaxNotSupportedError` with its caret on
the first construct in question. (An assignment expression that has no cell to assign is refused by `variables`, which
knows the cells.)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .context import OPERATOR_NAMES, Context
from .leaving import may_break, may_continue, may_return
from .nodes import FunctionNode
from .scope import build_scopes

_GENERATOR = (
    "generators (yield) are",
    "build a list and return it, or keep the generator outside the decorated function",
)
_ASYNC = ("async code is", "keep async and await outside the decorated function")
_TRY_STAR = ("except* is", "use except, or catch exception groups outside the decorated function")
_LEAVING_FINALLY = ("leaving a `finally` by return, break or continue is", "leave after the try statement")
_GENERIC = (
    "type parameters of nested functions and classes, and type aliases, are",
    "define them outside the decorated function",
)

_refusal_rules: dict[str, tuple[str, str]] = {
    "Yield": _GENERATOR,
    "YieldFrom": _GENERATOR,
    "Await": _ASYNC,
    "AsyncFunctionDef": _ASYNC,
    "AsyncFor": _ASYNC,
    "AsyncWith": _ASYNC,
    "TryStar": _TRY_STAR,
    "TypeAlias": _GENERIC,
}


def reject_unsupported(node: FunctionNode, context: Context) -> FunctionNode:
    """Raise SyntaxNotSupportedError where the function holds something that no pass can rewrite."""
    for each in _in_source_order(node):
        rule = _refusal_rules.get(type(each).__name__)
        if rule is not None:
            raise context.refusal(each, *rule)
        if isinstance(each, ast.comprehension) and each.is_async:
            raise context.refusal(each.target, *_ASYNC)
        if each is not node and getattr(each, "type_params", None):
            raise context.refusal(each, *_GENERIC)
        if isinstance(each, ast.Try):
            _reject_leaving_finally(each, context)
        _reject_reserved_names(each, context)
    _reject_global_assignments(node, context)
    return node


def _in_source_order(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _in_source_order(child)


def _reject_leaving_finally(node: ast.Try, context: Context) -> None:
    for statement in node.finalbody:
        if may_return(statement) or may_break(statement) or may_continue(statement):
            raise context.refusal(statement, *_LEAVING_FINALLY)


def _reject_reserved_names(node: ast.AST, context: Context) -> None:
    names: list[str | None] = []
    if isinstance(node, ast.Name):
        names = [node.id]
    elif isinstance(node, ast.arg):
        names = [node.arg]
    elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        names = [node.name]
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        names = [alias.asname or alias.name for alias in node.names]
    elif isinstance(node, ast.ExceptHandler):
        names = [node.name]
    for name in names:
        if name in OPERATOR_NAMES:
            hint = f"rename it: {name} is the name of an operator that rewritten code calls"
            raise context.refusal(node, f"the name {name} is", hint)


def _reject_global_assignments(node: FunctionNode, context: Context) -> None:
    for scope in build_scopes(node).values():
        for name, binder in scope.global_bindings.items():
            hint = "return the value and assign it outside, or keep it in an object that the function changes"
            raise context.refusal(binder, f"assignment to the global name {name!r} is", hint)
