"""What is there before, between and after calls: gradients, momentum, weights, hooks, and what tracing leaves."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from pylms import stageTensor  # noqa: E402
from pylms.errors import StagingError, TorchFeatureError  # noqa: E402
from tests.torch_front.compare import Script, check, classification, train_script  # noqa: E402

# Between calls


def test_weights_loaded_between_calls():
    def load(things):
        model = things["model"]
        model.load_state_dict({name: torch.full_like(value, 0.1) for name, value in model.state_dict().items()})

    check(train_script, calls=3, between=load)


@pytest.mark.parametrize("settings", [{"momentum": 0.9}, {"momentum": 0.9, "dampening": 0.3}], ids=str)
def test_optimiser_state_loaded_between_calls(settings):
    def load(things):
        things["optimizer"].load_state_dict(copy.deepcopy(things["optimizer"].state_dict()))

    check(lambda: train_script(settings), between=load)


def test_loops_of_functions_that_are_not_virtualised_are_refused():
    script = train_script()
    train = script.run

    def run(x):
        train(x)

    with pytest.raises(StagingError, match="Python itself iterates over a data loader here") as caught:
        stageTensor(recursive=False)(run)(0)
    assert "decorate the function with @lms" in (caught.value.hint or "")
    assert caught.value.loc is not None and caught.value.loc.text.strip() == "for x, y in loader:"


# Gradients


@pytest.mark.parametrize("when", ["every second batch", "never", "every second batch, kept zeros"])
@pytest.mark.parametrize("settings", [{}, {"momentum": 0.9}], ids=str)
def test_gradients_left_over_go_into_the_next_call(when, settings):
    """25 samples are five batches: after accumulating over two, one is left over."""

    def make():
        model = nn.Linear(6, 3)
        optimizer = optim.SGD(model.parameters(), lr=0.02, **settings)
        loader = DataLoader(classification(25), batch_size=5)

        def run(_):
            for i, (x, y) in enumerate(loader):
                (F.cross_entropy(model(x), y) / 2).backward()
                if when == "never":
                    optimizer.step()
                elif (i + 1) % 2 == 0:
                    optimizer.step()
                    optimizer.zero_grad(set_to_none=when != "every second batch, kept zeros")

        return Script(run, {"model": model, "optimizer": optimizer})

    check(make, calls=3)


def test_gradients_left_over_are_pytorchs():
    left = []
    for compiled in (False, True):
        torch.manual_seed(1)
        model = nn.Linear(6, 3)
        loader = DataLoader(classification(25), batch_size=5)

        def run(_):
            for x, y in loader:
                F.cross_entropy(model(x), y).backward()

        model.bias.grad = torch.ones(3)
        (stageTensor(run) if compiled else run)(0)
        left.append((model.weight.grad, model.bias.grad))
    for real, mine in zip(*left, strict=True):
        torch.testing.assert_close(mine, real)


def test_gradients_that_the_script_clears_first_are_untouched():
    torch.manual_seed(1)
    script = train_script()
    model = script.things["model"]
    before = torch.ones(3)
    model.bias.grad = before
    stageTensor(script.run)(0)
    assert model.weight.grad is None
    assert model.bias.grad is before and torch.equal(before, torch.ones(3))


def test_a_gradient_that_appears_between_calls():
    """The script clears last: it was compiled for no gradient at its start."""

    def make():
        model = nn.Linear(6, 3)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        loader = DataLoader(classification(24), batch_size=8)

        def run(_):
            for x, y in loader:
                F.cross_entropy(model(x), y).backward()
                optimizer.step()
                optimizer.zero_grad()

        return Script(run, {"model": model})

    check(make, calls=3, between=lambda things: things["model"](torch.ones(1, 6)).sum().backward())


def test_gradients_that_one_loop_leaves_and_another_starts_with():
    """The last loop does not keep its gradients, so that the second call cannot start with them."""
    script = train_script()
    model, optimizer = script.things["model"], script.things["optimizer"]
    loader = DataLoader(classification(24), batch_size=8)

    @stageTensor
    def run(_):
        for x, y in loader:
            F.cross_entropy(model(x), y).backward()
        optimizer.step()
        optimizer.zero_grad()
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()

    run(0)
    with pytest.raises(StagingError, match=r"`weight.grad` of the call before, which this one would add to") as caught:
        run(0)
    assert "zero_grad()" in (caught.value.hint or "")


@pytest.mark.parametrize("settings", [{}, {"momentum": 0.9, "weight_decay": 0.1}, {"momentum": 0.9, "dampening": 0.5}])
def test_parameters_without_a_gradient_in_some_steps_are_skipped(settings):
    def make():
        body, first, second = nn.Linear(6, 4), nn.Linear(4, 3), nn.Linear(4, 3)
        unused = nn.Linear(4, 3)
        parameters = [parameter for part in (body, first, second, unused) for parameter in part.parameters()]
        optimizer = optim.SGD(parameters, lr=0.1, **settings)
        loader = DataLoader(classification(25), batch_size=6)

        def run(_):
            for i, (x, y) in enumerate(loader):
                optimizer.zero_grad()
                if i % 3 == 0:
                    F.cross_entropy(first(body(x)), y).backward()
                elif i % 3 == 1:
                    F.cross_entropy(second(torch.tanh(body(x))), y).backward()
                optimizer.step()

        return Script(run, {"body": body, "first": first, "second": second, "unused": unused})

    check(make)


def test_stepping_before_the_first_gradient():
    def make():
        model = nn.Linear(6, 3)
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9, dampening=0.2, weight_decay=0.1)
        loader = DataLoader(classification(25), batch_size=6)

        def run(_):
            for x, y in loader:
                optimizer.step()
                optimizer.zero_grad()
                F.cross_entropy(model(x), y).backward()

        return Script(run, {"model": model, "optimizer": optimizer})

    check(make)


# What changes between calls, and is compiled in


@pytest.mark.parametrize(
    "change",
    [
        lambda things: things["optimizer"].param_groups[0].update(momentum=0.5),
        lambda things: things["optimizer"].param_groups[0].update(lr=0.01, weight_decay=0.1),
        lambda things: setattr(things["model"], "bias", nn.Parameter(torch.ones(3))),
        lambda things: setattr(things["model"].weight, "data", torch.ones(3, 6)),
        lambda things: things["model"].bias.requires_grad_(not things["model"].bias.requires_grad),
        lambda things: things["optimizer"].add_param_group({"params": nn.Parameter(torch.ones(2))}),
    ],
    ids=["momentum", "rate and decay", "parameter", "data", "frozen", "group"],
)
def test_changes_between_calls(change):
    done = []

    def once(things):
        if things["model"] not in done:
            done.append(things["model"])
            change(things)

    check(train_script, calls=3, between=once)


class Doubling(nn.Linear):
    def forward(self, x):
        return super().forward(x) * 2 if self.training else super().forward(x)


def test_mode_changed_between_calls_and_left_by_the_script():
    def make():
        model = Doubling(6, 3)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        loader = DataLoader(classification(24), batch_size=8)

        def run(_):
            for x, y in loader:
                optimizer.zero_grad()
                F.cross_entropy(model(x), y).backward()
                optimizer.step()
            model.eval()
            with torch.no_grad():
                for x2, y2 in loader:
                    print(f"{F.cross_entropy(model(x2), y2).item():.5f}")

        return Script(run, {"model": model})

    check(make, calls=2)
    check(make, calls=2, between=lambda things: things["model"].train())


def test_mode_that_depends_on_the_run_is_refused():
    model = Doubling(6, 3)
    loader = DataLoader(classification(24), batch_size=8)

    @stageTensor
    def first_round_only(_):
        model.train()
        for epoch in range(3):
            for x, y in loader:
                print(model(x).sum().item())
            model.eval()

    @stageTensor
    def in_a_branch(epochs):
        epoch = 0
        while epoch < epochs:
            if epoch == 2:
                model.eval()
            for x, y in loader:
                print(model(x).sum().item())
            epoch += 1

    @stageTensor
    def freezing(epochs):
        epoch = 0
        while epoch < epochs:
            if epoch == 2:
                model.weight.requires_grad_(False)
            for x, y in loader:
                model(x).sum().backward()
            epoch += 1

    for run, message in (
        (first_round_only, r"train\(\) or eval\(\) of a `Doubling` in a staged loop"),
        (in_a_branch, r"train\(\) or eval\(\) of a `Doubling` in a staged branch"),
        (freezing, "`requires_grad` is changed inside a staged loop or branch"),
    ):
        with pytest.raises(TorchFeatureError, match=message) as caught:
            run(3)
        assert caught.value.loc is not None and caught.value.loc.file == __file__
    assert model.weight.requires_grad


def test_global_names_bound_anew():
    """As when a notebook's cell is run again."""
    found = []
    for compiled in (False, True):
        torch.manual_seed(1)
        function = stageTensor(_train_globals) if compiled else _train_globals
        results = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            globals()["_model"] = nn.Linear(6, 3)
            globals()["_optimizer"] = optim.SGD(_model.parameters(), lr=0.1)
            results += [function(0), function(0)]
        globals()["_loader"] = DataLoader(classification(10), batch_size=3)
        found.append([*results, function(0)])
        globals()["_loader"] = DataLoader(classification(24), batch_size=8)
    assert found[1] == pytest.approx(found[0], rel=1e-5)


