"""What a backend is (DESIGN D13): passes to its subset of the IR, and pure text out of it.

In: a verified `Function`. Out: a `SourceBundle`, which says all that building, loading and binding need to know;
those are glue with the runtime and live in the driver.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from ..ir.node import Function
from ..ir.types import RecordType, ScalarType, TextType, Type
from ..loc import Loc


class ErrorSite(NamedTuple):
    """A place where native code can leave with a Python exception: its name, its message, and where it happens.

    `shown`, if there is one: the format of the message, of the two ints that the code leaves in the context.
    """

    error: str
    message: str
    loc: Loc
    shown: str = ""


class CallbackSpec(NamedTuple):
    """What native code asks of Python when it calls a callback; its number is its place in `SourceBundle.callbacks`.

    `print`: write `format.format(*arguments)` to `sys.stdout`. `format`: give that text. `method`: call the method of
    `str` that `format` names. `raise`: raise `error`, with `format.format(*arguments)`, or without a format with its
    one argument itself. `host`: call Python function number `number` of the staged function.

    Scalars travel by value (`i` for bool and integers, `f` for floats), buffers and containers by address in `p`, a
    string as address and length; results replace the arguments in the same slots.
    """

    kind: Literal["print", "format", "method", "raise", "host"]
    format: str
    number: int
    argument_types: tuple[Type | RecordType, ...]
    result_types: tuple[ScalarType | TextType, ...]
    loc: Loc
    error: str = ""


class SourceBundle(NamedTuple):
    """Generated source and how to build and call it.

    source: what the compiler gets, with `#line` directives to the Python source.
    listing: the same program for people, with the Python line as a comment where `source` has a directive.
    headers: the headers it includes.
    error_sites: what a positive status k means is `error_sites[k - 1]`.
    argument_types, result_types: one a slot; the last `captures` arguments are captured buffers.
    releases_gil: whether it may run for long, or calls back.
    flags, link: what this program needs on the compiler's and on the linker's command line.
    pieces: in how many pieces at most it pays to compile it, at once.
    """

    name: str
    source: str
    listing: str
    headers: tuple[str, ...]
    error_sites: tuple[ErrorSite, ...]
    callbacks: tuple[CallbackSpec, ...]
    argument_types: tuple[Type, ...]
    result_types: tuple[Type, ...]
    captures: int
    releases_gil: bool
    flags: tuple[str, ...]
    link: tuple[str, ...]
    pieces: int = 1


class FunctionPass(Protocol):
    """A pass as the pipeline runs it: a name, and a pure function from IR to IR."""

    @property
    def name(self) -> str: ...

    def run(self, function: Function) -> Function: ...


class Backend(Protocol):
    """One target."""

    @property
    def name(self) -> str:
        """What users call it."""

    def legalise(self) -> Sequence[FunctionPass]:
        """The passes that bring a function into what `emit` takes."""

    def emit(self, function: Function) -> SourceBundle:
        """The function as source: a pure function of the IR and of the backend's own settings."""
