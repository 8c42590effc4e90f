"""What depends on the class around a function is written out: private names and `super()`.

In: a function that may stand in a class, or hold classes. Out: the same with `__name` spelled `_Class__name` and
`super()` spelled `super(__class__, self)`, so that later passes may move code into functions of their own and see
each variable under its one true name. Names of `def` and `class` statements are mangled too; `true_names` keeps
what the user wrote.
"""

from __future__ import annotations

import ast

from .context import Context
from .nodes import FunctionNode, load, parameters_of


def write_out_class_context(node: FunctionNode, context: Context) -> FunctionNode:
    """Mangle private names and give `super()` its arguments."""
    _ClassContext(context).visit_whole(node)
    return node


def mangled(name: str, class_name: str | None) -> str:
    """`name` as Python stores it inside the class: `_Class__name` for `__name`."""
    stripped = (class_name or "").lstrip("_")
    if not stripped or not name.startswith("__") or name.endswith("__") or "." in name:
        return name
    return f"_{stripped}{name}"


class _ClassContext(ast.NodeTransformer):
    """Walks with the innermost class and the first parameter of the innermost function in hand."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.class_name = context.class_name
        self.has_class_cell = context.has_class_cell
        self.first_parameter: str | None = None

    def visit_whole(self, node: FunctionNode) -> None:
        """The decorated function itself: its own name stays."""
        self._visit_function(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list = [self.visit(decorator) for decorator in node.decorator_list]
        node.returns = None if node.returns is None else self.visit(node.returns)
        self._visit_function(node)
        node.name = self._renamed(node.name)
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        self._visit_function(node)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.decorator_list = [self.visit(decorator) for decorator in node.decorator_list]
        node.bases = [self.visit(base) for base in node.bases]
        node.keywords = [self.visit(keyword) for keyword in node.keywords]
        outside = self.class_name, self.has_class_cell, self.first_parameter
        self.class_name, self.has_class_cell, self.first_parameter = node.name, True, None
        node.body = [self.visit(statement) for statement in node.body]
        self.class_name, self.has_class_cell, self.first_parameter = outside
        node.name = self._renamed(node.name)
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = mangled(node.id, self.class_name)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        node.value = self.visit(node.value)
        node.attr = mangled(node.attr, self.class_name)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg = mangled(node.arg, self.class_name)
        node.annotation = None if node.annotation is None else self.visit(node.annotation)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        self.generic_visit(node)
        node.name = None if node.name is None else mangled(node.name, self.class_name)
        return node

    def visit_alias(self, node: ast.alias) -> ast.AST:
        bound = node.asname or node.name
        if mangled(bound, self.class_name) != bound:
            node.asname = mangled(bound, self.class_name)
        return node

    def visit_Global(self, node: ast.Global) -> ast.AST:
        node.names = [mangled(name, self.class_name) for name in node.names]
        return node

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST:
        node.names = [mangled(name, self.class_name) for name in node.names]
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        bare = isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args and not node.keywords
        if bare and self.has_class_cell and self.first_parameter is not None:
            node.args = [load("__class__", at=node), load(self.first_parameter, at=node)]
        return node

    def _visit_function(self, node: FunctionNode) -> None:
        # Defaults and annotations are evaluated outside: they see the first parameter of the function around.
        node.args = self.visit(node.args)
        outside = self.first_parameter
        positional = [*node.args.posonlyargs, *node.args.args]
        self.first_parameter = parameters_of(node.args)[0].arg if positional else None
        if isinstance(node, ast.Lambda):
            node.body = self.visit(node.body)
        else:
            node.body = [self.visit(statement) for statement in node.body]
        self.first_parameter = outside

    def _renamed(self, name: str) -> str:
        stored = mangled(name, self.class_name)
        if stored != name:
            self.context.true_names[stored] = name
        return stored
