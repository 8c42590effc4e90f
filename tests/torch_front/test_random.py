"""Random numbers of compiled code are PyTorch's own for the same seed, and so is the state that they leave."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.utils.data import DataLoader, Dataset  # noqa: E402

from pylms import stageTensor  # noqa: E402
from pylms.errors import StagedTypeError, TorchFeatureError  # noqa: E402
from tests.torch_front.compare import Script, check, classification  # noqa: E402
from tests.torch_front.programs import stage  # noqa: E402


class _Noisy(Dataset):
    """A dataset that only Python can read, and that draws."""

    def __len__(self):
        return 10

    def __getitem__(self, index):
        return torch.rand(6), index % 3


@pytest.mark.parametrize("data", ["shuffled", "noisy"])
def test_dropout_between_draws_of_loaders(data):
    """The native draws, the sampler's and the data set's are one stream; calls and PyTorch go on with it."""

    def make():
        model = nn.Sequential(nn.Linear(6, 50), nn.ReLU(), nn.Dropout(0.3), nn.Linear(50, 3), nn.Dropout(0.1))
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        dataset = classification(22) if data == "shuffled" else _Noisy()
        loader = DataLoader(dataset, batch_size=5, shuffle=True)

        def run(_):
            for epoch in range(2):
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = F.cross_entropy(model(x), y)
                    loss.backward()
                    optimizer.step()
                    print(f"{loss.item():.5f}")

        return Script(run, {"model": model})

    check(make)


def _draws(x, w):
    """Draws of all kinds, of odd counts, in one order."""
    yield F.dropout(x, 0.7)
    yield torch.rand(3)
    yield torch.rand(700)
    yield torch.rand(3, 5, dtype=torch.float64)
    yield torch.rand_like(x)
    yield F.dropout(w, 0.25)
    yield F.dropout(x.double(), 0.4)
    yield F.dropout(x, 1.0) + F.dropout(x, 0.0)
    yield F.dropout(x, 0.5, training=False)
    yield F.dropout2d(x.view(2, 3, 5, 10), 0.5)
    yield F.dropout1d(x.view(2, 15, 10), 0.5)
    yield F.dropout1d(x.view(30, 10), 0.5)
    yield F.dropout3d(x.view(2, 3, 5, 5, 2), 0.5)
    yield torch.randn(2, 9)
    yield torch.randint(0, 10, (7,)).float()
    yield torch.randperm(11).float()
    yield torch.randn_like(x)
    yield torch.bernoulli(torch.sigmoid(x))
    yield torch.normal(x, 0.1 + x * x)
    yield torch.multinomial(torch.exp(x), 4).float()
    yield torch.rand(())
    yield F.dropout(x.sum(), 0.5)


@pytest.mark.parametrize("native", [True, False], ids=["native", "interpreted"])
def test_every_draw_is_pytorchs(native):
    x, w = torch.randn(2, 150), torch.randn(2000)
    count = sum(1 for _ in _draws(x, w))
    found, states = [], []
    for compiled in (False, True):
        left = [torch.zeros_like(draw) for draw in _draws(x, w)]

        def run(rounds):
            for _ in range(rounds):
                for memory, draw in zip(left, list(_draws(x, w)), strict=True):
                    memory.copy_(draw)

        torch.manual_seed(5)
        torch.rand(1)
        function = run if not compiled else stageTensor(run) if native else stage(run, 3)
        function(3)
        found.append(left)
        states.append(torch.get_rng_state())
    assert torch.equal(*states) and len(found[0]) == count
    for number, (theirs, mine) in enumerate(zip(*found, strict=True)):
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-6, msg=lambda text, at=number: f"draw {at}: {text}")


def test_weights_that_the_loop_makes_anew_and_generators_of_their_own():
    def make():
        model = nn.Linear(4, 3)
        generator = torch.Generator().manual_seed(3)

        def run(_):
            epoch = 0
            while epoch < 3:
                nn.init.normal_(model.weight, 0.5, 0.1)
                nn.init.uniform_(model.bias)
                print(
                    f"{model(torch.rand(2, 4)).sum().item():.5f} {torch.rand(3, generator=generator).sum().item():.5f}"
                )
                epoch += 1

        return Script(run, {"model": model})

    check(make)


def test_draws_of_the_script_after_native_ones():
    """What stands after a loop that draws is drawn after it, too."""

    def make():
        loader = DataLoader(classification(8), batch_size=4, shuffle=True)

        def run(_):
            total = torch.zeros(6)
            for x, _y in loader:
                total = total + F.dropout(x).sum(0)
            return total, torch.rand(3), F.dropout(torch.ones(5)), torch.randn(2)

        return Script(run, {})

    check(make)


def test_draws_into_what_the_program_computes():
    def make():
        w = torch.ones(4, requires_grad=True)

        def run(_):
            total = torch.zeros(())
            for k in range(3):
                w.grad = None
                soft = F.gumbel_softmax(w * k, tau=0.5)
                noise = torch.empty_like(soft).normal_(1.0, 2.0)
                (soft * noise.add_(torch.zeros(4).uniform_(-1, 1))).sum().backward()
                total = total + w.grad[0]
            return total

        return Script(run, {})

    check(make)


def test_draws_of_the_script_after_those_that_python_makes():
    def make():
        loader = DataLoader(classification(8), batch_size=4, shuffle=True)

        def run(_):
            total = torch.zeros(6)
            for x, _y in loader:
                total = total + x[0] * torch.randn(6)
            return total, torch.randn(3)

        return Script(run, {})

    check(make)


def test_no_draw_leaves_the_state_as_it_is():
    def run(flag):
        if flag > 1:
            return torch.rand(2).sum().item()
        return 0.0

    compiled = stageTensor(run)
    compiled(0)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    compiled(0)
    assert torch.equal(torch.get_rng_state(), before)


def test_what_cannot_be_drawn():
    def probability(rounds):
        for _ in range(rounds):
            print(F.dropout(torch.ones(3), 1.5).sum().item())  # here

    def size(rounds):
        for i in range(rounds):
            for k in range(3):
                print(torch.randperm(i).sum().item())  # here

    def staged(rounds):
        for _ in range(rounds):
            x = torch.ones(3) * rounds
            x.normal_(rounds)  # here

    for run, kind, message in (
        (probability, StagedTypeError, "a probability of dropout must be between 0 and 1, not 1.5"),
        (size, TorchFeatureError, "an argument of `torch.randperm` depends on the run"),
        (staged, TorchFeatureError, "an argument of `torch.normal_` depends on the run"),
    ):
        with pytest.raises(kind, match=message) as caught:
            stageTensor(run)(2)
        assert caught.value.loc is not None and "# here" in caught.value.loc.text
