"""Which variables become cells, and at the start of which block each cell is made.

In: a function with structured control flow (after `bool_ops`), and its scopes. Out: for every variable of a
function either "stays a Python name" or the block where its cell lives.

A block is a list of statements that will become a function of its own (a branch, a loop's body), or an expression
that will (a loop's condition, a thunk). A variable's home is the innermost block that holds all its occurrences. If
a closure captures it, or a read may come before the assignment, it may carry a value from one iteration to the
next, and its home moves outside the loops around. It stays a Python name when it is bound exactly once, in its home
block, and every read in an inner block surely comes after: then it is a plain local of that block's function, and
closures see it as they should.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeAlias

from .leaving import may_swallow
from .nodes import Comprehension, FunctionNode, is_repeated, is_run_on_the_spot, parameters_of
from .scope import Scope, ScopedTransformer

BlockKey: TypeAlias = "tuple[ast.AST, str]"


class Block:
    """A block; `key` is the node it belongs to and the field of that node."""

    def __init__(self, key: BlockKey, parent: Block | None, *, is_repeated: bool) -> None:
        self.key = key
        self.parent = parent
        self.is_repeated = is_repeated
        self.depth: int = 0 if parent is None else parent.depth + 1

    def outside_loops(self) -> Block:
        """The innermost block around (or this one) that no loop repeats."""
        home, block = self, self
        while block.parent is not None:
            if block.is_repeated:
                home = block.parent
            block = block.parent
        return home


class Variable:
    """All that was seen of one variable.

    places: the blocks, in the owner, where it occurs. bindings: how often it is bound (2 where only a cell will do).
    unsure: the blocks of reads that may come before any assignment. deleted_in: the blocks of `del` statements.
    """

    def __init__(self) -> None:
        self.places: list[Block] = []
        self.bindings = 0
        self.bound_in: Block | None = None
        self.is_captured = False
        self.unsure: list[Block] = []
        self.deleted_in: list[Block] = []

    def home(self) -> Block:
        """The block that owns the variable."""
        home = self.places[0]
        for place in self.places[1:]:
            home = _common(home, place)
        return home.outside_loops() if self.is_captured or self.unsure else home

    def is_cell(self) -> bool:
        """Whether a Python name of its home block would not do."""
        home = self.home()
        inner_uses = [*self.unsure, *self.deleted_in]
        return self.bindings != 1 or self.bound_in is not home or any(block is not home for block in inner_uses)


class Cells(NamedTuple):
    """The outcome: which variables are cells, and which cells each block makes."""

    names: frozenset[tuple[Scope, str]]
    made_in: dict[BlockKey, list[str]]

    def has(self, scope: Scope, name: str) -> bool:
        """Whether `name`, as it is meant in `scope`, is a cell."""
        owner = scope.owner_of(name)
        return owner is not None and (owner, name) in self.names


def find_cells(node: FunctionNode, scopes: dict[ast.AST, Scope]) -> Cells:
    """Decide for every variable of `node` and of the functions below it."""
    flow = _Flow(scopes)
    flow.visit_whole(node)
    names: set[tuple[Scope, str]] = set()
    made_in: dict[BlockKey, list[str]] = {}
    for (scope, name), variable in flow.variables.items():
        if variable.is_cell():
            names.add((scope, name))
            made_in.setdefault(variable.home().key, []).append(name)
    return Cells(frozenset(names), made_in)


class _Flow(ScopedTransformer):
    """Follows control flow, with the set of names that are surely assigned; changes nothing.

    `assigned` is None where control cannot be.
    """

    def __init__(self, scopes: dict[ast.AST, Scope]) -> None:
        super().__init__(scopes)
        self.variables: dict[tuple[Scope, str], Variable] = {}
        self.defined_in: dict[Scope, Block] = {}
        self.block: Block | None = None
        self.assigned: frozenset[Variable] | None = frozenset()

    @contextmanager
    def inside(self, node: ast.AST) -> Iterator[None]:
        outside = self.block, self.assigned
        with super().inside(node):
            entered = self.scope
            if self.block is not None:
                self.defined_in[entered] = self.block
            has_own_blocks = entered.kind in ("function", "lambda") and (entered.is_lazy or self.block is None)
            if has_own_blocks:
                self.block = Block((node, "body"), None, is_repeated=False)
                self.assigned = frozenset()
            if isinstance(node, ast.FunctionDef):
                for parameter in parameters_of(node.args):
                    self._bind(parameter.arg)
            yield
        if has_own_blocks:
            self.block, self.assigned = outside

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if isinstance(node.ctx, ast.Load):
            self._read(node.id)
        elif isinstance(node.ctx, ast.Store):
            self._bind(node.id)
        else:
            self._delete(node.id)
        return node

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.AST:
        self.visit(node.value)
        self._bind(node.target.id)
        return node

    def visit_comprehension_scope(self, node: Comprehension) -> ast.AST:
        before = self.assigned
        super().visit_comprehension_scope(node)
        self.assigned = before  # it may have no rounds
        return node

    visit_ListComp = visit_comprehension_scope
    visit_SetComp = visit_comprehension_scope
    visit_DictComp = visit_comprehension_scope
    visit_GeneratorExp = visit_comprehension_scope

    def visit_Call(self, node: ast.Call) -> ast.AST:
        parts = (node.func, *node.args)
        thunks = [part for part in parts if is_run_on_the_spot(node, part)]
        for part in parts:
            if part not in thunks:
                self.visit(part)
        for keyword in node.keywords:
            self.visit(keyword)
        before = self.assigned
        for part in thunks:
            with self._block(part, "body", is_repeated=is_repeated(node)):
                self.visit(part)
        if thunks != [node.func]:
            self.assigned = before  # thunks may not run
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        if not isinstance(node.target, ast.Name):
            return self.generic_visit(node)
        self._read(node.target.id)
        self.visit(node.value)
        self._bind(node.target.id, times=2)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None or not isinstance(node.target, ast.Name):
            super().visit_AnnAssign(node)
            return node
        # A bare annotation makes the name local without a value: only a cell can do that across blocks.
        before = self.assigned
        self._bind(node.target.id, times=2)
        self.assigned = before
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        super().visit_FunctionDef(node)
        self._bind(node.name)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        super().visit_ClassDef(node)
        self._bind(node.name)
        return node

    def visit_Import(self, node: ast.Import) -> ast.AST:
        for alias in node.names:
            self._bind(alias.asname or alias.name.partition(".")[0])
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        for alias in node.names:
            self._bind(alias.asname or alias.name)
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST:
        self.generic_visit(node)
        self.assigned = None
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        self.generic_visit(node)
        self.assigned = None
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        self.visit(node.test)
        before = self.assigned
        with self._block(node, "body"):
            self.statements(node.body)
        after_body, self.assigned = self.assigned, before
        with self._block(node, "orelse"):
            self.statements(node.orelse)
        self.assigned = _either(after_body, self.assigned)
        return node

    def visit_While(self, node: ast.While) -> ast.AST:
        with self._block(node, "test", is_repeated=True):
            self.visit(node.test)
        before = self.assigned
        with self._block(node, "body", is_repeated=True):
            self.statements(node.body)
        self.assigned = before
        self.statements(node.orelse)
        self.assigned = _either(before, self.assigned)
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        self.visit(node.iter)
        before = self.assigned
        with self._block(node, "body", is_repeated=True):
            self.visit(node.target)
            self.statements(node.body)
        self.assigned = before
        self.statements(node.orelse)
        self.assigned = _either(before, self.assigned)
        return node

    def visit_With(self, node: ast.With) -> ast.AST:
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars is not None:
                self.visit(item.optional_vars)
        before = self.assigned
        self.statements(node.body)
        if may_swallow(node):
            self.assigned = before
        return node

    def visit_Try(self, node: ast.Try) -> ast.AST:
        before = self.assigned
        self.statements(node.body)
        self.statements(node.orelse)
        after = self.assigned
        for handler in node.handlers:
            self.assigned = before
            self.visit(handler)
            after = _either(after, self.assigned)
        self.assigned = before
        self.statements(node.finalbody)
        self.assigned = None if after is None or self.assigned is None else after | self.assigned
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        node.type = None if node.type is None else self.visit(node.type)
        if node.name is not None:
            self._bind(node.name)
        self.statements(node.body)
        if node.name is not None:
            self._delete(node.name)
        return node

    @contextmanager
    def _block(self, node: ast.AST, name: str, *, is_repeated: bool = False) -> Iterator[None]:
        outside = self.block
        assert outside is not None
        # A class body runs its own statements: they stay where they are, in the block around the class.
        if self.scope.kind != "class":
            self.block = Block((node, name), outside, is_repeated=is_repeated)
        yield
        self.block = outside

    def _bind(self, name: str, *, times: int = 1) -> None:
        found = self._occurrence(name)
        if found is None:
            return
        variable, block, is_direct = found
        variable.bindings += times if is_direct else 2
        variable.bound_in = block
        if is_direct and self.assigned is not None:
            self.assigned |= {variable}

    def _read(self, name: str) -> None:
        found = self._occurrence(name)
        if found is None:
            return
        variable, block, is_direct = found
        if is_direct and self.assigned is not None and variable not in self.assigned:
            variable.unsure.append(block)

    def _delete(self, name: str) -> None:
        found = self._occurrence(name)
        if found is None:
            return
        variable, block, _ = found
        variable.deleted_in.append(block)
        if self.assigned is not None:
            self.assigned -= {variable}

    def _occurrence(self, name: str) -> tuple[Variable, Block, bool] | None:
        """The function variable `name` means here, the block of its owner where we are, and whether that runs now."""
        owner = self.scope.owner_of(name)
        if owner is None or owner.kind != "function":
            return None  # lambdas and comprehensions bind each name once; class bodies keep their own names
        block, is_direct, scope = self.block, True, self.scope
        while scope is not owner:
            if scope.is_lazy:
                block, is_direct = self.defined_in[scope], False
            assert scope.parent is not None
            scope = scope.parent
        assert block is not None
        variable = self.variables.setdefault((owner, name), Variable())
        variable.places.append(block)
        variable.is_captured |= not is_direct
        return variable, block, is_direct


def _common(one: Block, other: Block) -> Block:
    while one is not other:
        if one.depth < other.depth:
            one, other = other, one
        assert one.parent is not None
        one = one.parent
    return one


def _either(one: frozenset[Variable] | None, other: frozenset[Variable] | None) -> frozenset[Variable] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other
