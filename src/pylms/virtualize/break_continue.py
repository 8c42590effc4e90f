"""`break`, `continue` and `else` of loops become flags, and code that runs only while no flag is set.

In: functions whose loops may break, continue, and have `else`. Out: loops without any of these. A `while` that may
break tests `not broke$1` first; a `for` ends with `if broke$1: break`, the one form of `break` that remains
(`loops` reads it as the loop's stop condition). Where one side of an `if` leaves, the rest of the list moves into
the other side; else the rest is guarded by the flags.
"""

from __future__ import annotations

import ast

from .context import Context
from .leaving import completes, declarations, may_break, may_continue
from .nodes import FunctionNode, assign, branch, constant, functions_in, load, negated


def desugar_loop_exits(node: FunctionNode, context: Context) -> FunctionNode:
    """Bring every loop of every function below (and including) `node` into the form above."""
    for function in list(functions_in(node)):
        function.body = _LoopExits(context).statements(function.body)
    return node


def stop_flag_of(loop: ast.For) -> ast.expr | None:
    """The condition that ends a `for` early, where this pass left one."""
    last = loop.body[-1]
    is_stop = isinstance(last, ast.If) and len(last.body) == 1 and isinstance(last.body[0], ast.Break)
    return last.test if is_stop and isinstance(last, ast.If) else None


class _LoopExits:
    """Finds the loops of one function; inner ones are rewritten before the loops around them."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def statements(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """`body`, its loops rewritten."""
        return [each for statement in body for each in self._statement(statement)]

    def _statement(self, statement: ast.stmt) -> list[ast.stmt]:
        if isinstance(statement, (ast.While, ast.For)):
            return self._loop(statement)
        if isinstance(statement, ast.If):
            statement.body = self.statements(statement.body)
            statement.orelse = self.statements(statement.orelse)
        elif isinstance(statement, ast.With):
            statement.body = self.statements(statement.body)
        elif isinstance(statement, ast.Try):
            statement.body = self.statements(statement.body)
            for handler in statement.handlers:
                handler.body = self.statements(handler.body)
            statement.orelse = self.statements(statement.orelse)
            statement.finalbody = self.statements(statement.finalbody)
        return [statement]

    def _loop(self, loop: ast.While | ast.For) -> list[ast.stmt]:
        broke = self.context.fresh("broke") if any(may_break(each) for each in loop.body) else None
        continued = _Flag(self.context, "continued")
        body = _LoopBody(broke, continued).rewrite(self.statements(loop.body), flagged=False)
        if continued.name is not None:
            body.insert(0, assign(continued.name, constant(False, at=loop), at=loop))
        loop.body = body or [ast.copy_location(ast.Pass(), loop)]
        afterwards, loop.orelse = self.statements(loop.orelse), []
        if broke is None:
            return [loop, *afterwards]
        self._stop_when(loop, broke)
        if afterwards:
            test = negated(load(broke, at=afterwards[0]), at=afterwards[0])
            afterwards = [branch(test, afterwards, [], at=afterwards[0])]
        return [assign(broke, constant(False, at=loop), at=loop), loop, *afterwards]

    def _stop_when(self, loop: ast.While | ast.For, broke: str) -> None:
        if isinstance(loop, ast.For):
            leave = ast.copy_location(ast.Break(), loop)
            loop.body.append(branch(load(broke, at=loop), [leave], [], at=loop))
            return
        going = negated(load(broke, at=loop.test), at=loop.test)
        if isinstance(loop.test, ast.Constant) and loop.test.value:
            loop.test = going
        else:
            loop.test = ast.copy_location(ast.BoolOp(ast.And(), [going, loop.test]), loop.test)


class _Flag:
    """A name that is made up when it is first needed."""

    def __init__(self, context: Context, kind: str) -> None:
        self.context = context
        self.kind = kind
        self.name: str | None = None

    def needed(self) -> str:
        """The flag's name, made up now if this is the first use."""
        if self.name is None:
            self.name = self.context.fresh(self.kind)
        return self.name


