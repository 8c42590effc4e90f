"""Gradients of gradients in training scripts: penalties, learning to learn, gradients by inputs."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from pylms import staged, stageTensor  # noqa: E402
from pylms.errors import AutogradError, StagedTypeError, TorchFeatureError  # noqa: E402
from tests.torch_front.compare import Script, check, classification  # noqa: E402
from tests.torch_front.ways import check_ways, weight  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:Using backward\\(\\) with create_graph")


def test_wasserstein_gan_with_gradient_penalty():
    def make():
        generator = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
        critic = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1))
        of_generator = optim.Adam(generator.parameters(), lr=1e-3, betas=(0.0, 0.9))
        of_critic = optim.Adam(critic.parameters(), lr=1e-3, betas=(0.0, 0.9))
        batches = torch.randn(2, 8, 2)

        def penalty(real, fake):
            mixing = torch.rand(8, 1)
            mixed = (mixing * real + (1 - mixing) * fake).requires_grad_(True)
            scores = critic(mixed)
            (slopes,) = torch.autograd.grad(
                outputs=scores,
                inputs=mixed,
                grad_outputs=torch.ones_like(scores),
                create_graph=True,
                retain_graph=True,
                only_inputs=True,
            )
            return ((slopes.norm(2, dim=1) - 1) ** 2).mean()

        def run(_):
            for _step in range(5):
                for k in range(2):
                    real, fake = batches[k], generator(torch.randn(8, 3)).detach()
                    loss = critic(fake).mean() - critic(real).mean() + 10 * penalty(real, fake)
                    of_critic.zero_grad()
                    loss.backward()
                    of_critic.step()
                loss_of_generator = -critic(generator(torch.randn(8, 3))).mean()
                of_generator.zero_grad()
                loss_of_generator.backward()
                of_generator.step()
                print(f"{loss.item():.5f} {loss_of_generator.item():.5f}")

        return Script(run, {"generator": generator, "critic": critic})

    check(make)


def test_learning_to_learn():
    def make():
        weights, bias = weight(3, 4, requires_grad=True), torch.zeros(3, requires_grad=True)
        optimizer = optim.SGD([weights, bias], lr=0.1)
        inputs, targets = weight(4, 6, 4, seed=5), weight(4, 6, 3, seed=6)

        def loss_of(parameters, task):
            return F.mse_loss(F.linear(inputs[task], *parameters).tanh(), targets[task])

        def run(_):
            total = 0.0
            for _epoch in range(3):
                for task in range(4):
                    fast = [weights, bias]
                    for _ in range(2):
                        slopes = torch.autograd.grad(loss_of(fast, task), fast, create_graph=True)
                        fast = [each - 0.3 * slope for each, slope in zip(fast, slopes, strict=True)]
                    faster = tuple(fast)
                    for _ in staged(range(2)):
                        slopes = torch.autograd.grad(loss_of(faster, task), faster, create_graph=True)
                        faster = tuple([each - 0.3 * slope for each, slope in zip(faster, slopes, strict=True)])
                    outer = loss_of(fast, task) + loss_of(faster, task)
                    optimizer.zero_grad()
                    outer.backward()
                    optimizer.step()
                    total = total + outer.item()
            return total

        return Script(run, {"weights": weights, "bias": bias})

    check(make)


def test_adversarial_inputs_and_a_penalty_on_them():
    def make():
        model = nn.Sequential(nn.Conv1d(1, 2, 3), nn.Softplus(), nn.Flatten(), nn.Linear(8, 3))
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        loader = DataLoader(classification(24), batch_size=8)

        def run(_):
            for x, y in loader:
                x = x.view(8, 1, 6)
                x.requires_grad = True
                loss = F.cross_entropy(model(x), y)
                model.zero_grad()
                loss.backward(retain_graph=True)
                attacked = (x + 0.1 * x.grad.sign()).detach()
                (by_input,) = torch.autograd.grad(loss, [x], create_graph=True)
                robust = F.cross_entropy(model(attacked), y) + by_input.pow(2).sum()
                optimizer.zero_grad()
                robust.backward()
                optimizer.step()
                print(f"{robust.item():.5f} {x.grad.norm().item():.5f} {x.requires_grad}")

        return Script(run, {"model": model})

    check(make)


def test_what_is_asked_in_other_ways():
    def make():
        w, v = weight(3, requires_grad=True), weight(3, seed=4, requires_grad=True)

        def run(factor):
            w.grad = v.grad = None
            hidden = torch.sin(w) * factor
            (hidden * v).sum().backward(create_graph=True)
            penalty = (w.grad * w.grad).sum() + (v.grad * w).sum()
            by_w, by_v = torch.autograd.grad(penalty, (w, v), retain_graph=True)
            unused = torch.autograd.grad((w * w).sum(), (w, v), allow_unused=True)
            zeros = torch.autograd.grad((w * w).sum(), (w, v), materialize_grads=True)
            kept = hidden.exp()
            kept.retain_grad()
            w.grad = None
            torch.autograd.backward([kept.sum(), (v * kept).sum()], inputs=[w])
            first = w.grad.clone()
            deep = torch.exp(w).requires_grad_()
            (by_hidden,) = torch.autograd.grad((deep * deep * v).sum() + deep[0] * w[1], deep)
            cube = (w**3.0).sum()
            for _ in range(2):
                (cube,) = [torch.autograd.grad(cube, w, create_graph=True)[0].sum()]
            return by_w, by_v, unused[0], unused[1] is None, zeros[1], first, by_hidden, cube.detach()

        return run

    check_ways(make, [(2.0,), (-1.0,)])


def test_retained_gradients():
    def make():
        w = weight(4, requires_grad=True)

        def run(factor):
            hidden = w * factor
            hidden.retain_grad()
            w.grad = None
            loss = (hidden * hidden * w).sum()
            loss.backward(retain_graph=True)
            (2.0 * loss).backward(gradient=torch.tensor(3.0))
            return hidden.grad, w.grad

        return run

    check_ways(make, [(2.0,), (-1.0,)])


W = weight(3, requires_grad=True)


def _twice(x):
    loss = (W**3.0 * x).sum()
    loss.backward()
    loss.backward()


def _unused(x):
    return torch.autograd.grad((W * x).sum(), weight(2, requires_grad=True))


def _without_gradient(x):
    return torch.autograd.grad((W * x).sum(), x)


def _of_many(x):
    return torch.autograd.grad(W * x, W)


def _the_same_value(x):
    hidden = W * x
    again = hidden.reshape(3)
    return torch.autograd.grad((again * hidden).sum(), again)


@pytest.mark.parametrize(
    ("function", "error", "says"),
    [
        (_twice, AutogradError, "trying to backward through the graph a second time"),
        (_unused, AutogradError, "has no part in what is differentiated"),
        (_without_gradient, AutogradError, "does not require a gradient"),
        (_of_many, StagedTypeError, r"backward\(\) of a tensor of shape \[3\]: only one element has gradients"),
        (_the_same_value, TorchFeatureError, "the same value as another one"),
    ],
)
def test_what_cannot_be_differentiated(function, error, says):
    with pytest.raises(error, match=says) as caught:
        stageTensor(function)(torch.ones(3))
    assert caught.value.loc.file == __file__
    if error is AutogradError:
        with pytest.raises(RuntimeError):
            function(torch.ones(3))


def test_linear_graphs_keep_nothing():
    @stageTensor
    def run(x):
        W.grad = None
        loss = (W + x).sum() - torch.cat([W[:2], -W]).mean()
        loss.backward()
        loss.backward()
        return W.grad

    torch.testing.assert_close(run(torch.ones(3)), torch.tensor([2.0, 2.0, 2.4]))
