"""The character models lose what PyTorch loses, step by step."""

from __future__ import annotations

import copy
import re

import pytest

torch = pytest.importorskip("torch")

from torch import nn, optim  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from examples.lantern import characters, gru, rnn  # noqa: E402
from pylms import lms, stageTensor  # noqa: E402

STEPS = 20


def trained(kind: type[nn.Module], capsys, decorate) -> tuple[nn.Module, list[float]]:
    """The model of the example after so many batches, and the loss it printed for each."""
    torch.manual_seed(7)
    model = kind()
    decorate(rnn.training(model, characters.loader(batches=STEPS), epochs=1, every=1))(0)
    return model, [float(number) for number in re.findall(r"loss (\S+)", capsys.readouterr().out)]


@pytest.mark.parametrize("kind", [gru.CharacterGRU], ids=["gru"])
def test_losses_are_pytorchs_for_twenty_steps(capsys, kind) -> None:
    model, expected = trained(kind, capsys, lambda run: run)
    staged_model, found = trained(kind, capsys, stageTensor)
    assert len(expected) == STEPS
    assert found == pytest.approx(expected, abs=2e-5)
    for ours, theirs in zip(staged_model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def one_step(model: nn.Module, optimizer: optim.Optimizer, batch: list[torch.Tensor]):
    """A program that takes one step of the example's training on what lies in `batch`, and gives the loss."""
    loader = DataLoader(TensorDataset(*batch), batch_size=characters.BATCH)

    @lms
    def run(dummy):
        last = 0.0
        for given, following in loader:
            optimizer.zero_grad()
            scores = model(given)
            loss = F.cross_entropy(scores.reshape(-1, characters.VOCABULARY), following.reshape(-1))
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0, norm_type=1)
            optimizer.step()
            last = loss.item()
        return last

    return run


def test_every_step_of_the_rnn_is_pytorchs_from_pytorchs_state() -> None:
    """Rounding grows tenfold a step in this network, in PyTorch itself: each step starts where PyTorch's did."""
    torch.manual_seed(7)
    model = rnn.CharacterRNN()
    optimizer = optim.Adagrad(model.parameters(), lr=0.1)
    staged_model = copy.deepcopy(model)
    staged_optimizer = optim.Adagrad(staged_model.parameters(), lr=0.1)
    batch = [torch.zeros(characters.BATCH, characters.WINDOW, dtype=torch.int64) for _ in range(2)]
    step = one_step(model, optimizer, batch)
    staged_step = stageTensor(one_step(staged_model, staged_optimizer, batch))
    for parts in characters.loader(batches=STEPS):
        for memory, part in zip(batch, parts):
            memory.copy_(part)
        with torch.no_grad():
            for ours, theirs in zip(staged_model.parameters(), model.parameters()):
                ours.copy_(theirs)
                staged_optimizer.state[ours]["sum"].copy_(optimizer.state[theirs]["sum"])
        assert staged_step(0) == pytest.approx(step(0), abs=2e-6)
        for ours, theirs in zip(staged_model.parameters(), model.parameters()):
            torch.testing.assert_close(staged_optimizer.state[ours]["sum"], optimizer.state[theirs]["sum"])
            torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=2e-4)
