"""What tracing leaves alone, and what Python does in a script that a trace would do once: refused."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from pylms import stageTensor  # noqa: E402
from pylms.errors import TorchFeatureError  # noqa: E402
from tests.torch_front.compare import classification, train_script  # noqa: E402


def test_modules_made_inside_are_made_once_a_trace():
    made = []

    class Counted(nn.Module):
        def __init__(self):
            super().__init__()
            made.append(self)
            self.linear = nn.Linear(6, 3)

        def forward(self, x):
            return self.linear(x)

    def make():
        loader = DataLoader(classification(24), batch_size=8, shuffle=True)

        def run(_):
            torch.manual_seed(3)
            model = Counted()
            optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
            for epoch in range(2):
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = F.cross_entropy(model(x), y)
                    loss.backward()
                    optimizer.step()
                    if loss.item() < 0.9:
                        print(epoch, f"{loss.item():.4f}")
            return loss.item()

        return run

    expected = make()(0)
    state = torch.get_rng_state()
    made.clear()
    torch.manual_seed(100)
    run = stageTensor(make())
    assert "nll" not in str(run.code)  # looking at it draws nothing
    assert torch.initial_seed() == 100
    assert run(0) == pytest.approx(expected, rel=1e-5)
    assert len(made) == 1
    assert torch.equal(torch.get_rng_state(), state)


def test_failing_to_stage_leaves_everything_as_it_was(capsys):
    torch.manual_seed(1)
    model = nn.Linear(6, 3)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loader = DataLoader(classification(24), batch_size=8, shuffle=True)
    before = copy.deepcopy(model.state_dict())
    state = torch.get_rng_state()

    @stageTensor
    def run(_):
        print("start")
        for epoch in range(2):
            for x, y in loader:
                optimizer.zero_grad()
                F.cross_entropy(model(x), y).backward()
                optimizer.step()
            torch.fft.fft(model.weight)

    with pytest.raises(TorchFeatureError, match="fft_fft"):
        run(0)
    assert capsys.readouterr().out == ""
    assert torch.equal(torch.get_rng_state(), state)
    assert not optimizer.state and model.weight.grad is None
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    model(torch.ones(1, 6)).sum().backward()
    optimizer.step()
    assert model.weight.grad is not None and optimizer.state


def _with_forward_hook(model: nn.Module) -> None:
    model.register_forward_hook(lambda *_: None)


def _with_backward_hook(model: nn.Module) -> None:
    model.register_full_backward_hook(lambda *_: None)


def _with_tensor_hook(model: nn.Module) -> None:
    model.weight.register_hook(lambda gradient: gradient * 2)


@pytest.mark.parametrize(
    "hook, message",
    [
        (_with_forward_hook, "a forward hook of `Linear`"),
        (_with_backward_hook, "a backward hook of `Linear`"),
        (_with_tensor_hook, "a hook on the gradient of a tensor"),
    ],
)
def test_hooks_are_refused(hook, message):
    script = train_script()
    hook(script.things["model"])
    with pytest.raises(TorchFeatureError, match=message) as caught:
        stageTensor(script.run)(0)
    assert caught.value.loc is not None and caught.value.loc.text.strip().startswith("loss")


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(6, 3)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return self.linear(x)


def test_attributes_that_count_are_refused():
    model = Counting()
    loader = DataLoader(classification(24), batch_size=8)

    @stageTensor
    def counting(_):
        for x, y in loader:
            model(x).sum().backward()

    with pytest.raises(TorchFeatureError, match="the attribute `calls` of a module is changed"):
        counting(0)
    assert model.calls == 0
