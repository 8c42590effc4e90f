"""Python with the differences that compiled code is documented to have: the reference for random programs.

Ints have 64 bits (more is an OverflowError). In: source. Out: the same program, every operation on numbers checked.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.virtualize.sources import define

_BINARY = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
}
_COMPARISONS = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


def within_64_bits(value: Any) -> Any:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise OverflowError("64 bits")
    if isinstance(value, tuple):
        return tuple(map(within_64_bits, value))
    return value


class TooLarge(Exception):
    """Python would go on for longer than a test should."""


def unbounded(value: Any) -> Any:
    if isinstance(value, int) and value.bit_length() > 10_000:
        raise TooLarge
    return value


MOST_STEPS = 20_000


class CheckedProgram:
    """A program whose operations are checked."""

    def __init__(self, source: str, check: Callable[[Any], Any]) -> None:
        self.check = check
        self.steps = 0
        tree = ast.fix_missing_locations(_Check().visit(ast.parse(source)))
        names = {"_checked": check, "_compute": self._compute, "_compare": self._compare}
        self.function = define(ast.unparse(tree), "program", "<checked>", math=math, np=np, **names)

    def __call__(self, *arguments: Any) -> Any:
        self.steps = 0
        return self.function(*arguments)

    def _count_step(self) -> None:
        """Random programs may go on for ever: they are stopped here, and not run in any other way."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise TooLarge

    def _compute(self, name: str, left: Any, right: Any) -> Any:
        self._count_step()
        if name == "LShift" and type(left) is type(right) is int:
            right = min(right, 1000)  # without computing a number of any length
        return self.check(_BINARY[getattr(ast, name)](left, right))

    def _compare(self, name: str, left: Any, right: Any) -> Any:
        self._count_step()
        return _COMPARISONS[getattr(ast, name)](left, right)


class _Check(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        return _call("compute", ast.Constant(type(node.op).__name__), node.left, node.right)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        if isinstance(node.operand, ast.Constant):
            return node
        self.generic_visit(node)
        return node if isinstance(node.op, ast.Not) else _call("checked", node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        return _call("checked", node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        assert isinstance(node.target, ast.Name)
        value = _call("compute", ast.Constant(type(node.op).__name__), ast.Name(node.target.id, ast.Load()), node.value)
        return ast.Assign([node.target], value)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """Operands in the order of evaluation, the middle ones once."""
        self.generic_visit(node)
        left = node.left
        parts: list[ast.expr] = []
        for index, (op, right) in enumerate(zip(node.ops, node.comparators, strict=True)):
            last = index == len(node.ops) - 1
            named = right if last else ast.NamedExpr(ast.Name(f"m{id(right)}", ast.Store()), right)
            parts.append(_call("compare", ast.Constant(type(op).__name__), left, named))
            left = right if last else ast.Name(f"m{id(right)}", ast.Load())
        return parts[0] if len(parts) == 1 else ast.BoolOp(ast.And(), parts)


def _call(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(f"_{name}", ast.Load()), list(args), [])


def checked_program(source: str, *, check: Callable[[Any], Any] = within_64_bits) -> CheckedProgram:
    """The function `program` of the source; `check` sees the result of every operation and call."""
    return CheckedProgram(source, check)
