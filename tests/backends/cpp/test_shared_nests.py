"""Nests that differ only in what they read and write are one C++ function, and compute what each of them did."""

from __future__ import annotations

import re

import numpy as np
import torch
from torch import nn

from pylms import lms, stageTensor


class Steps(nn.Module):
    """The same cell so many times, then another number of times with another factor."""

    def __init__(self, counts: tuple[int, ...]) -> None:
        super().__init__()
        self.counts = counts
        self.cell = nn.Linear(5, 5)

    def forward(self, x):
        for factor, count in enumerate(self.counts, 1):
            for _ in range(count):
                x = torch.tanh(self.cell(x)) * factor
        return x


def staged(counts: tuple[int, ...]):
    torch.manual_seed(3)
    model, x = Steps(counts), torch.linspace(-1, 1, 15).reshape(3, 5)

    @lms
    def run(dummy):
        return model(x)

    return stageTensor(run), model(x).detach().numpy()


def functions_and_calls(code: str) -> tuple[int, int]:
    return len(re.findall(r"^static .* void nest\w*\(", code, re.M)), len(re.findall(r"^ +nest\w*\(", code, re.M))


# The last step writes where the result is to go, in a nest of its own.


def test_equal_steps_share_one_function() -> None:
    run, expected = staged((6,))
    np.testing.assert_allclose(run(0).numpy(), expected, rtol=1e-5, atol=1e-6)
    assert functions_and_calls(run.Ccode) == (1, 5)


def test_steps_with_another_constant_have_a_function_of_their_own() -> None:
    run, expected = staged((4, 4))
    np.testing.assert_allclose(run(0).numpy(), expected, rtol=1e-5, atol=1e-6)
    assert functions_and_calls(run.Ccode) == (2, 7)


def test_two_steps_stand_where_they_are() -> None:
    run, expected = staged((2,))
    np.testing.assert_allclose(run(0).numpy(), expected, rtol=1e-5, atol=1e-6)
    assert functions_and_calls(run.Ccode) == (0, 0)
