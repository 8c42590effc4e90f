"""C++ for structured control flow: `if`, `while` and `for` as themselves, carried values as local variables.

A carried value is one C++ variable, which the loop's parameters and results all name: it changes only where the loop
goes round, so each of them means its own value where it is in scope. Arrays that are carried have memory of
their own, into which the body's results are copied.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import NotSupportedYetError
from ...ir.node import Atom, Block, Const, Node, Sym, walk
from ...ir.ops.array_nests import NESTS
from ...ir.ops.control import CHECK, FINALLY, FOR, IF, UPWARDS, WHILE
from ...ir.ops.host import HOST_CALL, PRINT
from ...ir.ops.tensor_calls import TENSOR_CALL
from ...ir.types import TensorType
from ...passes.parallel_loops import is_parallel
from .assignments import Move, assign_together, copy_arrays_together
from .emit_parallel import emit_parallel_for
from .emit_rules import emit_rules
from .emit_variables import array_bytes, copy_array
from .emitter import Emitter
from .formulas import selection
from .literals import Binding, Expression, declaration, is_in_register, is_number, number_type
from .text import Line

_LARGEST = 2**63 - 1
# A loop of so few operations in all ends before anyone waits for it.
_OPERATIONS_WITHOUT_POLL = 20_000
# As many operations take a millisecond or so.
_OPERATIONS_BETWEEN_POLLS = 1 << 20
# Longer alternatives stand on lines of their own.
_LONGEST_ALTERNATIVE = 30
# What `checks=False` leaves out (DESIGN D7); assertions and the program's own exceptions stay.
_UNCHECKED_ERRORS = frozenset({"OverflowError", "ZeroDivisionError", "IndexError"})


@emit_rules.define(CHECK)
def _emit_check(emitter: Emitter, node: Node) -> None:
    error, message = node.attr("error"), node.attr("message")
    assert isinstance(error, str) and isinstance(message, str)
    if not emitter.checks and error in _UNCHECKED_ERRORS:
        return
    condition = emitter.inline(node.args[0], Binding.UNARY)
    if len(node.args) > 1 and not emitter.is_on_a_thread:
        failure = emitter.fail_showing(error, str(node.attr("shown")), node.args[1:], node.loc)
    else:
        failure = emitter.fail(error, message, node.loc)
    emitter.line(f"if (!{condition}) {failure}")


@emit_rules.define(IF)
def _emit_if(emitter: Emitter, node: Node) -> None:
    condition = emitter.operand(node.args[0])
    targets = [emitter.destination(result) for result in node.results]
    names = [emitter.name_of(result) for result in node.results]
    sides = [_emit_side(emitter, block, names) for block in node.blocks]
    if not any(lines for lines, _ in sides) and _is_selection(node, sides):
        _emit_selection(emitter, node, condition, targets=targets, sides=sides)
        return
    for result, name, target in zip(node.results, names, targets, strict=True):
        if target is None:
            emitter.declaration_line(f"{declaration(result.type, name)};")
    for lines, moves in sides:
        with emitter.captured(depth=1) as assignments:
            assign_together(emitter, moves)
        lines.extend(assignments)
    _emit_sides(emitter, condition, sides[0][0], sides[1][0], can_chain=_ends_in_branch(node.blocks[1]))


# What one side of a branch wrote, and what it then gives to the variables of the branch.
_Side = tuple[list[Line], list[Move]]


def _emit_side(emitter: Emitter, block: Block, names: Sequence[str]) -> _Side:
    emitter.want(block, names)
    with emitter.captured(depth=1) as lines:
        emitter.emit_nodes(block)
        moves = _moves(emitter, names, block)
    return lines, moves


def _is_selection(node: Node, sides: Sequence[_Side]) -> bool:
    """Whether a branch that wrote no statements reads well as an expression."""
    return all(is_number(result.type) for result in node.results) and all(
        len(move.value.text) <= _LONGEST_ALTERNATIVE for _, moves in sides for move in moves
    )


def _emit_selection(
    emitter: Emitter, node: Node, condition: Expression, *, targets: Sequence[str | None], sides: Sequence[_Side]
) -> None:
    """A branch that only chooses between values, each computed only if it is chosen."""
    if len(node.results) > 1 and condition.binding < Binding.POSTFIX:
        name = emitter.fresh_name("chosen")
        emitter.line(f"const bool {name} = {condition.text};")
        condition = Expression(name, Binding.POSTFIX)
    moves = []
    for result, target, left, right in zip(node.results, targets, sides[0][1], sides[1][1], strict=True):
        chosen = selection(condition, left.value, right.value, is_bool=number_type(result.type).kind == "bool")
        if target is not None:
            moves.append(Move(target, chosen, result.type))
        elif any(targets):
            # Not left for later: it may read what the variables of the other results hold until now.
            emitter.define(result, chosen.text)
        else:
            emitter.define_pure(result, chosen.text, chosen.binding)
    assign_together(emitter, moves)


def _emit_sides(
    emitter: Emitter, condition: Expression, then_lines: list[Line], else_lines: list[Line], *, can_chain: bool
) -> None:
    test = condition.text
    if not then_lines:
        test, then_lines, else_lines = f"!{condition.within(Binding.UNARY)}", else_lines, []
    if not then_lines:
        return
    emitter.line(f"if ({test}) {{")
    emitter.write(then_lines)
    if else_lines and can_chain and _is_one_statement(else_lines):
        first = else_lines[0]
        else_lines[0] = Line(first.depth, f"}} else {first.text}", first.loc, first.commented)
        emitter.write([Line(line.depth - 1, line.text, line.loc, line.commented) for line in else_lines])
        return
    if else_lines:
        emitter.declaration_line("} else {")
        emitter.write(else_lines)
    emitter.declaration_line("}")


def _ends_in_branch(block: Block) -> bool:
    return bool(block.nodes) and block.nodes[-1].primitive is IF


def _is_one_statement(lines: Sequence[Line]) -> bool:
    """Whether the lines are one `if` with its braces, so that it can stand behind `else`."""
    depth = lines[0].depth
    return lines[0].text.startswith("if (") and not any(
        line.depth == depth and not line.text.startswith("}") for line in lines[1:]
    )


@emit_rules.define(WHILE)
def _emit_while(emitter: Emitter, node: Node) -> None:
    condition, body = node.blocks
    carried = _declare_carried(emitter, node.args, body.params, node.results)
    for param, name in zip(condition.params, carried, strict=True):
        emitter.alias(param, name)
    with emitter.captured(depth=1) as condition_lines:
        emitter.emit_nodes(condition)
        test = emitter.inline(condition.results[0], Binding.UNARY if condition_lines else Binding.LOOSE)
    with emitter.braces("for (;;)" if condition_lines else f"while ({test})"):
        if condition_lines:
            emitter.write(condition_lines)
            emitter.line(f"if (!{test}) break;")
        emit_loop_body(emitter, body, carried)
        emitter.poll()


@emit_rules.define(FOR)
def _emit_for(emitter: Emitter, node: Node) -> None:
    start, stop, step = node.args[:3]
    (body,) = node.blocks
    carried = _declare_carried(emitter, node.args[3:], body.params[1:], node.results)
    if is_parallel(node):
        emit_parallel_for(emitter, node, carried)
        return
    index = emitter.name_of(body.params[0])
    header, advance = _count(emitter, index, node)
    is_short = _is_short(emitter, start, stop, step, body)
    if not (is_short or emitter.is_cleaning_up or advance) and _is_innermost(body):
        _emit_in_strips(emitter, index, (start, stop, step), body, carried)
        return
    with emitter.braces(header):
        emit_loop_body(emitter, body, carried)
        if not is_short:
            emitter.poll()
        if advance:
            emitter.declaration_line(advance)


_LASTING = frozenset({FOR, WHILE, HOST_CALL, TENSOR_CALL, PRINT, *NESTS})
"""What may take long in one round."""


def _is_innermost(body: Block) -> bool:
    return not any(node.primitive in _LASTING for node in walk(body))


def _emit_in_strips(
    emitter: Emitter, index: str, bounds: tuple[Atom, Atom, Atom], body: Block, carried: Sequence[str]
) -> None:
    """A loop that polls between strips of rounds: a poll in each round would keep compilers from vectorising."""
    start, stop, step = bounds
    first, last = emitter.expression(start), emitter.expression(stop)
    rounds = max(1, _OPERATIONS_BETWEEN_POLLS // (emitter.weights.of_block(body) + 1))
    downwards = isinstance(step, Const) and step.value < 0
    sign, compare = ("-", ">") if downwards else ("+", "<")
    until = emitter.fresh_name("until")
    left = f"{index} - (unsigned long long){last}" if downwards else f"{last} - (unsigned long long){index}"
    if isinstance(step, Const):
        by = str(abs(int(step.value)))
        strip = str(rounds * abs(int(step.value)))
        is_longer = f"{left} > {strip}"
    else:
        by = emitter.expression(step)
        strip = f"{rounds} * {by}"
        is_longer = f"({left}) / {by} > {rounds}"
    with emitter.braces(f"for (long long {index} = {first}; {index} {compare} {last};)"):
        emitter.declaration_line(f"const long long {until} = {is_longer} ? {index} {sign} {strip} : {last};")
        advance = f"{sign}{sign}{index}" if by == "1" else f"{index} {sign}= {by}"
        with emitter.braces(f"for (; {index} {compare} {until}; {advance})"):
            emit_loop_body(emitter, body, carried)
        emitter.poll()


def emit_loop_body(emitter: Emitter, body: Block, carried: Sequence[str]) -> None:
    """A loop's body, at the end of which the carried variables have their next values."""
    emitter.want(body, carried)
    emitter.emit_nodes(body)
    moves = _moves(emitter, carried, body)
    copy_arrays_together(emitter, [move for move in moves if not is_in_register(move.type)])
    assign_together(emitter, [move for move in moves if is_in_register(move.type)])