_model = nn.Linear(6, 3)
_optimizer = optim.SGD(_model.parameters(), lr=0.1)
_loader = DataLoader(classification(24), batch_size=8)


def _train_globals(_):
    for x, y in _loader:
        _optimizer.zero_grad()
        loss = F.cross_entropy(_model(x), y)
        loss.backward()
        _optimizer.step()
    return loss.item()


@pytest.mark.parametrize("clears", [False, True], ids=["goes on", "cleared after an epoch"])
def test_gradients_of_several_batches_add_up_in_each_epoch(clears):
    def make():
        model = nn.Linear(6, 3)
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
        loader = DataLoader(classification(20), batch_size=4)

        def run(epochs):
            for epoch in range(epochs):
                for i, (x, y) in enumerate(loader):
                    loss = F.cross_entropy(model(x), y) / 2
                    loss.backward()
                    if i % 2 == 1:
                        optimizer.step()
                        optimizer.zero_grad()
                    print(epoch, i, f"{loss.item():.5f}")
                if clears:
                    optimizer.zero_grad()

        return Script(run, {"model": model, "optimizer": optimizer})

    check(make, 2)


def test_what_the_script_makes_is_made_at_each_call():
    def make():
        model = nn.Linear(6, 3)
        loader = DataLoader(classification(24), batch_size=8, shuffle=True)

        def run(_):
            noise = torch.randn(3)
            head = nn.Linear(3, 3)
            average = torch.zeros_like(model.weight)
            optimizer = optim.SGD(head.parameters(), lr=0.1, momentum=0.9)
            for x, y in loader:
                optimizer.zero_grad()
                model.zero_grad()
                loss = F.cross_entropy(head(model(x)) + noise, y)
                loss.backward()
                optimizer.step()
                with torch.no_grad():
                    average.mul_(0.9).add_(model.weight.grad)
                    model.weight.sub_(0.1 * average)
            return loss.item()

        return Script(run, {"model": model})

    check(make, calls=3)
