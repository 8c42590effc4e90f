"""Which names are bound where: Python's scopes, for a tree in any stage of rewriting.

In: a function. Out: a `Scope` for each node that opens one, and `ScopedTransformer`, which walks a tree knowing in
which scope each part is evaluated (defaults, decorators and first iterables belong outside). Names are those in the
tree: `methods` has mangled private ones already.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, TypeAlias

from .nodes import Comprehension, FunctionNode, is_run_on_the_spot, is_transparent, parameters_of, visit_statements

ScopeKind: TypeAlias = Literal["function", "lambda", "comprehension", "class"]


class Scope:
    """The names bound by one function, lambda, comprehension or class.

    is_lazy: whether its code may run later, or more than once, after it was made (a `def`, a lambda of the user's, a
    generator expression); otherwise it runs on the spot (a list comprehension, a class body, a thunk).
    is_transparent: whether `:=` in it binds a name of the scope around (in a comprehension, a thunk).
    bound: names that it binds. nonlocals, globals: names that it declares to belong elsewhere.
    global_bindings: names declared `global` and assigned here, with the node that assigns.
    """

    def __init__(self, kind: ScopeKind, parent: Scope | None, *, is_lazy: bool, is_transparent: bool) -> None:
        self.kind = kind
        self.parent = parent
        self.is_lazy = is_lazy
        self.is_transparent = is_transparent
        self.bound: set[str] = set()
        self.nonlocals: set[str] = set()
        self.globals: set[str] = set()
        self.global_bindings: dict[str, ast.AST] = {}

    def owner_of(self, name: str) -> Scope | None:
        """The scope within the tree whose variable `name` means here; None for one of the world outside."""
        if name in self.globals:
            return None
        if name in self.bound and name not in self.nonlocals:
            return self
        enclosing = self.parent
        while enclosing is not None:
            if enclosing.kind != "class" and name in enclosing.globals:
                return None
            if enclosing.kind != "class" and name in enclosing.bound and name not in enclosing.nonlocals:
                return enclosing
            enclosing = enclosing.parent
        return None


def build_scopes(node: FunctionNode) -> dict[ast.AST, Scope]:
    """The scope of each node below (and including) `node` that opens one, outer before inner."""
    builder = _ScopeBuilder()
    builder.visit_whole(node)
    return builder.built


class ScopedTransformer(ast.NodeTransformer):
    """Walks a function with `self.scope` always the scope in which the visited part is evaluated."""

    scope: Scope

    def __init__(self, scopes: Mapping[ast.AST, Scope]) -> None:
        self.scopes = scopes

    def visit_whole(self, node: FunctionNode) -> FunctionNode:
        """The decorated function: only its parameters and its body belong to the tree."""
        with self.inside(node):
            self.visit_function_body(node)
        return node

    @contextmanager
    def inside(self, node: ast.AST) -> Iterator[None]:
        """Evaluate in the scope that `node` opens."""
        outside = getattr(self, "scope", None)
        self.scope = self.scopes[node]
        yield
        if outside is not None:
            self.scope = outside

    def visit_function_body(self, node: FunctionNode) -> None:
        """What runs when the function is called; `self.scope` is the function's."""
        if isinstance(node, ast.Lambda):
            node.body = self.visit(node.body)
        else:
            node.body = self.statements(node.body)

    def statements(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """The statements that take the place of `body`."""
        return visit_statements(self, body)

    def visit_annotation(self, node: ast.expr) -> ast.expr:
        """An annotation that Python may evaluate at definition."""
        visited: ast.expr = self.visit(node)
        return visited

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST | list[ast.stmt]:
        node.decorator_list = [self.visit(decorator) for decorator in node.decorator_list]
        node.args = self.visit(node.args)
        node.returns = None if node.returns is None else self.visit_annotation(node.returns)
        with self.inside(node):
            self.visit_function_body(node)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None if node.annotation is None else self.visit_annotation(node.annotation)
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        node.args = self.visit(node.args)
        with self.inside(node):
            self.visit_function_body(node)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST | list[ast.stmt]:
        node.decorator_list = [self.visit(decorator) for decorator in node.decorator_list]
        node.bases = [self.visit(base) for base in node.bases]
        node.keywords = [self.visit(keyword) for keyword in node.keywords]
        with self.inside(node):
            node.body = self.statements(node.body) or [ast.copy_location(ast.Pass(), node)]
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | list[ast.stmt] | None:
        node.value = None if node.value is None else self.visit(node.value)
        if self.scope.kind == "class":
            node.annotation = self.visit_annotation(node.annotation)
        node.target = self.visit(node.target)
        return node

    def visit_Try(self, node: ast.Try) -> ast.AST:
        node.body = self.statements(node.body) or [ast.copy_location(ast.Pass(), node)]
        node.handlers = [self.visit(handler) for handler in node.handlers]
        node.orelse = self.statements(node.orelse)
        if node.finalbody:
            node.finalbody = self.statements(node.finalbody) or [ast.copy_location(ast.Pass(), node)]
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        node.type = None if node.type is None else self.visit(node.type)
        node.body = self.statements(node.body) or [ast.copy_location(ast.Pass(), node)]
        return node

    def visit_comprehension_scope(self, node: Comprehension) -> ast.AST:
        """A comprehension: its first iterable is evaluated outside, all else inside."""
        node.generators[0].iter = self.visit(node.generators[0].iter)
        with self.inside(node):
            for index, generator in enumerate(node.generators):
                if index > 0:
                    generator.iter = self.visit(generator.iter)
                generator.target = self.visit(generator.target)
                generator.ifs = [self.visit(condition) for condition in generator.ifs]
            if isinstance(node, ast.DictComp):
                node.key = self.visit(node.key)
                node.value = self.visit(node.value)
            else:
                node.elt = self.visit(node.elt)
        return node

    visit_ListComp = visit_comprehension_scope
    visit_SetComp = visit_comprehension_scope
    visit_DictComp = visit_comprehension_scope
    visit_GeneratorExp = visit_comprehension_scope


class _ScopeBuilder(ScopedTransformer):
    """Makes the scopes as it goes, and notes what each binds."""

    def __init__(self) -> None:
        self.built: dict[ast.AST, Scope] = {}
        self.immediate: set[ast.AST] = set()
        self.transparent: set[ast.AST] = set()
        super().__init__(self.built)

    @contextmanager
    def inside(self, node: ast.AST) -> Iterator[None]:
        self.built[node] = self._new_scope(node)
        with super().inside(node):
            if isinstance(node, (ast.FunctionDef, ast.Lambda)):
                self.scope.bound.update(parameter.arg for parameter in parameters_of(node.args))
            yield

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST | list[ast.stmt]:
        self._bind(node.name, node)
        return super().visit_FunctionDef(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST | list[ast.stmt]:
        self._bind(node.name, node)
        return super().visit_ClassDef(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if not isinstance(node.ctx, ast.Load):
            self._bind(node.id, node)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        if node.name is not None:
            self._bind(node.name, node)
        return super().visit_ExceptHandler(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> ast.AST:
        return self._bound_by_pattern(node, node.name)

    def visit_MatchStar(self, node: ast.MatchStar) -> ast.AST:
        return self._bound_by_pattern(node, node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> ast.AST:
        return self._bound_by_pattern(node, node.rest)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.AST:
        node.value = self.visit(node.value)
        scope = self.scope
        while scope.is_transparent and scope.parent is not None:
            scope = scope.parent
        _bind(scope, node.target.id, node)
        return node

    def visit_Import(self, node: ast.Import) -> ast.AST:
        for alias in node.names:
            self._bind(alias.asname or alias.name.partition(".")[0], node)
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        for alias in node.names:
            self._bind(alias.asname or alias.name, node)
        return node

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST:
        self.scope.nonlocals.update(node.names)
        return node

    def visit_Global(self, node: ast.Global) -> ast.AST:
        self.scope.globals.update(node.names)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        parts = (node.func, *node.args)
        self.immediate.update(part for part in parts if is_run_on_the_spot(node, part))
        self.transparent.update(part for part in parts if is_transparent(node, part))
        return self.generic_visit(node)

    def _bound_by_pattern(self, node: ast.pattern, name: str | None) -> ast.AST:
        if name is not None:
            self._bind(name, node)
        return self.generic_visit(node)

    def _bind(self, name: str, node: ast.AST) -> None:
        _bind(self.scope, name, node)

    def _new_scope(self, node: ast.AST) -> Scope:
        kind: ScopeKind = "comprehension"
        if isinstance(node, ast.FunctionDef):
            kind = "function"
        elif isinstance(node, ast.Lambda):
            kind = "lambda"
        elif isinstance(node, ast.ClassDef):
            kind = "class"
        is_lazy = isinstance(node, (ast.FunctionDef, ast.GeneratorExp)) or (
            isinstance(node, ast.Lambda) and node not in self.immediate
        )
        is_transparent = kind == "comprehension" or node in self.transparent
        return Scope(kind, getattr(self, "scope", None), is_lazy=is_lazy, is_transparent=is_transparent)


def _bind(scope: Scope, name: str, node: ast.AST) -> None:
    if name in scope.globals:
        scope.global_bindings.setdefault(name, node)
    scope.bound.add(name)
