"""`.grad` before and after a run, for programs that use the gradient of before: memory that a run reads and leaves."""

from __future__ import annotations

import torch

from ..errors import OutdatedError, StagingError


class GradientMemory:
    """Where the gradient of before a run is found, and the one of after it is left.

    `content` is zeros and `presence` [1] is 0 where there is none.
    """

    def __init__(self, leaf: torch.Tensor, name: str) -> None:
        self.content = torch.zeros(tuple(leaf.shape), dtype=leaf.dtype)
        self.presence = torch.zeros(1, dtype=torch.int64)
        self._leaf = leaf
        self._name = name
        self._was_lost = False

    @property
    def holds_gradient(self) -> bool:
        """Whether there is a gradient now, so that adding to it differs from setting it."""
        return self._leaf.grad is not None and bool(self._leaf.grad.any())

    def fill(self) -> None:
        """Before a run that starts with the gradient, whatever it is."""
        self._require_known()
        gradient = self._leaf.grad
        self.presence[0] = gradient is not None
        self.content.zero_() if gradient is None else self.content.copy_(gradient)

    def require_none(self) -> None:
        """Before a run that was traced for no gradient: OutdatedError if there is one."""
        self._require_known()
        if self.holds_gradient:
            raise OutdatedError(
                f"`{self._name}` was None when the function was compiled, and holds a gradient to add to now"
            )

    def _require_known(self) -> None:
        if self._was_lost:
            raise StagingError(
                f"`{self._name}` of the call before, which this one would add to, was not kept",
                hint="call zero_grad() at the end of the staged function, or before it uses gradients",
            )

    def lose(self) -> None:
        """After a run whose last gradient is not known: the next one would have to start with it."""
        self._was_lost = True

    def leave(self) -> None:
        """After a run: what it left."""
        if not self.presence[0]:
            self._leaf.grad = None
        elif self._leaf.grad is not None:
            self._leaf.grad.copy_(self.content)
        else:
            self._leaf.grad = self.content.clone()
