"""`return` anywhere becomes `return` in final position only, of `return __return(value)`.

In: functions with returns in any place. Out: functions where a statement that returns is the last of its list, and
an `if` that returns does so on both sides (so that `branches` can make it `return __if(...)`). No code is
duplicated: where one side of an `if` leaves, the rest of the list moves into the other; where both may go on, and
for loops, the flag `returned$1` and the value `result$1` carry the return to the end of the statement.

One thing is given up: a `with` whose exit swallows an exception that itself arose, on the way out of a `return`, in
an inner `with` that may also go on normally, still returns.
"""

from __future__ import annotations

import ast

from .context import Context
from .leaving import completes, declarations, is_endless, may_return, returned_values
from .nodes import FunctionNode, assign, branch, call, constant, functions_in, load, negated, returning


def desugar_returns(node: FunctionNode, context: Context) -> FunctionNode:
    """Bring every function below (and including) `node` into the form above."""
    for function in list(functions_in(node)):
        if any(may_return(statement) for statement in function.body):
            function.body = _Returns(context, function).final(function.body)
    return node


class _Returns:
    """Rewrites the body of one function."""

    def __init__(self, context: Context, function: ast.FunctionDef) -> None:
        self.context = context
        self.function = function

    def final(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """`statements`, after which the function ends, with returns only in final position."""
        for index, statement in enumerate(statements):
            before, rest = statements[:index], statements[index + 1 :]
            if may_return(statement):
                return before + self._final_statement(statement, rest)
            if not completes([statement]):
                return [*before, *declarations(rest), statement]
        end = statements[-1] if statements else self.function
        return [*statements, _returning(constant(None, at=end), end)]

    def _final_statement(self, statement: ast.stmt, rest: list[ast.stmt]) -> list[ast.stmt]:
        if isinstance(statement, ast.Return):
            value = statement.value or constant(None, at=statement)
            return [*declarations(rest), _returning(value, statement)]
        if isinstance(statement, ast.If):
            if (sides := _sides_with_rest(statement, rest)) is not None:
                return [branch(statement.test, self.final(sides[0]), self.final(sides[1]), at=statement)]
        elif isinstance(statement, ast.With) and (not rest or not completes(statement.body)):
            statement.body = self.final(statement.body)
            # The rest is reached only when leaving the `with` swallows an exception.
            return [statement, *self.final(rest)] if rest else [statement]
        elif isinstance(statement, ast.Try) and not statement.orelse and (not rest or not completes([statement])):
            statement.body = self.final(statement.body)
            for handler in statement.handlers:
                handler.body = self.final(handler.body)
            return [*declarations(rest), statement]
        return self._by_flag(statement, rest)

    def _by_flag(self, statement: ast.stmt, rest: list[ast.stmt]) -> list[ast.stmt]:
        has_value = bool(returned_values(statement))
        returned = self.context.fresh("returned")
        result = self.context.fresh("result") if has_value else None
        always = is_endless(statement)
        start = assign(returned, constant(False, at=statement), at=statement)
        flagged = _FlaggedReturns(returned, result).rewrite([statement], in_loop=False)
        value = constant(None, at=statement) if result is None else load(result, at=statement)
        leave: ast.stmt = _returning(value, statement)
        if always:
            return [start, *declarations(rest), *flagged, leave]
        return [start, *flagged, branch(load(returned, at=statement), [leave], self.final(rest), at=statement)]


class _FlaggedReturns:
    """Replaces returns by assignments to the flag and the value, and skips what would not have run."""

    def __init__(self, returned: str, result: str | None) -> None:
        self.returned = returned
        self.result = result

    def rewrite(self, statements: list[ast.stmt], *, in_loop: bool) -> list[ast.stmt]:
        """`statements` without returns; inside a loop, setting the flag is followed by `break`."""
        for index, statement in enumerate(statements):
            before, rest = statements[:index], statements[index + 1 :]
            if may_return(statement):
                return before + self._statement(statement, rest, in_loop=in_loop)
            if not completes([statement]):
                return [*before, *declarations(rest), statement]
        return statements

    def _statement(self, statement: ast.stmt, rest: list[ast.stmt], *, in_loop: bool) -> list[ast.stmt]:
        if isinstance(statement, ast.Return):
            return [*declarations(rest), *self._leave(statement, in_loop=in_loop)]
        if isinstance(statement, ast.If):
            sides = None if in_loop else _sides_with_rest(statement, rest)
            body, orelse = sides or (statement.body, statement.orelse)
            statement.body = self.rewrite(body, in_loop=in_loop)
            statement.orelse = self.rewrite(orelse, in_loop=in_loop)
            if sides is not None:
                return [statement]
        elif isinstance(statement, ast.With):
            statement.body = self.rewrite(statement.body, in_loop=in_loop)
        elif isinstance(statement, ast.Try):
            self._try(statement, in_loop=in_loop)
        elif isinstance(statement, (ast.While, ast.For)):
            returns_inside = any(may_return(each) for each in statement.body)
            statement.body = self.rewrite(statement.body, in_loop=True)
            statement.orelse = self.rewrite(statement.orelse, in_loop=in_loop)
            if in_loop and returns_inside:
                leave = ast.copy_location(ast.Break(), statement)
                rest = [branch(load(self.returned, at=statement), [leave], [], at=statement), *rest]
        if in_loop:
            return [statement, *self.rewrite(rest, in_loop=True)]
        return [statement, *self._guarded(rest)]

    def _try(self, statement: ast.Try, *, in_loop: bool) -> None:
        """An exception on the way out of a return ends the return: handlers take the flag back."""
        returns_inside = any(may_return(each) for each in statement.body)
        statement.body = self.rewrite(statement.body, in_loop=in_loop)
        if returns_inside and not in_loop:
            statement.orelse = self._guarded(statement.orelse)
        else:
            statement.orelse = self.rewrite(statement.orelse, in_loop=in_loop)
        for handler in statement.handlers:
            lowers = returns_inside and completes(handler.body)
            handler.body = self.rewrite(handler.body, in_loop=in_loop)
            if lowers:
                handler.body.insert(0, assign(self.returned, constant(False, at=handler), at=handler))

    def _leave(self, statement: ast.Return, *, in_loop: bool) -> list[ast.stmt]:
        leave: list[ast.stmt] = []
        if self.result is not None:
            leave.append(assign(self.result, statement.value or constant(None, at=statement), at=statement))
        leave.append(assign(self.returned, constant(True, at=statement), at=statement))
        if in_loop:
            leave.append(ast.copy_location(ast.Break(), statement))
        return leave

    def _guarded(self, rest: list[ast.stmt]) -> list[ast.stmt]:
        if not rest:
            return []
        test = negated(load(self.returned, at=rest[0]), at=rest[0])
        return [branch(test, self.rewrite(rest, in_loop=False), [], at=rest[0])]


def _sides_with_rest(statement: ast.If, rest: list[ast.stmt]) -> tuple[list[ast.stmt], list[ast.stmt]] | None:
    """The two sides with `rest` moved into the one that goes on; None where it would be needed in both."""
    if not completes(statement.body):
        if completes(statement.orelse):
            return statement.body, statement.orelse + rest
        return statement.body, statement.orelse + declarations(rest)
    if not rest or (statement.orelse and not completes(statement.orelse)):
        return statement.body + rest, statement.orelse
    return None


def _returning(value: ast.expr, at: ast.AST) -> ast.Return:
    return returning(call("__return", [value], at=at), at=at)
