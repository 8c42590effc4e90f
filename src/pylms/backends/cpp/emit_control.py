"""C++ for structured control flow: `if`, `while` and `for` as themselves, carried values as local variables.

A carried value is one C++ variable, which the loop's parameters and results all name: it changes only where the loop
goes round, so each of them means its own value where it is in scope. Arrays that are carried have memory of
their own, into which the body's results are copied.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...errors import InternalError
from ...ir.node import Atom, Block, Const, Node, Sym
from ...ir.ops.control import CHECK, FOR, IF, WHILE
from ...ir.types import TensorType, Type
from .emit_rules import emit_rules
from .emit_variables import array_bytes, copy_array
from .emitter import Emitter
from .literals import Binding, declaration, is_in_register
from .text import Line

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_LARGEST = 2**63 - 1
# A loop of so few operations in all ends before anyone waits for it.
_OPERATIONS_WITHOUT_POLL = 20_000
# What `checks=False` leaves out (DESIGN D7); assertions and the program's own exceptions stay.
_UNCHECKED_ERRORS = frozenset({"OverflowError", "ZeroDivisionError", "IndexError"})


@emit_rules.define(CHECK)
def _emit_check(emitter: Emitter, node: Node) -> None:
    error, message = node.attr("error"), node.attr("message")
    assert isinstance(error, str) and isinstance(message, str)
    if not emitter.checks and error in _UNCHECKED_ERRORS:
        return
    condition = emitter.inline(node.args[0], Binding.UNARY)
    emitter.line(f"if (!{condition}) {emitter.fail(error, message, node.loc)}")


@emit_rules.define(IF)
def _emit_if(emitter: Emitter, node: Node) -> None:
    then, otherwise = node.blocks
    if _emit_selection(emitter, node):
        return
    for result in node.results:
        if result not in emitter.stored_elsewhere:
            emitter.declaration_line(f"{declaration(result.type, emitter.name_of(result))};")
    condition = emitter.inline(node.args[0])
    with emitter.captured(depth=1) as then_lines:
        _emit_branch(emitter, then, node.results)
    with emitter.captured(depth=1) as else_lines:
        _emit_branch(emitter, otherwise, node.results)
    if not then_lines:
        condition, then_lines, else_lines = f"!({condition})", else_lines, []
    if not then_lines:
        return
    emitter.line(f"if ({condition}) {{")
    emitter.write(then_lines)
    if _is_single_branch(otherwise, else_lines):
        first = else_lines[0]
        else_lines[0] = Line(first.depth, f"}} else {first.text}", first.loc, first.commented)
        emitter.write([Line(line.depth - 1, line.text, line.loc, line.commented) for line in else_lines])
        return
    if else_lines:
        emitter.declaration_line("} else {")
        emitter.write(else_lines)
    emitter.declaration_line("}")


def _emit_selection(emitter: Emitter, node: Node) -> bool:
    """A branch that only chooses between two numbers, as an expression; whether it was one."""
    then, otherwise = node.blocks
    if then.nodes or otherwise.nodes or not all(is_in_register(result.type) for result in node.results):
        return False
    if any(result in emitter.stored_elsewhere for result in node.results):
        return False
    condition = emitter.expression(node.args[0])
    for result, left, right in zip(node.results, then.results, otherwise.results, strict=True):
        texts = [emitter.inline(atom, Binding.OR) for atom in (left, right)]
        emitter.define_pure(result, f"{condition} ? {texts[0]} : {texts[1]}", Binding.CONDITIONAL)
    return True


def _is_single_branch(block: Block, lines: Sequence[Line]) -> bool:
    """Whether a branch is another `if` and nothing else, so that it can stand behind `else`."""
    if not lines or not block.nodes or block.nodes[-1].primitive is not IF:
        return False
    depth = lines[0].depth
    return lines[0].text.startswith("if (") and not any(
        line.depth == depth and not line.text.startswith("}") for line in lines[1:]
    )


def _emit_branch(emitter: Emitter, block: Block, targets: Sequence[Sym]) -> None:
    """One side of a branch; its results go to the variables of the branch's results.

    What an inner branch at the end gives goes there directly: nobody reads those variables before the outer one ends.
    """
    last = block.nodes[-1] if block.nodes else None
    if last is not None and last.primitive is IF and not emitter.is_split(block):
        for result, target in zip(block.results, targets, strict=True):
            if result in last.results and block.results.count(result) == 1:
                assert isinstance(result, Sym)
                emitter.alias(result, emitter.name_of(target))
                emitter.stored_elsewhere.add(result)
    emitter.emit_nodes(block)
    for result, target in zip(block.results, targets, strict=True):
        if result not in emitter.stored_elsewhere:
            emitter.line(f"{emitter.name_of(target)} = {emitter.inline(result)};")


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
        emitter.emit_nodes(body)
        _assign_together(emitter, carried, body.results)
        emitter.poll()


@emit_rules.define(FOR)
def _emit_for(emitter: Emitter, node: Node) -> None:
    start, stop, step = node.args[:3]
    (body,) = node.blocks
    carried = _declare_carried(emitter, node.args[3:], body.params[1:], node.results)
    index = emitter.name_of(body.params[0])
    header, advance = _count(emitter, index, start, stop, step)
    with emitter.braces(header):
        emitter.emit_nodes(body)
        _assign_together(emitter, carried, body.results)
        if not _is_short(emitter, start, stop, step, body):
            emitter.poll()
        if advance:
            emitter.declaration_line(advance)


def _count(emitter: Emitter, index: str, start: Atom, stop: Atom, step: Atom) -> tuple[str, str]:
    """The loop's header, and the statement that ends its body where the index could pass the largest int."""
    first, last, by = emitter.expression(start), emitter.expression(stop), emitter.expression(step)
    advance = f"if (__builtin_add_overflow({index}, {by}, &{index})) break;"
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
    """One variable for each carried value, which its parameter and its result name; the user's name for it if any."""
    names = []
    for value, param, result in zip(initial, params, results, strict=True):
        name = emitter.name_of(param if param.name or not result.name else result)
        emitter.alias(param, name)
        emitter.alias(result, name)
        names.append(name)
        if isinstance(param.type, TensorType) and not is_in_register(param.type):
            size = array_bytes(param.type)
            emitter.declaration_line(f"{declaration(param.type, name)} = {emitter.allocate(result, size)};")
            copy_array(emitter, name, emitter.expression(value), param.type)
        else:
            emitter.declaration_line(f"{declaration(param.type, name)} = {emitter.inline(value)};")
    return names


