"""A failing case made smaller: statements and calls are left out, expressions become parts of themselves or literals.

In: a case, and whether another one fails in the same way. Out: a case that does, of which no such step leaves one.
"""

from __future__ import annotations

import ast
import copy
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace

from .language_programs import Case

_LITERALS = ("0", "1")


def shrunk(case: Case, still_fails: Callable[[Case], bool], *, seconds: float = 60.0) -> Case:
    """Greedily: the first smaller case that fails is gone on with, as long as there is time."""
    ends = time.monotonic() + seconds
    for call in case.calls:
        if len(case.calls) > 1 and still_fails(replace(case, calls=(call,))):
            case = replace(case, calls=(call,))
            break
    tried: set[str] = set()
    found = True
    while found:
        found = False
        for source in _smaller(case.source):
            candidate = replace(case, source=source)
            if time.monotonic() > ends:
                return case
            if source not in tried and _compiles(source) and still_fails(candidate):
                case, found = candidate, True
                break
            tried.add(source)
    return case


def _smaller(source: str) -> Iterator[str]:
    """Sources with one change each, the largest changes first."""
    tree = ast.parse(source)
    blocks = _blocks(tree)
    for size in (8, 4, 2, 1):
        for at in range(len(blocks)):
            yield from _without_statements(tree, at, size)
    for at in range(len(blocks)):
        yield from _unwrapped(tree, at)
    for at in range(sum(isinstance(node, ast.expr) for node in ast.walk(tree.body[0]))):
        yield from _replaced(tree, at)


def _blocks(tree: ast.Module) -> list[list[ast.stmt]]:
    return [
        getattr(node, name)
        for node in ast.walk(tree.body[0])
        for name in ("body", "orelse")
        if isinstance(getattr(node, name, None), list) and not isinstance(node, ast.expr)
    ]


def _without_statements(tree: ast.Module, at: int, size: int) -> Iterator[str]:
    for start in range(0, len(_blocks(tree)[at]), size):
        changed = copy.deepcopy(tree)
        block = _blocks(changed)[at]
        if size > 1 and size >= 2 * len(block):
            return
        del block[start : start + size]
        yield _text(changed)


def _unwrapped(tree: ast.Module, at: int) -> Iterator[str]:
    """A compound statement becomes what is in it."""
    for place in range(len(_blocks(tree)[at])):
        changed = copy.deepcopy(tree)
        block = _blocks(changed)[at]
        inner = [*getattr(block[place], "body", ()), *getattr(block[place], "orelse", ())]
        if inner:
            block[place : place + 1] = inner
            yield _text(changed)


def _replaced(tree: ast.Module, at: int) -> Iterator[str]:
    node = _expression(tree, at)
    if isinstance(node, ast.Constant) or isinstance(getattr(node, "ctx", None), ast.Store):
        return
    parts = [
        ast.unparse(each)
        for each in ast.iter_child_nodes(node)
        if isinstance(each, ast.expr) and not isinstance(each, (ast.Slice, ast.Starred))
    ]
    if isinstance(node, ast.Call):
        parts = parts[1:]
    if any(isinstance(each, ast.Call) and each.func is node for each in ast.walk(tree)):
        return
    for text in (*parts, *_LITERALS):
        changed = copy.deepcopy(tree)
        old = _expression(changed, at)
        yield _text(_Replace(old, ast.parse(text, mode="eval").body).visit(changed))


def _expression(tree: ast.Module, at: int) -> ast.expr:
    return [node for node in ast.walk(tree.body[0]) if isinstance(node, ast.expr)][at]


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.expr, new: ast.expr) -> None:
        self._old = old
        self._new = new

    def visit(self, node: ast.AST) -> ast.AST:
        return self._new if node is self._old else super().visit(node)


def _text(tree: ast.Module) -> str:
    """The program's text; blocks that have become empty pass."""
    for node in ast.walk(tree):
        if isinstance(getattr(node, "body", None), list) and not node.body:  # type: ignore[attr-defined]
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _compiles(source: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        try:
            compile(source, "<smaller>", "exec")
        except (SyntaxError, ValueError):
            return False
    return True
