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

from pylms import staged
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
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
MOST_ITEMS = 10_000


_IN_PLACE = {
    "Add": operator.iadd,
    "Sub": operator.isub,
    "Mult": operator.imul,
    "Div": operator.itruediv,
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
        names = {
            "_checked": check,
            "_compute": self._compute,
            "_compare": self._compare,
            "_update": self._update,
            "_update_item": self._update_item,
            "_with_item": _with_item,
            "_step": self._step,
        }
        self.function = define(ast.unparse(tree), "program", "<checked>", math=math, np=np, staged=staged, **names)

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
        result = self.check(_BINARY[getattr(ast, name)](left, right))
        if isinstance(result, (str, list)) and len(result) > MOST_ITEMS:
            raise TooLarge
        return result

    def _update(self, name: str, left: Any, right: Any) -> Any:
        """What `left` is after `left op= right`: arrays and lists stay the same object."""
        if isinstance(left, (np.ndarray, list)):
            self._count_step()
            return _IN_PLACE[name](left, right)
        return self._compute(name, left, right)

    def _update_item(self, name: str, target: tuple[Any, Any, Any], right: Any) -> None:
        owner, index, item = target
        owner[index] = self._update(name, item, right)

    def _step(self, value: Any) -> Any:
        """The condition of a loop, or an item of what is iterated over."""
        self._count_step()
        return value

    def _compare(self, name: str, left: Any, right: Any) -> Any:
        self._count_step()
        return _COMPARISONS[getattr(ast, name)](left, right)


def _with_item(owner: Any, index: Any) -> tuple[Any, Any, Any]:
    return owner, index, owner[index]


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
        operator_name = ast.Constant(type(node.op).__name__)
        if isinstance(node.target, ast.Subscript):
            item = _call("with_item", node.target.value, _index(node.target.slice))
            return ast.Expr(_call("update_item", operator_name, item, node.value))
        assert isinstance(node.target, ast.Name)
        value = _call("update", operator_name, ast.Name(node.target.id, ast.Load()), node.value)
        return ast.Assign([node.target], value)

    def visit_While(self, node: ast.While) -> ast.AST:
        self.generic_visit(node)
        node.test = _call("step", node.test)
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        self.generic_visit(node)
        node.body.insert(0, ast.Expr(_call("step", ast.Constant(None))))
        return node

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


def _index(node: ast.expr) -> ast.expr:
    """An index as a value: slices are calls of `slice`."""
    match node:
        case ast.Slice():
            bounds = [each or ast.Constant(None) for each in (node.lower, node.upper, node.step)]
            return ast.Call(ast.Name("slice", ast.Load()), bounds, [])
        case ast.Tuple(elements, _):
            return ast.Tuple([_index(each) for each in elements], ast.Load())
        case _:
            return node


def _call(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(f"_{name}", ast.Load()), list(args), [])


def checked_program(source: str, *, check: Callable[[Any], Any] = within_64_bits) -> CheckedProgram:
    """The function `program` of the source; `check` sees the result of every operation and call."""
    return CheckedProgram(source, check)
