"""Random programs of views and changes in place, before, in and after a loop, do what they do in PyTorch."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch")

from tests.torch_front.programs import stage  # noqa: E402

Pool = tuple[torch.Tensor, ...]
Step = Callable[[Pool], Pool]


def _view(rng: random.Random) -> Step:
    at, kind = rng.random(), rng.randrange(7)

    def step(pool):
        x = pool[int(at * len(pool))]
        if kind == 0 and x.dim():
            return (*pool, x[0])
        if kind == 1 and x.dim() > 1:
            return (*pool, x[:, 1:])
        if kind == 2 and x.dim() == 2:
            return (*pool, x.t())
        if kind == 3:
            return (*pool, x.reshape(-1))
        if kind == 4:
            return (*pool, x[..., None])
        if kind == 5 and x.dim():
            return (*pool, x[-1:])
        return (*pool, x.detach())

    return step


def _change(rng: random.Random) -> Step:
    at, other, kind = rng.random(), rng.random(), rng.randrange(6)

    def step(pool):
        x, y = pool[int(at * len(pool))], pool[int(other * len(pool))]
        if kind == 0:
            x.add_(0.5)
        elif kind == 1:
            x.mul_(y.mean() * 0.25 + 0.75)
        elif kind == 2 and x.dim():
            x[0] = y.mean()
        elif kind == 3 and x.dim() > 1:
            x[:, -1] -= 1
        elif kind == 4:
            x.copy_(torch.tanh(x) * 2)
        else:
            x += y.sum() * 0.01
        return pool

    return step


def _make(rng: random.Random) -> Step:
    at = rng.random()
    return lambda pool: (*pool, pool[int(at * len(pool))] * 0.5 + 1)


def _steps(rng: random.Random, count: int) -> list[Step]:
    return [rng.choice((_view, _view, _change, _change, _change, _make))(rng) for _ in range(count)]


def execute(steps, pool):
    for step in steps:
        pool = step(pool)
    return pool


@pytest.mark.parametrize("seed", range(40))
def test_a_random_program_of_views_and_changes(seed: int) -> None:
    rng = random.Random(seed)
    before, body, after = _steps(rng, 5), _steps(rng, 5), _steps(rng, 3)
    with torch.no_grad():
        weight = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3) / 4 - 0.5)
        memory = torch.arange(6.0).reshape(3, 2) / 3 - 1

    def program(rounds):
        with torch.no_grad():
            pool = execute(before, (weight * 1, weight.t() * 2))
            for _ in range(rounds):
                execute(body, pool)
            pool = execute(after, pool)
            return tuple([each.sum() for each in pool])

    start = memory.clone()
    expected = [each.clone() for each in program(3)], memory.clone()
    memory.copy_(start)
    found = stage(program, 3)(3)
    for mine, theirs in zip(found, expected[0], strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(memory, expected[1], rtol=1e-5, atol=1e-5)