def _moves(emitter: Emitter, names: Sequence[str], block: Block) -> list[Move]:
    """What the block gives, to go to these variables."""
    return [Move(name, emitter.operand(result), result.type) for name, result in zip(names, block.results, strict=True)]


def _count(emitter: Emitter, index: str, node: Node) -> tuple[str, str]:
    """The loop's header, and the statement that ends its body where the index could pass the largest int."""
    start, stop, step = node.args[:3]
    first, last, by = emitter.expression(start), emitter.expression(stop), emitter.expression(step)
    advance = f"if (__builtin_add_overflow({index}, {by}, &{index})) break;"
    if UPWARDS in node.attrs:
        return f"for (long long {index} = {first}; {index} < {last}; {index} += {by})", ""
    if not isinstance(step, Const):
        return f"for (long long {index} = {first}; {by} > 0 ? {index} < {last} : {index} > {last};)", advance
    amount = int(step.value)
    test = f"{index} {'<' if amount > 0 else '>'} {last}"
    furthest = abs(int(stop.value)) if isinstance(stop, Const) else _LARGEST
    if furthest + abs(amount) - 1 > _LARGEST:
        return f"for (long long {index} = {first}; {test};)", advance
    forward = f"++{index}" if amount == 1 else f"--{index}" if amount == -1 else f"{index} += {amount}"
    return f"for (long long {index} = {first}; {test}; {forward})", ""


