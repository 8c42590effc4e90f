"""The rows of docs/pytorch.md: each names a part of PyTorch, and says with programs whether it can be staged.

A row that says yes is run natively and by PyTorch; values and gradients are compared. A row that says no raises the
located error it names. Rows of one section stand in one module, `rows_<section>.py`, and are given to its `Section`;
several programs under one name are one line of the page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from tests.torch_front.compare import Script

Function = Callable[..., Any]


@dataclass(frozen=True)
class Check:
    """A function of tensors that does natively what it does in PyTorch.

    `make`: a module to apply instead, made anew for each side; its parameters' gradients are compared as well.
    """

    what: str
    function: Function
    tensors: tuple[torch.Tensor, ...]
    make: Callable[[], torch.nn.Module] | None = None

    def in_double(self) -> Check:
        """The same with floats of 64 bits."""
        tensors = tuple(tensor.double() if tensor.is_floating_point() else tensor for tensor in self.tensors)
        make = self.make
        return replace(self, tensors=tensors, make=None if make is None else lambda: make().double())


@dataclass(frozen=True)
class Refusal:
    """A function that cannot be staged: the class of the error, and what it says, naming the operation."""

    what: str
    function: Function
    tensors: tuple[torch.Tensor, ...]
    error: str
    says: str


@dataclass(frozen=True)
class ScriptCheck:
    """A training script that ends natively as it does in PyTorch (see `tests.torch_front.compare`)."""

    what: str
    make: Callable[[], Script]
    calls: int = 2


@dataclass
class Section:
    """A table of the page."""

    title: str
    checks: list[Check] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    scripts: list[ScriptCheck] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    order: dict[str, None] = field(default_factory=dict)

    def yes(self, what: str, function: Function, *tensors: torch.Tensor, double: bool = False, note: str = "") -> None:
        """`function(*tensors)` can be staged. `double`: floats of 64 bits are tried as well."""
        self._add(Check(what, function, tensors), double, note)

    def module(
        self,
        what: str,
        make: Callable[[], torch.nn.Module],
        *tensors: torch.Tensor,
        double: bool = False,
        note: str = "",
    ) -> None:
        """The module that `make` gives can be staged; the random state is the same for each that is made."""
        self._add(Check(what, lambda module, *inputs: module(*inputs), tensors, make), double, note)

    def script(self, what: str, make: Callable[[], Script], *, calls: int = 2, note: str = "") -> None:
        """The script can be compiled, and ends as it does in PyTorch."""
        self._note(what, note)
        self.scripts.append(ScriptCheck(what, make, calls))

    def no(
        self,
        what: str,
        function: Function,
        *tensors: torch.Tensor,
        says: str,
        error: str = "TorchFeatureError",
        note: str = "",
    ) -> None:
        """Staging `function(*tensors)` raises an error at a line of the function."""
        self._note(what, note or f"{error}: {says}")
        self.refusals.append(Refusal(what, function, tensors, error, says))

    def _add(self, check: Check, double: bool, note: str) -> None:
        self._note(check.what, note)
        self.checks.append(check)
        if double:
            self.checks.append(check.in_double())

    def _note(self, what: str, note: str) -> None:
        self.order[what] = None
        if note:
            self.notes[what] = note

    def lines(self) -> list[str]:
        """The table, as Markdown."""
        refused = {refusal.what for refusal in self.refusals}
        supported = {check.what for check in (*self.checks, *self.scripts)}
        assert not refused & supported, f"both yes and no: {refused & supported}"
        cells = [(what, "no" if what in refused else "yes", self.notes.get(what, "")) for what in self.order]
        rows = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in cells]
        return ["", f"## {self.title}", "", "| | | |", "|---|---|---|", *rows]
