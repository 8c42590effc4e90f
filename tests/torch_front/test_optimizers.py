"""Optimisers: weights, states and step counters are PyTorch's, whose loops over single tensors are the reference."""

from __future__ import annotations

import copy
import re

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from pylms import stageTensor  # noqa: E402
from pylms.errors import ArgumentError, TorchFeatureError  # noqa: E402
from tests.torch_front.compare import Script, check, classification  # noqa: E402

SETTINGS = {
    "momentum": (optim.SGD, {"momentum": 0.9}),
    "dampening": (optim.SGD, {"momentum": 0.8, "dampening": 0.3}),
    "nesterov": (optim.SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1, "maximize": True}),
    "Adam": (optim.Adam, {}),
    "Adam, all": (optim.Adam, {"weight_decay": 0.1, "amsgrad": True, "maximize": True, "betas": (0.3, 0.8)}),
    "AdamW": (optim.AdamW, {}),
    "AdamW, all": (optim.AdamW, {"weight_decay": 0.3, "amsgrad": True, "eps": 1e-3, "lr": 0.1}),
    "Adam, tensor lr": (optim.Adam, {"lr": torch.tensor(0.01, dtype=torch.float64)}),
    "Adagrad": (optim.Adagrad, {}),
    "Adagrad, all": (optim.Adagrad, {"lr_decay": 0.2, "weight_decay": 0.1, "initial_accumulator_value": 0.5}),
    "RMSprop": (optim.RMSprop, {}),
    "RMSprop, all": (optim.RMSprop, {"centered": True, "momentum": 0.5, "weight_decay": 0.1, "alpha": 0.3, "eps": 0.1}),
}


def _training(make_optimizer, dtype=torch.float64):
    """Two epochs of a classifier; every second batch reaches one head only, so that the other has no gradient."""
    body, first, second, unused = (nn.Linear(6, 4), nn.Linear(4, 3), nn.Linear(4, 3), nn.Linear(4, 3))
    modules = nn.ModuleList([body, first, second, unused]).to(dtype)
    optimizer = make_optimizer(modules)
    loader = DataLoader(classification(25, dtype=dtype), batch_size=6)

    def run(epochs):
        epoch = 0
        while epoch < epochs:
            for i, (x, y) in enumerate(loader):
                optimizer.zero_grad()
                if i % 2 == 0:
                    F.cross_entropy(first(body(x)), y).backward()
                else:
                    F.cross_entropy(second(torch.tanh(body(x))), y).backward()
                optimizer.step()
            epoch += 1

    return Script(run, {"modules": modules, "optimizer": optimizer})


@pytest.mark.parametrize("name", SETTINGS)
def test_weights_and_states_where_gradients_come_and_go(name):
    """In float64, where only another formula shows. The second call and PyTorch go on from the state left."""
    kind, settings = SETTINGS[name]
    check(lambda: _training(lambda modules: kind(modules.parameters(), **copy.deepcopy(settings))), 2, tolerance=1e-11)


def test_no_step_leaves_no_state():
    for kind, settings in (SETTINGS["momentum"], SETTINGS["Adam"], SETTINGS["RMSprop"]):
        check(lambda kind=kind, settings=settings: _training(lambda m: kind(m.parameters(), **settings)), 0)


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.Adagrad, optim.RMSprop])
def test_float32_steps_are_pytorchs_within_rounding(kind):
    """Known gradients, ten steps: weights and states within four units of float32's last digit."""
    generator = torch.Generator().manual_seed(3)
    slopes = torch.randn(10, 50, generator=generator)
    start = torch.randn(50, generator=generator)
    ended = []
    for compiled in (False, True):
        w = nn.Parameter(start.clone())
        optimizer = kind([w], lr=0.05, weight_decay=0.01, **({"momentum": 0.9} if kind is optim.SGD else {}))
        loader = DataLoader(TensorDataset(slopes))

        def run(_):
            for (slope,) in loader:
                optimizer.zero_grad()
                (slope.reshape(50) * w).sum().backward()
                optimizer.step()

        (stageTensor(run) if compiled else run)(0)
        ended.append([w.detach(), *optimizer.state[w].values()])
    for mine, theirs in zip(ended[1], ended[0], strict=True):
        torch.testing.assert_close(mine, theirs, rtol=4 * 2**-23, atol=4 * 2**-23)


