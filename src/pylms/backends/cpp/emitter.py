"""The emitter: what emission rules write with.

In: nodes, in program order. Out: lines of C++ functions, and what they need from outside: error sites, callbacks,
headers, scratch memory. What holds in between: a symbol's text means its value wherever the symbol is in scope; a
pure scalar that is used once, in its own block, may wait as an expression until its use ("pending").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...ir.call_graph import all_functions
from ...ir.node import Atom, Block, Const, Function, Node, Sym
from ...ir.types import Type, element_type
from ...loc import Loc
from ...passes.on_tensors import has_tensors
from ..base import CallbackSpec, ErrorSite
from .destinations import Destination, destinations_of
from .emit_rules import PLACES_OPERANDS, emit_rules
from .function_text import FunctionText
from .literals import (
    Binding,
    Expression,
    declaration,
    header_of,
    is_in_register,
    literal,
    scalar_c_type,
)
from .names import Names, identifiers
from .reused_arrays import arrays_made_again
from .shared_nests import SharedNests
from .splitting import emit_in_parts
from .text import Line
from .usage import OPERATIONS_IN_A_FUNCTION, Weights, symbols_used_once

if TYPE_CHECKING:
    from .emit_functions import NativeFunction

_LONGEST_PENDING = 60
_ALIGNMENT = 64


class Emitter:
    """Writes one `Function`. `checks` tells whether Python's checks are wanted (DESIGN D7)."""

    def __init__(
        self,
        function: Function,
        *,
        checks: bool,
        threads: int = 0,
        offsets: Mapping[Sym, int] | None = None,
        planned_bytes: int = 0,
    ) -> None:
        """`offsets`: where in the call's scratch memory values lie; `planned_bytes`: what they take in all."""
        self.checks = checks
        self.threads = threads
        self.polls = False
        self.is_cleaning_up = False
        self.before_node: dict[Node, str] = {}
        """Statements that go before a node."""
        self.is_on_a_thread = False
        """Whether what is written runs in a parallel region, where nothing of the call's context may be used."""
        self.has_tensors = any(map(has_tensors, all_functions(function)))
        self.shared_nests = SharedNests(all_functions(function) if self.has_tensors else ())
        self.weights = Weights(of_tensors=self.has_tensors)
        self.headers: list[str] = []
        self.error_sites: list[ErrorSite] = []
        self.callbacks: dict[CallbackSpec, int] = {}
        self.flags: list[str] = []
        self.link: list[str] = []
        self.top_level: list[Line] = []
        self.parts_apart = 0
        """How many parts of long code may be compiled in pieces of their own."""
        self.arena_bytes = planned_bytes
        self.stored_elsewhere: set[Sym] = set()
        self.natives: dict[str, NativeFunction] = {}
        self.function = FunctionText()
        self.loc: Loc | None = function.loc
        self._offsets = dict(offsets or {})
        self.places: Mapping[Sym, str] = {}
        """The addresses of values of the present native function that do not lie in its scratch memory."""
        self._names = Names()
        self._global_names: list[str] = []
        self._name_of: dict[Sym, str] = {}
        self._pending: dict[Sym, Expression] = {}
        self.made_again = frozenset().union(*map(arrays_made_again, all_functions(function)))
        self._used_once = frozenset().union(*map(symbols_used_once, all_functions(function)))
        self._error_numbers: dict[ErrorSite, int] = {}
        self._destinations: dict[Sym, Destination] = {}
        self._variables: dict[Sym, FunctionText] = {}
        self._starts_node = False

    # Lines.

    def line(self, text: str) -> None:
        """One line at the current indentation. The first of a node shows the Python line."""
        self.function.lines.append(Line(self.function.depth, text, self.loc, self._starts_node))
        self._starts_node = False

    def declaration_line(self, text: str) -> None:
        """A line that only prepares for the next, which is the one to show the Python line."""
        self.function.lines.append(Line(self.function.depth, text, self.loc))

    @contextmanager
    def braces(self, header: str, tail: str = "") -> Iterator[None]:
        """`header {`, what is written inside the `with`, `}tail`."""
        self.line(f"{header} {{" if header else "{")
        loc = self.loc
        self.function.depth += 1
        yield
        self.function.depth -= 1
        self.loc = loc
        self.declaration_line("}" + tail)

    @contextmanager
    def captured(self, *, depth: int = 0) -> Iterator[list[Line]]:
        """Collects what is written inside the `with`, `depth` levels further in, instead of writing it."""
        function, outer, starts_node = self.function, self.function.lines, self._starts_node
        function.lines, function.depth, self._starts_node = [], function.depth + depth, False
        yield function.lines
        function.lines, function.depth, self._starts_node = outer, function.depth - depth, starts_node

    def write(self, lines: Sequence[Line]) -> None:
        """Lines that were captured."""
        self.function.lines.extend(lines)

    # Values.

    def name_of(self, symbol: Sym) -> str:
        """The symbol's identifier, its own in its native function."""
        name = self._name_of.get(symbol)
        if name is None:
            name = self._name_of[symbol] = self._names.fresh(symbol.name or f"t{symbol.id}")
        return name

    def fresh_name(self, hint: str) -> str:
        """An identifier that nobody in this native function has."""
        return self._names.fresh(hint)

    def fresh_global_name(self, hint: str) -> str:
        """An identifier for all of the program."""
        name = self._names.fresh(hint)
        self._global_names.append(name)
        return name

    def alias(self, symbol: Sym, name: str) -> None:
        """Let the symbol's value be what `name` holds for as long as the symbol is in scope."""
        self._name_of[symbol] = name

    def expression(self, atom: Atom) -> str:
        """A name or a literal, to be written as often as one likes within the current braces."""
        if isinstance(atom, Const):
            return literal(atom).within(Binding.POSTFIX)
        if atom in self._pending:
            self.settle(atom)
        return self.name_of(atom)

    def inline(self, atom: Atom, binding: Binding = Binding.LOOSE) -> str:
        """An operand that binds at least so tightly, to be written once, right here."""
        return self.operand(atom).within(binding)

    def operand(self, atom: Atom) -> Expression:
        """An operand to be written once, right here, by whoever knows how tightly it must bind."""
        if isinstance(atom, Const):
            return literal(atom)
        return self._pending.pop(atom, None) or Expression(self.name_of(atom), Binding.POSTFIX)

    def settle(self, atom: Atom) -> None:
        """Write a pending value down as a constant of its own."""
        if isinstance(atom, Sym) and (pending := self._pending.pop(atom, None)) is not None:
            self.declaration_line(f"const {declaration(atom.type, self.name_of(atom))} = {pending.text};")

    def define(self, symbol: Sym, expression: str) -> None:
        """`const T name = expression;`"""
        constant = "const " if is_in_register(symbol.type) else ""
        self.line(f"{constant}{declaration(symbol.type, self.name_of(symbol))} = {expression};")

    def define_pure(self, symbol: Sym, text: str, binding: Binding) -> None:
        """Like `define`, for an expression of registers only, which may be written at its one use instead.

        Values that the user named keep a line of their own.
        """
        if symbol in self._used_once and not symbol.name and len(text) <= _LONGEST_PENDING:
            self._pending[symbol] = Expression(text, binding)
        else:
            self.define(symbol, text)

    # Variables.

    def own(self, symbol: Sym) -> None:
        """The symbol is a C++ variable of the current function, which may change once the symbol is used no more."""
        self._variables[symbol] = self.function

    def take_over(self, symbol: Atom) -> str | None:
        """The variable of a value that nobody else uses, for other values to go on with; None where there is none."""
        if not isinstance(symbol, Sym) or symbol not in self._used_once:
            return None
        if self._variables.get(symbol) is not self.function:
            return None
        name = self.name_of(symbol)
        self._settle_readers(name)
        return name

    def want(self, block: Block, names: Sequence[str]) -> None:
        """Tell where the block's results go at its end, so that they may go there at once."""
        if not self.is_split(block):
            wanted = destinations_of(block, names)
            self._destinations.update({each: wanted[each] for each in wanted if each in self._used_once})

    def destination(self, symbol: Sym) -> str | None:
        """The variable that the symbol's value goes to, which then is its name; None where it may not change yet."""
        wanted = self._destinations.pop(symbol, None)
        if wanted is None or not wanted.is_free(self._name_of):
            return None
        self._settle_readers(wanted.name)
        self.alias(symbol, wanted.name)
        return wanted.name

    def declare(self, symbol: Sym) -> str:
        """A variable for the symbol to be written to; its operands must have been taken already."""
        name = self.destination(symbol)
        if name is None:
            name = self.name_of(symbol)
            self.declaration_line(f"{declaration(symbol.type, name)};")
        return name

    def _settle_readers(self, name: str) -> None:
        """Write down what is pending and reads a variable, before that changes."""
        readers = [symbol for symbol, text in self._pending.items() if name in identifiers(text.text)]
        for symbol in readers:
            self.settle(symbol)

    # Nodes.

    def emit_nodes(self, block: Block) -> None:
        """The block's nodes, in order; in functions of their own where they are many."""
        if self.is_split(block):
            emit_in_parts(self, block)
            return
        self.emit_run(block.nodes)

    def is_split(self, block: Block) -> bool:
        """Whether the block's nodes go into functions of their own."""
        return self.weights.of_block(block) > OPERATIONS_IN_A_FUNCTION

    def emit_run(self, nodes: Sequence[Node]) -> None:
        """Some nodes, in order, in the current function."""
        for node in nodes:
            self.emit_node(node)

    def emit_node(self, node: Node) -> None:
        """One node, by the rule of its primitive."""
        outer = self.loc
        self.loc = node.loc
        if node.primitive not in PLACES_OPERANDS:
            for arg in node.args:
                self.settle(arg)
        if node in self.before_node:
            self.declaration_line(self.before_node[node])
        self._starts_node = True
        emit_rules[node.primitive](self, node)
        self._starts_node = False
        self.loc = outer

    @contextmanager
    def on_a_thread(self) -> Iterator[None]:
        """Write inside the `with` what several threads run at once: it gives its status to whoever started it."""
        jumps, could_fail = self.function.jumps, self.function.can_fail
        self.function.jumps, self.is_on_a_thread = False, True
        yield
        self.function.jumps, self.is_on_a_thread = jumps, False
        self.function.can_fail = could_fail

    # What comes from outside.

    def fail(self, error: str, message: str, loc: Loc) -> str:
        """The statement that leaves the function with that Python exception."""
        return self.leave(str(self.error_number(error, message, loc)))

    def fail_showing(self, error: str, shown: str, values: Sequence[Atom], loc: Loc) -> str:
        """The same with a message that shows two ints of the run."""
        context = self.context()
        stores = [f"{context}->shown[{place}] = {self.inline(value)};" for place, value in enumerate(values)]
        return f"{{ {' '.join(stores)} {self.leave(str(self._number_of(ErrorSite(error, '', loc, shown))))} }}"

    def leave(self, status: str) -> str:
        """The statement that ends the call of the whole program with that status."""
        if self.function.jumps:
            return f"pylms::leave({self.context()}, {status});"
        self.function.can_fail = True
        return f"return {status};"

    def error_number(self, error: str, message: str, loc: Loc) -> int:
        """The status that raises that Python exception."""
        return self._number_of(ErrorSite(error, message, loc))

    def _number_of(self, site: ErrorSite) -> int:
        number = self._error_numbers.get(site)
        if number is None:
            self.error_sites.append(site)
            number = self._error_numbers[site] = len(self.error_sites)
        return number

    def context(self) -> str:
        """The call's context."""
        self.function.uses_context = True
        return "ctx"

    def poll(self) -> None:
        """Where a loop of the user's goes round: let Ctrl-C in, except where something must come to its end."""
        if self.is_cleaning_up or self.is_on_a_thread:
            return
        context = self.context()
        self.polls = True
        self.declaration_line(
            f"if (__builtin_expect({context}->interrupt, 0) && {context}->poll({context})) {self.leave('-1')}"
        )

    def call_python(self, callback: CallbackSpec, arguments: str) -> None:
        """Call back into Python with the packed arguments at `arguments`."""
        context = self.context()
        number = self.callbacks.setdefault(callback, len(self.callbacks))
        self.line(f"if ({context}->call({context}, {number}, {arguments})) {self.leave('-1')}")

    def include(self, header: str) -> None:
        """Include a header of the backend."""
        if header not in self.headers:
            self.headers.append(header)

    def include_for(self, *types: Type) -> None:
        """Include what declares the C++ types of values of these types."""
        for header in map(header_of, types):
            if header is not None:
                self.include(header)

    def require_flag(self, flag: str) -> None:
        """Have the program compiled with this flag."""
        if flag not in self.flags:
            self.flags.append(flag)

    def allocate(self, symbol: Sym, size: int) -> str:
        """The address of `size` bytes for a symbol, 64-byte aligned; the same each time the code runs in a call."""
        place = self.places.get(symbol)
        if place is not None:
            return place
        offset = self._offsets.get(symbol)
        return self._address(symbol.type, self._reserve(size) if offset is None else offset)

    def scratch(self, type_: Type, size: int) -> str:
        """The address of `size` bytes that belong to no symbol."""
        return self._address(type_, self._reserve(size))

    def start_native(self, offsets: Mapping[Sym, int], planned_bytes: int) -> None:
        """Begin a native function, which has names and scratch memory of its own."""
        self._offsets, self.arena_bytes, self.places = dict(offsets), planned_bytes, {}
        self._names = Names(self._global_names)

    def _reserve(self, size: int) -> int:
        offset = -(-self.arena_bytes // _ALIGNMENT) * _ALIGNMENT
        self.arena_bytes = offset + size
        return offset

    def _address(self, type_: Type, offset: int) -> str:
        self.function.uses_arena = True
        place = f"arena + {offset}" if offset else "arena"
        return f"({scalar_c_type(element_type(type_))} *)({place})"

    # Functions.

    @contextmanager
    def new_function(self, *, jumps: bool = False) -> Iterator[FunctionText]:
        """Write into a new function inside the `with`. Errors leave it by a jump if asked for, or as the one around."""
        outer, starts_node = self.function, self._starts_node
        self.function, self._starts_node = FunctionText(jumps=jumps or outer.jumps), False
        yield self.function
        self.function.lines[:0] = self.function.declarations
        self.function, self._starts_node = outer, starts_node
