"""Which cells each block assigns: what staging must know before it enters a block.

In: a function after all passes. Out: for each block function, the names of cells visible outside it that it, or a
function defined in it, assigns; and those variables of the world outside the decorated function that it assigns,
which are no cells and so cannot be staged.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from .context import is_block_name
from .nodes import FunctionNode

_ASSIGNING = ("__assign", "__delete")


class Assignments(NamedTuple):
    """For each block function: the cells it assigns, and the outside variables it assigns."""

    cells: dict[str, tuple[str, ...]]
    outside: dict[str, tuple[str, ...]]


def collect_assignments(node: FunctionNode) -> Assignments:
    """The assignments of every block function below `node`."""
    found = Assignments({}, {})
    _visit(node, found)
    return found


def _visit(function: FunctionNode, found: Assignments) -> tuple[dict[str, None], dict[str, None]]:
    """The cells and outside variables assigned by `function` and those in it, cells of its own excepted."""
    own: set[str] = set()
    cells: dict[str, None] = {}
    outside: dict[str, None] = {}
    for node in _in_function(function):
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            inner_cells, inner_outside = _visit(node, found)
            cells.update(inner_cells)
            outside.update(inner_outside)
        elif isinstance(node, ast.Assign) and _called(node.value) == "__var":
            own.update(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.Nonlocal):
            outside.update(dict.fromkeys(node.names))
        elif isinstance(node, ast.Call) and _called(node) in _ASSIGNING and isinstance(node.args[0], ast.Name):
            cells[node.args[0].id] = None
    cells = {name: None for name in cells if name not in own}
    if isinstance(function, ast.FunctionDef) and is_block_name(function.name):
        found.cells[function.name] = tuple(cells)
        if outside:
            found.outside[function.name] = tuple(outside)
    return cells, outside


def _in_function(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes of one function, those of functions in it excepted, in source order."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (ast.FunctionDef, ast.Lambda)):
            yield from _in_function(child)


def _called(node: ast.expr) -> str | None:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None
