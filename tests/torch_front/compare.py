"""Running one training script twice, by PyTorch and compiled, and comparing everything a user can see afterwards."""

from __future__ import annotations

import contextlib
import io
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

from pylms import stageTensor

_NUMBER = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?")


@dataclass
class Script:
    """A script's function, and the modules, optimisers and tensors whose state counts."""

    run: Callable[..., object]
    things: dict[str, object]


@dataclass
class _Outcome:
    printed: str = ""
    results: list[dict[str, object]] = field(default_factory=list)
    states: list[dict[str, object]] = field(default_factory=list)


MakeScript = Callable[[], Script]


def check(
    make: MakeScript,
    *args: object,
    calls: int = 2,
    tolerance: float = 1e-5,
    between: Callable[[dict[str, object]], None] | None = None,
) -> None:
    """Call the script's function `calls` times, compiled, then go on with PyTorch; PyTorch alone must end the same.

    `between` runs before the second call and those after it.
    """
    arguments = args or (0,)
    expected = _outcome(make, arguments, calls, between, compiled=False)
    found = _outcome(make, arguments, calls, between, compiled=True)
    assert_same_text(found.printed, expected.printed, tolerance)
    for number, (mine, theirs) in enumerate(zip(found.results, expected.results, strict=True)):
        _assert_same(mine, theirs, tolerance, f"result of call {number}")
    for number, (mine, theirs) in enumerate(zip(found.states, expected.states, strict=True)):
        _assert_same(mine, theirs, tolerance, f"state after call {number}")


def _outcome(
    make: MakeScript,
    args: Sequence[object],
    calls: int,
    between: Callable[[dict[str, object]], None] | None,
    *,
    compiled: bool,
) -> _Outcome:
    torch.manual_seed(1)
    random.seed(1)
    script = make()
    torch.manual_seed(2)
    function = stageTensor(script.run) if compiled else script.run
    outcome, text = _Outcome(), io.StringIO()
    with contextlib.redirect_stdout(text):
        for number, call in enumerate([*[function] * calls, script.run]):
            if number and between is not None:
                between(script.things)
            outcome.results.append(_parts("result", call(*args)))
            outcome.states.append(_state(script.things))
    outcome.printed = text.getvalue()
    return outcome


def _state(things: Mapping[str, object]) -> dict[str, object]:
    found: dict[str, object] = {"torch's random state": torch.get_rng_state(), "Python's": random.getstate()}
    for name, thing in things.items():
        found.update(_parts(name, thing))
    return found


def _parts(name: str, value: object) -> dict[str, object]:
    """A value taken apart into named tensors (copies) and plain values."""
    if isinstance(value, nn.Module):
        found: dict[str, object] = {f"{name}.{key}": part.clone() for key, part in value.state_dict().items()}
        found.update({f"{name}.{key}.training": part.training for key, part in value.named_modules()})
        return found
    if isinstance(value, optim.Optimizer):
        state = value.state_dict()
        items = [*state["state"].items(), *enumerate(state["param_groups"])]
        return {key: part for at, item in items for key, part in _items(f"{name}.{at}", item).items()}
    if isinstance(value, torch.Tensor):
        return {name: value.detach().clone()}
    if isinstance(value, tuple):
        return {key: part for at, item in enumerate(value) for key, part in _parts(f"{name}[{at}]", item).items()}
    return {name: value}


def _items(name: str, item: Mapping[str, object]) -> dict[str, object]:
    return {key: part for at, value in item.items() for key, part in _parts(f"{name}.{at}", value).items()}


def _assert_same(mine: Mapping[str, object], theirs: Mapping[str, object], tolerance: float, where: str) -> None:
    assert sorted(mine) == sorted(theirs), where
    for name, expected in theirs.items():
        found, label = mine[name], f"{where}: {name}"
        if isinstance(expected, torch.Tensor):
            assert isinstance(found, torch.Tensor), label
            torch.testing.assert_close(
                found, expected, rtol=tolerance, atol=tolerance, msg=lambda text, label=label: f"{label}: {text}"
            )
        elif isinstance(expected, float):
            assert found == pytest.approx(expected, rel=tolerance, nan_ok=True), label
        else:
            assert type(found) is type(expected) and found == expected, label


def assert_same_text(found: str, expected: str, tolerance: float) -> None:
    """The same lines, in which fractional numbers may differ by the tolerance or one unit of their last digit."""
    assert _NUMBER.sub("#", found) == _NUMBER.sub("#", expected)
    for mine, theirs in zip(_NUMBER.findall(found), _NUMBER.findall(expected), strict=True):
        last_digit = 0.0 if "e" in theirs else 1.01 * 10.0 ** -len(theirs.split(".")[1])
        close = tolerance * max(1.0, abs(float(theirs)))
        assert abs(float(mine) - float(theirs)) <= max(close, last_digit), f"{mine} where PyTorch prints {theirs}"


def classification(samples: int = 22, *, dtype: torch.dtype = torch.float32, seed: int = 5) -> TensorDataset:
    """Random features [N, 6] and one of three classes [N]."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(samples, 6, generator=generator).to(dtype)
    return TensorDataset(features, torch.randint(0, 3, (samples,), generator=generator))


def regression(samples: int = 20, *, dtype: torch.dtype = torch.float32) -> TensorDataset:
    """Features [N, 4] and noisy values [N, 1] that depend on them linearly."""
    generator = torch.Generator().manual_seed(7)
    features = torch.randn(samples, 4, generator=generator, dtype=dtype)
    noise = torch.randn(samples, 1, generator=generator, dtype=dtype)
    return TensorDataset(features, features @ torch.tensor([[1.0], [-2.0], [0.5], [0.0]], dtype=dtype) + 0.1 * noise)


def train_script(settings: dict[str, object] | None = None) -> Script:
    """One epoch of a linear classifier, with `settings` for its SGD."""
    model = nn.Linear(6, 3)
    optimizer = optim.SGD(model.parameters(), **{"lr": 0.1, **(settings or {})})
    loader = DataLoader(classification(24), batch_size=8)

    def run(_):
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            print(f"{loss.item():.5f}")

    return Script(run, {"model": model, "optimizer": optimizer})
