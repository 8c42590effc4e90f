"""Who calls whom among the native functions of a program, and what a call may do.

In: a `Function` with its `functions`. Out: questions answered about them, or the same program with the effects written
at its calls. Those are a least fixpoint: what the bodies do themselves, along all calls. Every recursive call may run
out of stack; it is kept even when its result is unused, unless it counts an int up or down, so that it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from .builder import rebuild
from .effects import PURE, RAISES, RAISES_KEPT, Effect, Place
from .node import Atom, Block, Const, Function, Node, Sym, walk
from .ops.arithmetic import ADD, SUB
from .ops.functions import CALL, call_attributes
from .rules import effect_of_block, effect_rules
from .types import INT


def all_functions(function: Function) -> tuple[Function, ...]:
    """The main function and the others, in order."""
    return (function, *function.functions)


def callee_of(node: Node) -> str:
    """The name of the function that a `call` runs."""
    callee = node.attr("callee")
    assert isinstance(callee, str)
    return callee


def callees(function: Function) -> dict[str, None]:
    """The names of the functions that the body of one function calls, each once, in order."""
    return {callee_of(node): None for node in walk(function.body) if node.primitive is CALL}


def reachable(function: Function) -> dict[str, set[str]]:
    """For each function of the program, the names of those that running it may run, itself only where it recurs."""
    direct = {each.name: set(callees(each)) for each in all_functions(function)}
    return {name: _reached_from(name, direct) for name in direct}


def _reached_from(name: str, direct: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(direct[name])
    while waiting:
        callee = waiting.pop()
        if callee not in found:
            found.add(callee)
            waiting.extend(direct[callee])
    return found


def recursive_names(function: Function) -> frozenset[str]:
    """The functions that may be running already when they are called."""
    return frozenset(name for name, reached in reachable(function).items() if name in reached)


def without_unused(function: Function) -> Function:
    """The program without the functions that the main one does not come to."""
    if not function.functions:
        return function
    used = reachable(function)[function.name]
    kept = tuple([each for each in function.functions if each.name in used])
    return function if len(kept) == len(function.functions) else replace(function, functions=kept)


def without_wrapper(function: Function) -> Function:
    """The program without a main function that only passes on to a native one: that takes its place and name."""
    if len(function.body.nodes) != 1 or function.captures:
        return function
    (node,) = function.body.nodes
    if node.primitive is not CALL or node.args != function.params or node.results != function.body.results:
        return function
    name = callee_of(node)
    others = [_calling(each, name, function.name) for each in function.functions]
    main = next(each for each in others if each.name == name)
    callees = tuple([each for each in others if each is not main])
    return replace(main, name=function.name, loc=function.loc, functions=callees)


def _calling(function: Function, old: str, new: str) -> Function:
    """The function with calls of `old` become calls of `new`."""
    return replace(function, body=_with_calls(function.body, lambda node: _renamed(node, old, new)))


def _renamed(node: Node, old: str, new: str) -> Node:
    if callee_of(node) != old:
        return node
    attrs = tuple([("callee", new) if key == "callee" else (key, value) for key, value in node.attrs])
    return replace(node, attrs=attrs)


def with_call_effects(function: Function) -> Function:
    """The program with what each call may do written at it."""
    if not function.functions and not callees(function):
        return function
    mutated = mutated_parameters(function)
    nothing = {each.name: PURE for each in all_functions(function)}
    own = {each.name: effect_of_block(_with_effects(each.body, nothing, mutated)) for each in all_functions(function)}
    reached = reachable(function)
    for each in all_functions(function):
        if each.name in reached[each.name]:
            own[each.name] |= RAISES if _surely_ends(each, reached) else RAISES_KEPT
    total = {name: _union([own[name], *[own[callee] for callee in reached[name]]]) for name in own}
    main, *others = [replace(each, body=_with_effects(each.body, total, mutated)) for each in all_functions(function)]
    return replace(main, functions=tuple(others))


def mutated_parameters(function: Function) -> dict[str, frozenset[int]]:
    """For each function of the program, the positions of the parameters that are buffers which running it may write.

    A main function alone has none but captures, which no call passes.
    """
    if not function.functions:
        return {function.name: frozenset()}
    found: dict[str, frozenset[int]] = {}
    again = {each.name: frozenset[int]() for each in all_functions(function)}
    while again != found:
        found = again
        again = {each.name: _mutated(each, found) for each in all_functions(function)}
    return found


def _mutated(function: Function, callees: Mapping[str, frozenset[int]]) -> frozenset[int]:
    """The positions of the parameters that a function may write, if `callees` are those that the others write."""
    written: set[Atom | Place] = set()
    for node in walk(function.body):
        if node.primitive is CALL:
            written.update(node.args[index] for index in callees.get(callee_of(node), ()))
        else:
            written.update(node.effect.writes.intersection(node.args))
    return frozenset(index for index, param in enumerate(function.params) if param in written)


def _union(effects: list[Effect]) -> Effect:
    total = PURE
    for effect in effects:
        total |= effect
    return total


def _with_effects(block: Block, effects: Mapping[str, Effect], mutated: Mapping[str, frozenset[int]]) -> Block:
    """The block with these effects at its calls."""
    return _with_calls(block, lambda node: _with_effect(node, effects[callee_of(node)], mutated[callee_of(node)]))


def _with_calls(block: Block, change: Callable[[Node], Node]) -> Block:
    """The block with its calls changed."""
    nodes: list[Node] = []
    for node in block.nodes:
        if node.primitive is CALL:
            node = change(node)
        elif node.blocks:
            node = rebuild(node, node.args, [_with_calls(inner, change) for inner in node.blocks])
        nodes.append(node)
    return Block(block.params, tuple(nodes), block.results)


def _with_effect(node: Node, effect: Effect, mutates: frozenset[int]) -> Node:
    attrs = call_attributes(callee_of(node), node.attr("results"), effect, mutates)
    found = effect_rules[CALL](node.args, attrs, ())
    return Node(node.results, CALL, node.args, tuple(attrs.items()), (), found, node.loc)


def _surely_ends(function: Function, reached: Mapping[str, set[str]]) -> bool:
    """Whether every recursive call is one of itself, passing the same int larger, or smaller, by a constant.

    It comes to the end of 64 bits if to nothing before. How deep the stack lets it go is a limit of compiled code.
    """
    recursive = [
        node for node in walk(function.body) if node.primitive is CALL and function.name in reached[callee_of(node)]
    ]
    steps = {result: node for node in walk(function.body) for result in node.results if node.primitive in (ADD, SUB)}
    if any(callee_of(node) != function.name for node in recursive):
        return False
    for index, param in enumerate(function.params):
        changes = [_change(steps, node, index, param) for node in recursive]
        if param.type == INT and (all(change > 0 for change in changes) or all(change < 0 for change in changes)):
            return True
    return False


def _change(steps: Mapping[Sym, Node], call: Node, index: int, param: Sym) -> float:
    """By how much a call passes a parameter larger; 0 where that cannot be said."""
    passed = call.args[index]
    step = steps.get(passed) if isinstance(passed, Sym) else None
    if step is None or step.args[0] != param or not isinstance(step.args[1], Const):
        return 0
    return step.args[1].value if step.primitive is ADD else -step.args[1].value
