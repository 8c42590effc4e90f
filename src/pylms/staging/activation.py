"""A call of a virtualised function, while it is being inlined or made native."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from types import CodeType

from ..ir.node import Atom
from .call_signature import Signature, signature_of, take_apart
from .context import Trace
from .values import TupleOf


class Activation:
    """Which function is called with what, how deep in staged constructs, at which place of the program, in which modes.

    `is_native`: whether it is to be native in any case; then plain numbers among its arguments are staged. `staged`: in
    which arguments they are otherwise. What is compared only where code is called within itself is computed there.
    """

    __slots__ = (
        *("_modes", "_signature", "_structure", "args", "code", "depth"),
        *("function", "is_native", "kwargs", "place", "staged"),
    )

    def __init__(
        self,
        function: Callable[..., object],
        code: CodeType | None,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        depth: int,
        place: tuple[object, ...],
        modes: Hashable,
        *,
        is_native: bool,
        staged: frozenset[int] = frozenset(),
    ) -> None:
        self.function = function
        self.code = code
        self.args = args
        self.kwargs = kwargs
        self.depth = depth
        self.place = place
        self.is_native = is_native
        self.staged = staged
        self._modes = modes
        self._structure: TupleOf | None = None
        self._signature: Signature | None = None

    @property
    def arguments(self) -> tuple[object, ...]:
        """The positional arguments, then the named ones."""
        return (*self.args, *self.kwargs.values())

    def structure(self, trace: Trace) -> TupleOf:
        """Which parts of the arguments are staged."""
        if self._structure is None:
            atoms: list[Atom] = []
            items = [
                take_apart(trace, argument, atoms, numbers=self.is_native or position in self.staged)
                for position, argument in enumerate(self.arguments)
            ]
            self._structure = TupleOf(tuple(items), tuple, "tuple")
        return self._structure

    def with_staged(self, positions: frozenset[int]) -> Activation:
        """The same call with the numbers in these arguments staged."""
        return Activation(
            self.function,
            self.code,
            self.args,
            self.kwargs,
            self.depth,
            self.place,
            self._modes,
            is_native=self.is_native,
            staged=positions,
        )

    def signature(self, trace: Trace) -> Signature:
        """What tells this call from others."""
        if self._signature is None:
            self._signature = signature_of(trace, self.function, self.structure(trace), self.kwargs, self._modes)
        return self._signature