def _is_short(emitter: Emitter, start: Atom, stop: Atom, step: Atom, body: Block) -> bool:
    """Whether a loop of known length ends so soon that it need not poll; loops inside would make that uncertain."""
    if not (isinstance(start, Const) and isinstance(stop, Const) and isinstance(step, Const)) or not step.value:
        return False
    if any(node.blocks for node in body.nodes):
        return False
    rounds = len(range(int(start.value), int(stop.value), int(step.value)))
    return rounds * (emitter.weights.of_block(body) + 1) <= _OPERATIONS_WITHOUT_POLL


def _declare_carried(
    emitter: Emitter, initial: Sequence[Atom], params: Sequence[Sym], results: Sequence[Sym]
) -> list[str]:
    """One variable for each carried value, which its parameter and its result name; the user's name for it if any.

    A variable that holds the initial value, and that nobody else reads, goes on as the carried one.
    """
    names = []
    for value, param, result in zip(initial, params, results, strict=True):
        name = emitter.take_over(value) if is_in_register(param.type) else None
        if name is None:
            name = emitter.name_of(param if param.name or not result.name else result)
            _declare_variable(emitter, name, value, result)
        for symbol in (param, result):
            emitter.alias(symbol, name)
            emitter.own(symbol)
        names.append(name)
    return names


def _declare_variable(emitter: Emitter, name: str, value: Atom, result: Sym) -> None:
    type_ = result.type
    if isinstance(type_, TensorType) and not is_in_register(type_):
        emitter.declaration_line(f"{declaration(type_, name)} = {emitter.allocate(result, array_bytes(type_))};")
        copy_array(emitter, name, emitter.expression(value), type_)
    else:
        emitter.declaration_line(f"{declaration(type_, name)} = {emitter.inline(value)};")


@emit_rules.define(FINALLY)
def _emit_finally(emitter: Emitter, node: Node) -> None:
    """A body that can leave the function is a lambda: what it returns is the status, which waits for the cleanup."""
    body, cleanup = node.blocks
    function = emitter.function
    for result in node.results:
        emitter.declare(result)
    names = [emitter.name_of(result) for result in node.results]
    if function.jumps:
        raise NotSupportedYetError(
            "reassociate=True together with native functions is not supported yet",
            loc=node.loc,
            hint="leave reassociate=True out",
        )
    could_fail, function.can_fail = function.can_fail, False
    lines, moves = _emit_side(emitter, body, names)
    with emitter.captured(depth=1) as assignments:
        assign_together(emitter, moves)
    body_fails, function.can_fail = function.can_fail, function.can_fail or could_fail
    status = emitter.fresh_name("status")
    emitter.declaration_line(f"const int {status} = [&] {{" if body_fails else "{")
    emitter.write([*lines, *assignments])
    if body_fails:
        with emitter.captured(depth=1) as ending:
            emitter.declaration_line("return 0;")
        emitter.write(ending)
    emitter.declaration_line("}();" if body_fails else "}")
    outer, emitter.is_cleaning_up = emitter.is_cleaning_up, True
    emitter.emit_nodes(cleanup)
    emitter.is_cleaning_up = outer
    if body_fails:
        emitter.declaration_line(f"if ({status}) return {status};")