def _assign_together(emitter: Emitter, names: Sequence[str], values: Sequence[Atom]) -> None:
    """Give every carried variable its next value, each computed before any of them changes."""
    moves = [(name, emitter.inline(value), value.type) for name, value in zip(names, values, strict=True)]
    moves = [move for move in moves if move[0] != move[1]]
    _copy_arrays_together(emitter, [move for move in moves if not is_in_register(move[2])])
    numbers = [move for move in moves if is_in_register(move[2])]
    while numbers:
        move = next((move for move in numbers if not _is_needed(move, numbers)), None)
        if move is None:
            numbers = _break_cycle(emitter, numbers)
            continue
        numbers.remove(move)
        emitter.line(f"{move[0]} = {move[1]};")


_Move = tuple[str, str, Type]


def _is_needed(move: _Move, moves: Sequence[_Move]) -> bool:
    """Whether another pending move reads the variable that this one changes."""
    return any(other is not move and move[0] in _IDENTIFIER.findall(other[1]) for other in moves)


def _break_cycle(emitter: Emitter, moves: Sequence[_Move]) -> list[_Move]:
    """The moves after the first variable's present value was kept under another name."""
    name, _, type_ = moves[0]
    old = emitter.fresh_name(f"old_{name}")
    emitter.line(f"const {declaration(type_, old)} = {name};")
    mention = re.compile(rf"\b{name}\b")
    return [(target, text if target == name else mention.sub(old, text), type_) for target, text, type_ in moves]


def _copy_arrays_together(emitter: Emitter, moves: Sequence[_Move]) -> None:
    """Where several arrays change, any of the new values may be a view of any of the old: all are copied out first."""
    types = [type_ for _, _, type_ in moves if isinstance(type_, TensorType)]
    sources = [source for _, source, _ in moves]
    if len(types) != len(moves):
        raise InternalError("a loop can carry numbers and tensors only", loc=emitter.loc)
    if len(moves) > 1:
        copies = [emitter.fresh_name("next") for _ in moves]
        for copy, source, type_ in zip(copies, sources, types, strict=True):
            emitter.line(f"{declaration(type_, copy)} = {emitter.scratch(type_, array_bytes(type_))};")
            copy_array(emitter, copy, source, type_)
        sources = copies
    for (target, _, _), source, type_ in zip(moves, sources, types, strict=True):
        copy_array(emitter, target, source, type_)
