"""Variables that blocks share become cells: `x = __var()`, `__assign(x, v)`, `__read(x)`.

In: structured control flow (after `bool_ops`). Out: the same, where no statement assigns a Python name of a block
around it, so that every block may become a function. Cells are made at the start of the block that `cells` names.
Afterwards the target of every `for` in a function is a plain name that only its body reads, except for the loops
over data loaders, `for i, (a, b) in enumerate(loader)`, which keep their shape for `loops`.

Assignment to several targets and unpacking go through `value$1`, ... where a cell is among the targets, one level
at a time and from left to right, as Python does it.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import cast

from .cells import BlockKey, Cells, find_cells
from .context import IN_PLACE_OPERATORS, Context
from .nodes import FunctionNode, assign, call, constant, load, parameters_of, perform, place, split_docstring, store
from .scope import Scope, ScopedTransformer, build_scopes


def rewrite_variables(node: FunctionNode, context: Context) -> FunctionNode:
    """Make cells of the variables that need it, in `node` and in the functions below it."""
    scopes = build_scopes(node)
    return _Variables(scopes, find_cells(node, scopes), context).visit_whole(node)


class _Variables(ScopedTransformer):
    def __init__(self, scopes: Mapping[ast.AST, Scope], cells: Cells, context: Context) -> None:
        super().__init__(scopes)
        self.cells = cells
        self.context = context

    # Reads

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if isinstance(node.ctx, ast.Load) and self._is_cell(node.id):
            return call("__read", [node], at=node)
        return node

    def visit_annotation(self, node: ast.expr) -> ast.expr:
        return super().visit_annotation(node) if self.context.annotations_run else node

    # Assignments

    def visit_Assign(self, node: ast.Assign) -> ast.AST | list[ast.stmt]:
        node.value = self.visit(node.value)
        if not any(self._binds_cell(target) for target in node.targets):
            node.targets = [self.visit(target) for target in node.targets]
            return node
        if len(node.targets) == 1:
            return self._assigned(node.targets[0], node.value, node)
        value = self.context.fresh("value")
        result: list[ast.stmt] = [assign(value, node.value, at=node)]
        for target in node.targets:
            result += self._assigned(target, load(value, at=node.value), node)
        return result

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        if not isinstance(node.target, ast.Name) or not self._is_cell(node.target.id):
            return self.generic_visit(node)
        name, value = node.target.id, self.visit(node.value)
        before = call("__read", [load(name, at=node.target)], at=node.target)
        after = call(IN_PLACE_OPERATORS[type(node.op)], [before, value], at=node)
        return perform(call("__assign", [load(name, at=node.target), after], at=node), at=node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | list[ast.stmt] | None:
        if not isinstance(node.target, ast.Name) or not self._is_cell(node.target.id):
            outer = self.scope.nonlocals | self.scope.globals
            is_foreign = isinstance(node.target, ast.Name) and node.target.id in outer
            return None if is_foreign and node.value is None else super().visit_AnnAssign(node)
        return None if node.value is None else self._assigned(node.target, self.visit(node.value), node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.AST:
        name, value = node.target.id, self.visit(node.value)
        if self._is_cell(name):
            return call("__assign", [load(name, at=node.target), value], at=node)
        owner = self.scope.owner_of(name)
        is_of_function = owner is not None and owner.kind == "function"  # and all its uses are in this thunk
        if self.scope.kind == "lambda" and self.scope.is_transparent and not is_of_function:
            hint = "assign on a line of its own before the expression, or use def in place of lambda"
            raise self.context.refusal(node, f"`:=` of {name!r}, which is no variable of this function, is", hint)
        node.value = value
        return node

    def visit_Delete(self, node: ast.Delete) -> ast.AST | list[ast.stmt]:
        targets = [each for target in node.targets for each in _flattened(target)]
        if not any(self._binds_cell(target) for target in targets):
            return self.generic_visit(node)
        return [self._deleted(target, node) for target in targets]

    def visit_Import(self, node: ast.Import) -> ast.AST | list[ast.stmt]:
        result: list[ast.stmt] = []
        for alias in node.names:
            root, _, submodule = alias.name.partition(".")
            bound = alias.asname or root
            if not self._is_cell(bound):
                result.append(place(ast.Import([alias]), node))
                continue
            if submodule and alias.asname is None:
                # `import a.b` binds `a`; the import of `a.b` itself is for its effect.
                result.append(place(ast.Import([ast.alias(alias.name, self.context.fresh("import"))]), node))
                alias = place(ast.alias(root), node)
            result += self._imported(ast.Import([alias]), alias, bound, node)
        return result

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | list[ast.stmt]:
        if not any(self._is_cell(alias.asname or alias.name) for alias in node.names):
            return node
        result: list[ast.stmt] = []
        for alias in node.names:
            bound = alias.asname or alias.name
            single = ast.ImportFrom(node.module, [alias], node.level)
            if self._is_cell(bound):
                result += self._imported(single, alias, bound, node)
            else:
                result.append(place(single, node))
        return result

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST | list[ast.stmt]:
        super().visit_FunctionDef(node)
        return self._defined(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST | list[ast.stmt]:
        super().visit_ClassDef(node)
        return self._defined(node)

    # Blocks

    def visit_function_body(self, node: FunctionNode) -> None:
        super().visit_function_body(node)
        if isinstance(node, ast.Lambda):
            return
        docstring, body = split_docstring(node.body)
        parameters = {parameter.arg: parameter for parameter in parameters_of(node.args)}
        made = self.cells.made_in.get((node, "body"), [])
        cells = [_new_cell(name, parameters.get(name), body[0] if body else node) for name in made]
        node.body = [*docstring, *self._outer_names(node), *cells, *body]
        node.body = node.body or [ast.copy_location(ast.Pass(), node)]

    def visit_If(self, node: ast.If) -> ast.AST:
        node.test = self.visit(node.test)
        node.body = self._block(node, "body", node.body)
        node.orelse = self._block(node, "orelse", node.orelse) if node.orelse else []
        return node

    def visit_While(self, node: ast.While) -> ast.AST:
        node.test = self.visit(node.test)
        node.body = self._block(node, "body", node.body)
        node.orelse = self.statements(node.orelse)
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        node.iter = self.visit(node.iter)
        start: list[ast.stmt] = []
        if self.scope.kind == "class":
            node.target = self.visit(node.target)
        elif _is_loader_loop(node) and self._is_builtin("enumerate"):
            index, items = cast(ast.Tuple, node.target).elts
            names = [index, *cast(ast.Tuple, items).elts]
            names = [self._loop_parameter(name, start) for name in names]
            items = place(ast.Tuple(names[1:], ast.Store()), items)
            node.target = place(ast.Tuple([names[0], items], ast.Store()), node.target)
        else:
            node.target = self._loop_parameter(node.target, start)
        node.body = self._block(node, "body", node.body, start)
        node.orelse = self.statements(node.orelse)
        return node

    def visit_With(self, node: ast.With) -> ast.AST:
        for index, item in enumerate(node.items):
            item.context_expr = self.visit(item.context_expr)
            target = item.optional_vars
            if target is None:
                continue
            if not self._binds_cell(target):
                item.optional_vars = self.visit(target)
                continue
            # What follows may read the cell: it moves inside, after the assignment.
            value = self.context.fresh("value")
            item.optional_vars = store(value, at=target)
            body = self._assigned(target, load(value, at=target), target)
            others = node.items[index + 1 :]
            if others:
                body.append(cast(ast.stmt, self.visit(ast.copy_location(ast.With(others, node.body), node))))
            else:
                body += self.statements(node.body)
            node.items, node.body = node.items[: index + 1], body
            return node
        node.body = self.statements(node.body) or [ast.copy_location(ast.Pass(), node)]
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        name = node.name
        super().visit_ExceptHandler(node)
        if name is None or not self._is_cell(name):
            return node
        node.name = self.context.fresh("error")
        taken = self._assigned(store(name, at=node), load(node.name, at=node), node)
        cleared = self._assigned(store(name, at=node), constant(None, at=node), node)
        node.body = [*taken, *node.body, *cleared, self._deleted(store(name, at=node), node)]
        return node

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.AST | None:
        return node if self.scope.kind == "class" else None

    def visit_Global(self, node: ast.Global) -> ast.AST | None:
        return node if self.scope.kind == "class" else None

    def _block(
        self, node: ast.stmt, name: str, body: list[ast.stmt], start: list[ast.stmt] | None = None
    ) -> list[ast.stmt]:
        key: BlockKey = (node, name)
        at = body[0]
        cells = [_new_cell(each, None, at) for each in self.cells.made_in.get(key, [])]
        return [*cells, *(start or []), *self.statements(body)] or [ast.copy_location(ast.Pass(), at)]

    def _outer_names(self, node: ast.FunctionDef) -> list[ast.stmt]:
        """The declarations that still matter, before all else: names of the world outside the decorated function."""
        result: list[ast.stmt] = []
        if self.scope.globals:
            result.append(ast.copy_location(ast.Global(sorted(self.scope.globals)), node))
        foreign = sorted(name for name in self.scope.nonlocals if self.scope.owner_of(name) is None)
        if foreign:
            result.append(ast.copy_location(ast.Nonlocal(foreign), node))
        return result

    def _loop_parameter(self, target: ast.expr, start: list[ast.stmt]) -> ast.expr:
        """The name that takes the item; `start` gets what must then be done first."""
        if isinstance(target, ast.Name) and not self._is_cell(target.id) and target.id not in self.scope.nonlocals:
            return target
        item = self.context.fresh("item")
        start += self._assigned(target, load(item, at=target), target)
        return store(item, at=target)

    # Targets

    def _assigned(self, target: ast.expr, value: ast.expr, at: ast.AST) -> list[ast.stmt]:
        """Assign a value to a target that may hold cells."""
        if isinstance(target, ast.Name) and self._is_cell(target.id):
            return [perform(call("__assign", [load(target.id, at=target), value], at=at), at=at)]
        if not self._binds_cell(target):
            return [place(ast.Assign([self.visit(target)], value), at)]
        assert isinstance(target, (ast.Tuple, ast.List))
        only_names = all(isinstance(_unstarred(element), ast.Name) for element in target.elts)
        elements: list[ast.expr] = []
        afterwards: list[ast.stmt] = []
        for element in target.elts:
            inner = _unstarred(element)
            if only_names and not self._binds_cell(inner):
                elements.append(element)
                continue
            name = self.context.fresh("value")
            elements.append(_restarred(store(name, at=inner), element))
            afterwards += self._assigned(inner, load(name, at=inner), at)
        unpacked = place(ast.Tuple(elements, ast.Store()), target)
        return [place(ast.Assign([unpacked], value), at), *afterwards]

    def _deleted(self, target: ast.expr, at: ast.AST) -> ast.stmt:
        if isinstance(target, ast.Name) and self._is_cell(target.id):
            return perform(call("__delete", [load(target.id, at=target)], at=target), at=at)
        return place(ast.Delete([self.visit(target)]), at)

    def _binds_cell(self, target: ast.expr) -> bool:
        inner = _unstarred(target)
        if isinstance(inner, (ast.Tuple, ast.List)):
            return any(self._binds_cell(element) for element in inner.elts)
        return isinstance(inner, ast.Name) and self._is_cell(inner.id)

    def _imported(
        self, made: ast.Import | ast.ImportFrom, alias: ast.alias, bound: str, at: ast.stmt
    ) -> list[ast.stmt]:
        temporary = self.context.fresh("import")
        alias.asname = temporary
        value = load(temporary, at=at)
        return [place(made, at), perform(call("__assign", [load(bound, at=at), value], at=at), at=at)]

    def _defined(self, node: ast.FunctionDef | ast.ClassDef) -> ast.AST | list[ast.stmt]:
        if not self._is_cell(node.name):
            return node
        name, true_name = self.context.fresh(f"{node.name}$def"), node.name
        self.context.true_names[name] = self.context.true_names.get(true_name, true_name)
        node.name = name
        bound = call("__assign", [load(true_name, at=node), load(name, at=node)], at=node)
        return [node, perform(bound, at=node)]

    def _is_cell(self, name: str) -> bool:
        return self.cells.has(self.scope, name)

    def _is_builtin(self, name: str) -> bool:
        return name not in self.context.shadowed and self.scope.owner_of(name) is None


def _new_cell(name: str, parameter: ast.arg | None, at: ast.AST) -> ast.Assign:
    initial = [] if parameter is None else [load(name, at=parameter)]
    position = at if parameter is None else parameter
    return assign(name, call("__var", initial, at=position), at=position)


def _is_loader_loop(node: ast.For) -> bool:
    """`for i, (a, b, ...) in enumerate(X)`: one argument, plain names."""
    source, target = node.iter, node.target
    if not isinstance(source, ast.Call) or not isinstance(source.func, ast.Name) or source.func.id != "enumerate":
        return False
    if len(source.args) != 1 or source.keywords or isinstance(source.args[0], ast.Starred):
        return False
    if not isinstance(target, ast.Tuple) or len(target.elts) != 2 or not isinstance(target.elts[1], ast.Tuple):
        return False
    return all(isinstance(name, ast.Name) for name in (target.elts[0], *target.elts[1].elts))


def _flattened(target: ast.expr) -> list[ast.expr]:
    """What `del` of the target deletes, one at a time: `del (a, [b, c])` deletes three."""
    if isinstance(target, (ast.Tuple, ast.List)):
        return [each for element in target.elts for each in _flattened(element)]
    return [target]


def _unstarred(target: ast.expr) -> ast.expr:
    return target.value if isinstance(target, ast.Starred) else target


def _restarred(target: ast.expr, like: ast.expr) -> ast.expr:
    return ast.copy_location(ast.Starred(target, ast.Store()), like) if isinstance(like, ast.Starred) else target
