"""The two forms of a staged function that the documents show.

In: a `Function`, with variables as IR variables or promoted. Out: `let_list`, nested plain lists,

    [['let', x0, ['*', in, 1]], ['let', x1, ['*', in, x0]], x1]

and `function_sexpr`, one line,

    (def square (in) (begin (let x0 (* in 1) (let x1 (* in x0) x1))))

A `let` is numbered by how many enclose it, so numbers start again in each block at that of the enclosing `let`. Block
parameters (the index of a `for_range`, carried values) take the numbers just before the `let` of their loop. In the
lists, a list within an operation is a block; argument groups and attributes are tuples.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .call_graph import all_functions, callee_of
from .node import Atom, AttributeValue, Block, Const, Function, Node, Sym
from .ops.control import FOR, IF, WHILE
from .ops.functions import CALL
from .ops.host import PRINT
from .ops.variables import VAR_GET, VAR_NEW, VAR_SET
from .primitive import Primitive

LetItem = object
_LIST_SPELLINGS: Mapping[Primitive, str] = {
    VAR_NEW: "new_var",
    VAR_SET: "assign",
    VAR_GET: "read",
    FOR: "for_range",
}
_SEXPR_SPELLINGS: Mapping[Primitive, str] = {FOR: "for_range"}


@dataclass(frozen=True, slots=True)
class Name:
    """A name in a list form; it prints bare."""

    text: str

    def __repr__(self) -> str:
        return self.text


def let_list(function: Function) -> list[LetItem]:
    """The list form: a `['let', name, operation]` a node, then the result (a tuple of several, None for none).

    The native functions that it calls come first, each a `['def', name, parameters, block]`.
    """
    items: list[LetItem] = []
    for callee in function.functions:
        namer = _Lister(callee, _LIST_SPELLINGS)
        items.append(["def", Name(callee.name), namer.params, namer.block(callee.body, 0)])
    return items + _Lister(function, _LIST_SPELLINGS).block(function.body, 0)


def function_sexpr(function: Function) -> str:
    """The S-expression form, on one line; the native functions that it calls follow on lines of their own."""
    return "\n".join(map(_definition_text, all_functions(function)))


def _definition_text(function: Function) -> str:
    namer = _Lister(function, _SEXPR_SPELLINGS)
    params = " ".join(map(repr, namer.params))
    return f"(def {function.name} ({params}) {_block_text(namer.block(function.body, 0))})"


def _own_params(function: Function) -> tuple[Sym, ...]:
    """The parameters that are not captured buffers."""
    return function.params[: len(function.params) - function.captures]


class _Lister:
    """Names symbols and turns blocks into lists."""

    def __init__(self, function: Function, spellings: Mapping[Primitive, str]) -> None:
        self.names: dict[Sym, Name] = {}
        self._spellings = spellings
        own = _own_params(function)
        for index, param in enumerate(own):
            self.names[param] = Name("in" if len(own) == 1 else f"in{index}")
        taken = {name.text for name in self.names.values()}
        for index, param in enumerate(function.params[len(own) :]):
            text = param.name or f"buffer{index}"
            if text in taken:
                text = f"{text}${index}"
            taken.add(text)
            self.names[param] = Name(text)
        self.params = tuple([self.names[param] for param in own])

    def block(self, block: Block, number: int) -> list[LetItem]:
        """The list form of a block whose first `let` has this number."""
        items: list[LetItem] = []
        for node in block.nodes:
            number = self._bind_block_params(node, number)
            spelling = self._spelling(node.primitive)
            if node.primitive is VAR_NEW:
                variable = self._name(node.results[0], number)
                items.append(["let", variable, [spelling]])
                if node.args:
                    number += 1
                    operation = [self._spelling(VAR_SET), variable, self._atom(node.args[0])]
                    items.append(["let", Name(f"x{number}"), operation])
            else:
                operation = [spelling, *self._operands(node, number)]
                items.append(["let", self._result_names(node, number), operation])
            number += max(len(node.results), 1)
        items.append(self._group(block.results))
        return items

    def _spelling(self, primitive: Primitive) -> str:
        return self._spellings.get(primitive, primitive.spelling)

    def _operands(self, node: Node, number: int) -> list[LetItem]:
        atoms = [self._atom(arg) for arg in node.args]
        if node.primitive is CALL:
            return [Name(callee_of(node)), *atoms]
        blocks = [self.block(block, number) for block in node.blocks]
        attributes = [_attribute(value) for _key, value in node.attrs]
        if node.primitive is PRINT:
            return [(*attributes, *atoms)]
        if node.primitive is IF or not node.blocks:
            return [*atoms, *attributes, *blocks]
        names = [self._atom(param) for param in node.blocks[0].params]
        if node.primitive is FOR:
            carried = list(zip(names[1:], atoms[3:], strict=True))
            return [*atoms[:3], (names[0], *carried), *blocks]
        if node.primitive is WHILE:
            return [*([tuple(zip(names, atoms, strict=True))] if names else []), *blocks]
        return [*atoms, *attributes, tuple(names), *blocks]

    def _bind_block_params(self, node: Node, number: int) -> int:
        """Number the parameters of a node's blocks, which stand for the same values; the next free number."""
        for block in node.blocks:
            for index, param in enumerate(block.params):
                self._name(param, number + index)
        return number + max((len(block.params) for block in node.blocks), default=0)

    def _result_names(self, node: Node, number: int) -> LetItem:
        names = [self._name(result, number + index) for index, result in enumerate(node.results)]
        if len(names) > 1:
            return tuple(names)
        return names[0] if names else Name(f"x{number}")

    def _name(self, symbol: Sym, number: int) -> Name:
        name = self.names[symbol] = Name(f"x{number}")
        return name

    def _group(self, atoms: Sequence[Atom]) -> LetItem:
        """What a block gives: nothing, one value, or several."""
        if len(atoms) > 1:
            return tuple(self._atom(atom) for atom in atoms)
        return self._atom(atoms[0]) if atoms else None

    def _atom(self, atom: Atom) -> LetItem:
        return atom.value if isinstance(atom, Const) else self.names[atom]


def _attribute(value: AttributeValue) -> LetItem:
    if isinstance(value, tuple):
        return tuple(map(_attribute, value))
    return value if value is None or isinstance(value, (bool, int, float, str)) else Name(str(value))


def _block_text(items: Sequence[LetItem]) -> str:
    """`(begin (let ... (let ... result)))`."""
    parts: list[str] = []
    for item in items[:-1]:
        assert isinstance(item, list), "a block is made of lets"
        _let, name, operation = item
        parts.append(f"(let {_text(name)} {_operation_text(operation)} ")
    return f"(begin {''.join(parts)}{_text(items[-1])}{')' * (len(parts) + 1)}"


def _operation_text(operation: Sequence[LetItem]) -> str:
    name, *operands = operation
    if not operands:
        return str(name)
    texts = [_block_text(operand) if isinstance(operand, list) else _text(operand) for operand in operands]
    return f"({name} {' '.join(texts)})"


def _text(item: LetItem) -> str:
    if isinstance(item, str):
        return json.dumps(item, ensure_ascii=False)
    return f"({' '.join(map(_text, item))})" if isinstance(item, tuple) else repr(item)