def test_groups_tied_weights_and_frozen_parameters():
    def make():
        encoder, decoder = nn.Linear(6, 6), nn.Linear(6, 6)
        decoder.weight = encoder.weight
        head = nn.Linear(6, 3)
        head.bias.requires_grad_(False)
        groups = [
            {"params": [encoder.weight, encoder.bias], "lr": 0.02, "weight_decay": 0.2},
            {"params": [decoder.bias, *head.parameters()], "betas": (0.5, 0.9)},
        ]
        optimizer = optim.AdamW(groups, lr=0.01)
        loader = DataLoader(classification(20), batch_size=5)

        def run(_):
            for x, y in loader:
                optimizer.zero_grad()
                F.cross_entropy(head(torch.tanh(decoder(torch.tanh(encoder(x))))), y).backward()
                optimizer.step()

        return Script(run, {"modules": nn.ModuleList([encoder, decoder, head]), "optimizer": optimizer})

    check(make, tolerance=1e-4)


def test_accumulating_gradients_and_a_closure():
    def make():
        model = nn.Linear(6, 3)
        optimizer = optim.Adam(model.parameters(), lr=0.01)
        loader = DataLoader(classification(24), batch_size=4)

        def run(_):
            optimizer.zero_grad()
            for i, (x, y) in enumerate(loader):
                (F.cross_entropy(model(x), y) / 2).backward()
                if i % 2 == 1:
                    optimizer.step()
                    optimizer.zero_grad(set_to_none=False)
            optimizer.zero_grad()
            for x, y in loader:

                def closure():
                    optimizer.zero_grad()
                    loss = F.cross_entropy(model(x), y)
                    loss.backward()
                    return loss

                print(f"{optimizer.step(closure).item():.5f}")

        return Script(run, {"model": model, "optimizer": optimizer})

    check(make, tolerance=1e-4)


def test_state_loaded_between_calls():
    def load(things):
        optimizer = things["optimizer"]
        state = copy.deepcopy(optimizer.state_dict())
        state["param_groups"][0]["lr"] = 0.02
        optimizer.load_state_dict(state)

    make = lambda: _training(lambda modules: optim.Adam(modules.parameters(), lr=0.01))  # noqa: E731
    check(make, 1, tolerance=1e-11, between=load)


def test_the_update_and_the_gradient_are_one_loop():
    model = nn.Linear(6, 3, bias=False)
    optimizer = optim.Adam(model.parameters())
    loader = DataLoader(classification(20), batch_size=1)

    def run(_):
        for x, y in loader:
            optimizer.zero_grad()
            torch.tanh(model(x)).sum().backward()
            optimizer.step()

    compiled = stageTensor(run)
    compiled(0)
    nests = re.findall(r"fused %.* \{shape = \(3, 6\), ranks = \((.*?)\)\}", compiled.inspect_ir())
    assert nests == ["2, 2, 2"]


def test_states_that_do_not_fit():
    script = _training(lambda modules: optim.Adam(modules.parameters()))
    compiled = stageTensor(script.run)
    compiled(1)
    optimizer, parameter = script.things["optimizer"], script.things["modules"][0].weight
    optimizer.state[parameter].pop("exp_avg")
    with pytest.raises(ArgumentError, match="no tensor `exp_avg`"):
        compiled(1)
    optimizer.state[parameter]["exp_avg"] = torch.zeros(3)
    with pytest.raises(ArgumentError, match="`exp_avg` of a parameter does not have the shape and dtype"):
        compiled(1)


def test_a_frozen_parameter_that_still_has_a_gradient():
    model = nn.Linear(6, 3)
    model.bias.grad = torch.ones(3)
    model.bias.requires_grad_(False)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    loader = DataLoader(classification(24), batch_size=8)

    def run(_):
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()

    model.bias.grad = torch.ones(3)
    with pytest.raises(TorchFeatureError, match="requires no gradient any more, but still has one"):
        stageTensor(run)(0)
