"""What changes an object says so: `__changing(xs).append(1)`, `__changing(point).x = 1`, `del __changing(table)[key]`.

In: a function after all passes, whose text has been taken for `.src`: this is not shown there. Out: the object that
a store, a `del` or a call of a method like `append` changes goes through `__changing`, so that staging can tell a
change that would happen once, while staging, in a block that runs many times or not at all. Lists, dicts and sets
that the function makes go through `__new`, as what classes make does through `__invoke`: a block may change what
was made in it. `self.x = 1` in `__init__` changes what is just being made.
"""

from __future__ import annotations

import ast

from .context import is_block_name
from .nodes import FunctionNode, call, constant

CHANGING_METHODS = frozenset(
    {"append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse"}  # list, bytearray
    | {"popitem", "setdefault", "update"}  # dict
    | {"add", "discard", "intersection_update", "difference_update", "symmetric_difference_update"}  # set
    | {"appendleft", "extendleft", "popleft", "rotate", "move_to_end", "subtract"}  # collections
    | {"write", "writelines", "read", "readline", "readlines", "seek", "truncate"}  # files
)
"""The methods by which Python's own mutable classes are changed."""


def mark_changes(node: FunctionNode) -> None:
    """Mark what a function, and those it holds, change and make; in place."""
    _Changes().visit_whole(node)


class _Changes(ast.NodeTransformer):
    """Walks with the name, if any, of what the innermost function initialises."""

    def __init__(self) -> None:
        self.made: str | None = None

    def visit_whole(self, node: FunctionNode) -> None:
        """The decorated function."""
        self.made = _initialised_by(node)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        outside = self.made
        if not is_block_name(node.name):
            self.made = _initialised_by(node)
        self.generic_visit(node)
        self.made = outside
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Load):
            return node
        if not isinstance(node.value, ast.Name) or node.value.id != self.made:
            node.value = _changing(node.value)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.ctx, ast.Load):
            node.value = _changing(node.value)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        method = node.func
        if isinstance(method, ast.Attribute) and method.attr in CHANGING_METHODS:
            method.value = _changing(method.value, constant(method.attr, at=method))
        return node

    def _visit_display(self, node: ast.expr) -> ast.AST:
        self.generic_visit(node)
        is_target = isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del))
        return node if is_target else call("__new", [node], at=node)

    visit_List = _visit_display
    visit_Dict = _visit_display
    visit_Set = _visit_display
    visit_ListComp = _visit_display
    visit_DictComp = _visit_display
    visit_SetComp = _visit_display


def _changing(value: ast.expr, *method: ast.expr) -> ast.expr:
    return call("__changing", [value, *method], at=value)


def _initialised_by(node: FunctionNode) -> str | None:
    if isinstance(node, ast.Lambda) or node.name not in ("__init__", "__post_init__") or not node.args.args:
        return None
    return node.args.args[0].arg
