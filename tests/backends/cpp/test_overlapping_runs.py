"""Rows that are not whole vectors: the last vector overlaps the one before, where that repeats nothing but work."""

from __future__ import annotations

import re

import torch

from pylms import lms, stageTensor

EXTENTS = (5, 16, 17, 26, 50, 255, 300)


def test_rows_of_any_length_are_computed_once_for_all_the_reader_sees() -> None:
    inputs = [torch.linspace(-3, 3, 3 * extent).reshape(3, extent) for extent in EXTENTS]
    offsets = [torch.linspace(0, 1, extent) for extent in EXTENTS]

    @lms
    def run(dummy):
        results = []
        for _ in range(1):
            for x, offset in zip(inputs, offsets):
                results.append(torch.tanh(x + offset) * torch.sigmoid(x.exp()))
        return tuple(results)

    staged = stageTensor(run)
    for found, x, offset in zip(staged(0), inputs, offsets):
        torch.testing.assert_close(found, torch.tanh(x + offset) * torch.sigmoid(x.exp()))


def test_what_is_changed_in_place_is_changed_once() -> None:
    state, offset = torch.linspace(-1, 1, 150).reshape(3, 50), torch.linspace(0, 1, 50)
    expected = torch.tanh(torch.tanh(state + offset) + offset)

    @lms
    def run(rounds):
        for _ in range(rounds):
            state.copy_(torch.tanh(state + offset))
        return 0

    staged = stageTensor(run)
    staged(2)
    torch.testing.assert_close(state, expected)
    assert not re.search(r"= 34; \w < 50", staged.Ccode)
