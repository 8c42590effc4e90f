"""Small makers of AST nodes, each placed at the user's construct it stands for, and two ways of walking functions.

In: names, nodes, and the node (`at`) whose position the new one takes. Out: nodes with positions throughout.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias, TypeVar

FunctionNode: TypeAlias = "ast.FunctionDef | ast.Lambda"
Comprehension: TypeAlias = "ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp"
AnyNode = TypeVar("AnyNode", bound=ast.AST)

_HAS_TYPE_PARAMETERS = "type_params" in ast.FunctionDef._fields
_THUNK_TAKERS = frozenset({"__if", "__and", "__or", "__try", "__for", "__reduce"})


def place(node: AnyNode, at: ast.AST) -> AnyNode:
    """Give `node`, and what is new below it, the position of `at`; nodes that have a position keep it."""
    if hasattr(node, "lineno"):
        return node
    if "lineno" in node._attributes:
        ast.copy_location(node, at)
    for child in ast.iter_child_nodes(node):
        place(child, at)
    return node


def span(start: ast.AST, end: ast.AST) -> ast.AST:
    """A node that stands only for a position: from the start of one node to the end of another."""
    position = ast.copy_location(ast.Pass(), start)
    position.end_lineno = getattr(end, "end_lineno", None)
    position.end_col_offset = getattr(end, "end_col_offset", None)
    return position


def load(name: str, *, at: ast.AST) -> ast.Name:
    """`name`, read."""
    return place(ast.Name(name, ast.Load()), at)


def store(name: str, *, at: ast.AST) -> ast.Name:
    """`name`, as the target of an assignment."""
    return place(ast.Name(name, ast.Store()), at)


def constant(value: object, *, at: ast.AST) -> ast.Constant:
    """A literal."""
    literal: Any = value
    return place(ast.Constant(literal), at)


def call(
    function: str, arguments: Sequence[ast.expr], *, at: ast.AST, keywords: Sequence[ast.keyword] = ()
) -> ast.Call:
    """`function(*arguments, **keywords)`."""
    return place(ast.Call(ast.Name(function, ast.Load()), list(arguments), list(keywords)), at)


def assign(name: str, value: ast.expr, *, at: ast.AST) -> ast.Assign:
    """`name = value`."""
    return place(ast.Assign([ast.Name(name, ast.Store())], value), at)


def perform(value: ast.expr, *, at: ast.AST) -> ast.Expr:
    """`value`, as a statement."""
    return place(ast.Expr(value), at)


def returning(value: ast.expr, *, at: ast.AST) -> ast.Return:
    """`return value`."""
    return place(ast.Return(value), at)


def branch(test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt], *, at: ast.AST) -> ast.If:
    """`if test: body else: orelse`; an empty body becomes `pass`."""
    return place(ast.If(test, body or [ast.Pass()], orelse), at)


def negated(value: ast.expr, *, at: ast.AST) -> ast.UnaryOp:
    """`not value`."""
    return place(ast.UnaryOp(ast.Not(), value), at)


def thunk(value: ast.expr, parameters: Sequence[str] = ()) -> ast.Lambda:
    """`lambda parameters: value`."""
    return place(ast.Lambda(_arguments(parameters), value), value)


def function(name: str, parameters: Sequence[str], body: list[ast.stmt], *, at: ast.AST) -> ast.FunctionDef:
    """`def name(parameters): body`; an empty body becomes `pass`."""
    made = ast.FunctionDef(
        name=name, args=_arguments(parameters), body=body or [ast.Pass()], decorator_list=[], returns=None
    )
    if _HAS_TYPE_PARAMETERS:
        setattr(made, "type_params", [])  # noqa: B010 - only Python 3.12 and later declare it
    return place(made, at)


def _arguments(parameters: Sequence[str]) -> ast.arguments:
    return ast.arguments(
        posonlyargs=[],
        args=[ast.arg(name) for name in parameters],
        vararg=None,
        kwonlyargs=[],
        kw_defaults=[],
        kwarg=None,
        defaults=[],
    )


def parameters_of(arguments: ast.arguments) -> list[ast.arg]:
    """All parameters, in the order Python numbers them."""
    starred = [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *starred]


def split_docstring(body: list[ast.stmt]) -> tuple[list[ast.stmt], list[ast.stmt]]:
    """The docstring (none or one statement) and the rest of a function's body."""
    first = body[0]
    documented = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return (body[:1], body[1:]) if documented else ([], body)


def is_run_on_the_spot(node: ast.Call, part: ast.expr) -> bool:
    """Whether `part` of the call is a lambda that runs during the call, if at all: one called where it stands, or a
    thunk made by `bool_ops`."""
    if not isinstance(part, ast.Lambda):
        return False
    return part is node.func or (isinstance(node.func, ast.Name) and node.func.id in _THUNK_TAKERS)


def is_repeated(node: ast.Call) -> bool:
    """Whether the thunks of the call run once for each item."""
    return isinstance(node.func, ast.Name) and node.func.id == "__for"


def is_transparent(node: ast.Call, part: ast.expr) -> bool:
    """Whether `part` of the call is a lambda that a pass made of an expression: `:=` in it means a name outside it."""
    if not isinstance(part, ast.Lambda) or not is_run_on_the_spot(node, part):
        return False
    return part is not node.func or any("$" in parameter.arg for parameter in part.args.args)


def functions_in(node: ast.AST) -> Iterator[ast.FunctionDef]:
    """Every `def` in the tree, outer before inner, in source order."""
    if isinstance(node, ast.FunctionDef):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from functions_in(child)


class BlockTransformer(ast.NodeTransformer):
    """Visits what functions run: not annotations, and not what a class body runs itself.

    Code that a class body runs directly cannot move into a block function or a thunk, which would not see the
    names of the class; the bodies of its methods and lambdas can.
    """

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.decorator_list = [self.visit(decorator) for decorator in node.decorator_list]
        node.bases = [self.visit(base) for base in node.bases]
        node.keywords = [self.visit(keyword) for keyword in node.keywords]
        for statement in node.body:
            self._visit_in_class_body(statement)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list = [self.visit(decorator) for decorator in node.decorator_list]
        node.args = self.visit(node.args)
        node.body = self.statements(node.body)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.target = self.visit(node.target)
        node.value = None if node.value is None else self.visit(node.value)
        return node

    def statements(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """The statements that take the place of `body`."""
        return visit_statements(self, body)

    def _visit_in_class_body(self, node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef):
            node.body = self.statements(node.body)
            return
        if isinstance(node, ast.Lambda):
            node.body = self.visit(node.body)
            return
        for child in ast.iter_child_nodes(node):
            self._visit_in_class_body(child)


def visit_statements(visitor: ast.NodeTransformer, body: list[ast.stmt]) -> list[ast.stmt]:
    """What a transformer makes of a list of statements: each becomes one statement, several, or none."""
    result: list[ast.stmt] = []
    for statement in body:
        replacement = visitor.visit(statement)
        if isinstance(replacement, list):
            result.extend(replacement)
        elif replacement is not None:
            result.append(replacement)
    return result
