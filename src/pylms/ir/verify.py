"""Checking that a function is well formed, after staging and after every pass.

In: a `Function`. Out: nothing, or an `InternalError` that holds the printed IR with the fault marked in place.
What is checked: each symbol is defined once, with an id of its own, before its uses and in an enclosing block;
constants are values of their types; result types are what `type_rules` say; effects are at least what `effect_rules`
say; variables stay between `var_new`, `var_get` and `var_set`, and buffers do not pass through block parameters or
block results (so that the symbol of a buffer names it); captures are buffers, and the last parameters; a call fits the
function that it names, whose effect its own covers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from ..errors import InternalError, PylmsError
from ..loc import Loc
from .call_graph import all_functions, callee_of, mutated_parameters
from .effects import PURE, Effect, Place
from .node import Atom, AttributeValue, Block, Const, Function, Node, Sym
from .ops.functions import CALL
from .ops.variables import VAR_GET, VAR_NEW, VAR_SET
from .printer import Fault, format_atom, print_function
from .rules import effect_of_block, effect_rules, result_types
from .types import BufferType, ScalarType, TapeType, Type, VarType


def verify(function: Function, *, checked: set[Node] | None = None) -> None:
    """Raises `InternalError` where `function`, or a native function beside it, is not well formed.

    `checked` holds nodes that are known to be right in themselves, and learns those of this function: a node never
    changes, so that after a pass only new ones are looked at closely, and only where it stands is looked at for all.
    """
    checked = set() if checked is None else checked
    callees: dict[str, _Callee] = {}
    mutated = mutated_parameters(function)
    for each in all_functions(function):
        results = tuple([result.type for result in each.body.results])
        callees[each.name] = _Callee(each, results, effect_of_block(each.body), mutated[each.name])
    for each in all_functions(function):
        _Verifier(each, callees, checked).function()
    for each in function.functions:
        _require_fit(each, main=function)
    if len(callees) != len(function.functions) + 1:
        raise InternalError(f"malformed IR in `{function.name}`: two functions have one name", loc=function.loc)


def _require_fit(function: Function, *, main: Function) -> None:
    if function.captures or function.functions:
        message = f"malformed IR in `{main.name}`: `{function.name}` has captures or functions of its own"
        raise InternalError(message, loc=function.loc, ir=print_function(main))


@dataclass(frozen=True, slots=True)
class _Callee:
    """What calls of a function must agree with."""

    function: Function
    results: tuple[Type, ...]
    effect: Effect
    mutates: frozenset[int]


class _Verifier:
    """One check of one function, which may call `callees`. Nodes in `checked` are right in themselves."""

    def __init__(self, function: Function, callees: Mapping[str, _Callee], checked: set[Node]) -> None:
        self._function = function
        self._callees = callees
        self._checked = checked
        self._in_scope: set[Sym] = set()
        self._defined: dict[int, Sym] = {}

    def function(self) -> None:
        function = self._function
        captured = function.params[len(function.params) - function.captures :]
        if not 0 <= function.captures <= len(function.params):
            self._fail(function, f"{function.captures} captures, but {len(function.params)} parameters", function.loc)
        for param in captured:
            if not isinstance(param.type, BufferType):
                self._fail(function, f"the capture {format_atom(param)} is not a buffer but {param.type}", function.loc)
        for param in function.params:
            if isinstance(param.type, VarType):
                self._fail(function, f"the parameter {format_atom(param)} is a variable", function.loc)
        self._block(function.body, function, function.loc)

    def _block(self, block: Block, owner: Function | Node, loc: Loc) -> None:
        own: list[Sym] = []
        for param in block.params:
            if isinstance(owner, Node) and isinstance(param.type, (VarType, BufferType, TapeType)):
                self._fail(owner, f"the block parameter {format_atom(param)} is a {param.type}", loc)
            self._define(param, owner, loc)
            own.append(param)
        for node in block.nodes:
            self._node(node)
            own += node.results
        for result in block.results:
            self._atom(result, block, loc)
            if isinstance(result.type, (VarType, TapeType)) or (
                isinstance(owner, Node) and isinstance(result.type, BufferType)
            ):
                self._fail(block, f"a {result.type} may not leave its block", loc)
        self._in_scope.difference_update(own)

    def _node(self, node: Node) -> None:
        is_new = node not in self._checked
        for arg in node.args:
            if is_new or (arg.__class__ is Sym and arg not in self._in_scope):
                self._atom(arg, node, node.loc)
        for block in node.blocks:
            self._block(block, node, node.loc)
        if is_new:
            self._variables_stay_variables(node)
            attrs = dict(node.attrs)
            self._types(node, attrs)
            self._effect(node, attrs)
            self._checked.add(node)
        if node.primitive is CALL:
            self._call(node)
        for result in node.results:
            self._define(result, node, node.loc)

    def _define(self, symbol: Sym, place: Fault, loc: Loc) -> None:
        if symbol.id in self._defined:
            is_same = self._defined[symbol.id] is symbol
            what = f"{format_atom(symbol)} is defined twice" if is_same else f"two symbols have the id {symbol.id}"
            self._fail(place, what, loc)
        self._defined[symbol.id] = symbol
        self._in_scope.add(symbol)

    def _atom(self, atom: Atom, place: Fault, loc: Loc) -> None:
        if isinstance(atom, Const):
            if not _fits(atom):
                self._fail(place, f"{atom.value!r} is not a value of type {atom.type}", loc)
        elif atom not in self._in_scope:
            known = self._defined.get(atom.id) is atom
            self._fail(place, f"{format_atom(atom)} is {'out of scope' if known else 'not defined'} here", loc)

    def _variables_stay_variables(self, node: Node) -> None:
        for arg in node.args[1:] if node.primitive in (VAR_GET, VAR_SET) else node.args:
            if isinstance(arg.type, VarType):
                self._fail(node, f"the variable {format_atom(arg)} is used as a value", node.loc)
        for result in node.results:
            if isinstance(result.type, VarType) and node.primitive is not VAR_NEW:
                self._fail(node, f"{node.primitive} makes a variable", node.loc)

    def _types(self, node: Node, attrs: Mapping[str, AttributeValue]) -> None:
        found = tuple([result.type for result in node.results])
        types = tuple([arg.type for arg in node.args])
        try:
            expected = result_types(node.primitive, types, attrs, node.blocks)
        except (PylmsError, LookupError, ValueError, TypeError, AttributeError, AssertionError) as error:
            reason = error.message if isinstance(error, PylmsError) else f"{type(error).__name__}: {error}"
            self._fail(node, reason, node.loc)
        if expected != found:
            wanted, given = ", ".join(map(str, expected)), ", ".join(map(str, found))
            self._fail(node, f"the results have the types ({given}), and the rule says ({wanted})", node.loc)

    def _effect(self, node: Node, attrs: Mapping[str, AttributeValue]) -> None:
        expected = effect_rules[node.primitive](node.args, attrs, node.blocks)
        if expected is not node.effect and (missing := _missing(expected, node.effect)):
            self._fail(node, f"the effect lacks {missing}", node.loc)

    def _call(self, node: Node) -> None:
        name = callee_of(node)
        callee = self._callees.get(name)
        if callee is None:
            self._fail(node, f"there is no function `{name}` to call", node.loc)
        wanted = tuple([param.type for param in callee.function.params])
        given = tuple([arg.type for arg in node.args])
        if wanted != given:
            expected, found = ", ".join(map(str, wanted)), ", ".join(map(str, given))
            self._fail(node, f"`{name}` takes ({expected}), and is given ({found})", node.loc)
        if callee.results != node.attr("results"):
            self._fail(node, f"`{name}` gives ({', '.join(map(str, callee.results))})", node.loc)
        written = Effect(writes=frozenset(arg for index in callee.mutates if isinstance(arg := node.args[index], Sym)))
        if missing := _missing(callee.effect | written, node.effect):
            self._fail(node, f"the effect lacks what `{name}` does: {missing}", node.loc)

    def _fail(self, place: Fault, message: str, loc: Loc) -> NoReturn:
        text = print_function(self._function, fault=place, message=message)
        raise InternalError(f"malformed IR in `{self._function.name}`: {message}", loc=loc, ir=text)


def _missing(expected: Effect, found: Effect) -> str:
    """What `expected` has and `found` has not, in words; empty where there is nothing."""
    if expected is PURE:
        return ""
    words = [f"reads of {text}" for text in sorted(map(_format_place, expected.reads - found.reads))]
    words += [f"writes of {text}" for text in sorted(map(_format_place, expected.writes - found.writes))]
    words += [name for name in ("io", "raises", "keep") if getattr(expected, name) and not getattr(found, name)]
    return ", ".join(words)


def _format_place(place: Place) -> str:
    return format_atom(place) if isinstance(place, Sym) else str(place)


def _fits(constant: Const) -> bool:
    """Whether the value is one that its type has, in the Python class that stands for it."""
    value, type_ = constant.value, constant.type
    match type_.kind:
        case "bool":
            return type(value) is bool
        case "float":
            return type(value) is float
        case "int":
            return type(value) is int and _within(type_, value, -(1 << type_.bits - 1))
        case "uint":
            return type(value) is int and _within(type_, value, 0)


def _within(type_: ScalarType, value: int, lowest: int) -> bool:
    return lowest <= value < lowest + (1 << type_.bits)