class _LoopBody:
    """Rewrites the body of one loop, whose inner loops are done."""

    def __init__(self, broke: str | None, continued: _Flag) -> None:
        self.broke = broke
        self.continued = continued

    def rewrite(self, statements: list[ast.stmt], *, flagged: bool) -> list[ast.stmt]:
        """`statements` without exits. `flagged`: code after this list asks whether a `continue` was met."""
        for index, statement in enumerate(statements):
            before, rest = statements[:index], statements[index + 1 :]
            if may_break(statement) or may_continue(statement):
                return before + self._statement(statement, rest, flagged=flagged)
            if not completes([statement]):
                return [*before, *declarations(rest), statement]
        return statements

    def _statement(self, statement: ast.stmt, rest: list[ast.stmt], *, flagged: bool) -> list[ast.stmt]:
        if isinstance(statement, ast.Break):
            assert self.broke is not None
            return [*declarations(rest), assign(self.broke, constant(True, at=statement), at=statement)]
        if isinstance(statement, ast.Continue):
            raised = [assign(self.continued.needed(), constant(True, at=statement), at=statement)] if flagged else []
            return [*declarations(rest), *raised]
        if isinstance(statement, ast.If):
            return self._branch(statement, rest, flagged=flagged)
        if isinstance(statement, ast.Try):
            return self._try(statement, rest, flagged=flagged)
        assert isinstance(statement, ast.With)
        guard = self._guard([statement], rest)
        statement.body = self.rewrite(statement.body, flagged=flagged or bool(rest))
        statement.body = statement.body or [ast.copy_location(ast.Pass(), statement)]
        return [statement, *self._guarded(guard, rest, flagged=flagged)]

    def _branch(self, statement: ast.If, rest: list[ast.stmt], *, flagged: bool) -> list[ast.stmt]:
        body, orelse = statement.body, statement.orelse
        if not completes(body):
            orelse = orelse + (rest if completes(orelse) else declarations(rest))
        elif orelse and not completes(orelse):
            body = body + rest
        elif rest:
            guard = self._guard([statement], rest)
            both = self._sides(statement, body, orelse, flagged=True)
            return [both, *self._guarded(guard, rest, flagged=flagged)]
        return [self._sides(statement, body, orelse, flagged=flagged)]

    def _try(self, statement: ast.Try, rest: list[ast.stmt], *, flagged: bool) -> list[ast.stmt]:
        """An exception on the way out of a break or continue ends it: handlers take the flags back."""
        guard = self._guard([statement], rest)
        into_else = self._guard(statement.body, statement.orelse)
        flags = self._flags_of(statement.body) if statement.handlers else []
        statement.body = self.rewrite(statement.body, flagged=flagged or bool(rest) or bool(statement.orelse))
        statement.body = statement.body or [ast.copy_location(ast.Pass(), statement)]
        statement.orelse = self._guarded(into_else, statement.orelse, flagged=flagged or bool(rest))
        for handler in statement.handlers:
            lowers = completes(handler.body)
            lowered = [assign(flag, constant(False, at=handler), at=handler) for flag in flags if lowers]
            body = self.rewrite(handler.body, flagged=flagged or bool(rest))
            handler.body = [*lowered, *body] or [ast.copy_location(ast.Pass(), handler)]
        return [statement, *self._guarded(guard, rest, flagged=flagged)]

    def _sides(self, statement: ast.If, body: list[ast.stmt], orelse: list[ast.stmt], *, flagged: bool) -> ast.If:
        body = self.rewrite(body, flagged=flagged)
        orelse = self.rewrite(orelse, flagged=flagged)
        if body or not orelse:
            return branch(statement.test, body, orelse, at=statement)
        return branch(negated(statement.test, at=statement.test), orelse, [], at=statement)

    def _flags_of(self, statements: list[ast.stmt]) -> list[str]:
        """The flags that the statements can set."""
        flags: list[str] = []
        if self.broke is not None and any(may_break(each) for each in statements):
            flags.append(self.broke)
        if any(may_continue(each) for each in statements):
            flags.append(self.continued.needed())
        return flags

    def _guard(self, statements: list[ast.stmt], rest: list[ast.stmt]) -> ast.expr | None:
        """The condition for `rest` to run after `statements`: none of the flags that they can set is set."""
        flags = self._flags_of(statements) if rest else []
        if not flags:
            return None
        conditions: list[ast.expr] = [negated(load(flag, at=rest[0]), at=rest[0]) for flag in flags]
        if len(conditions) == 1:
            return conditions[0]
        return ast.copy_location(ast.BoolOp(ast.And(), conditions), rest[0])

    def _guarded(self, guard: ast.expr | None, rest: list[ast.stmt], *, flagged: bool) -> list[ast.stmt]:
        if guard is None:
            return self.rewrite(rest, flagged=flagged)
        return [branch(guard, self.rewrite(rest, flagged=flagged), [], at=rest[0])]
