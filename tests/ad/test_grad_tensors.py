"""Derivatives by PyTorch's tensors, called from ordinary Python and compiled: what PyTorch's own give."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn  # noqa: E402
from torch.autograd import functional  # noqa: E402

from pylms import grad, hessian, hvp, jacobian, jvp, lms, stage, stageTensor, value_and_grad, vjp  # noqa: E402
from pylms.errors import ArgumentError, StagedTypeError, TorchFeatureError  # noqa: E402

DTYPES = (torch.float32, torch.float64)


def drawn(*shape, dtype=torch.float64, seed=3):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def close(found, expected):
    """The same structure of tensors of the same dtypes, with close content."""
    torch.testing.assert_close(found, expected, rtol=2e-5, atol=1e-6)


@lms
def rounds(x, w):
    """A loop whose number of rounds depends on the tensors, with a branch in it."""
    total = (x * 0.0).sum()
    y = x
    while y.abs().max().item() < 3.0:
        y = torch.tanh(w @ y) + 1.5 * y
        total = total + (y * y).sum() if y[0].item() > 0.0 else total - y.prod()
    return total


def expected_gradients(function, *tensors):
    leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    return torch.autograd.grad(function(*leaves), leaves)


@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients(dtype):
    x, w = drawn(3, dtype=dtype), drawn(3, 3, dtype=dtype, seed=4)
    by_x, by_w = expected_gradients(rounds, x, w)
    close(grad(rounds)(x, w), by_x)
    value, gradients = stage(value_and_grad(rounds, argnums=(0, -1)))(x, w)
    close(value, rounds(x, w))
    close(gradients, (by_x, by_w))
    assert not value.requires_grad


def test_products_and_matrices():
    x, w, dx, dw = drawn(3), drawn(3, 3, seed=4), drawn(3, seed=5), drawn(3, 3, seed=6)

    def layer(x, w):
        return torch.softmax(w @ torch.sin(x), 0) * x[1:].sum()

    close(jvp(layer, (x, w), (dx, dw)), functional.jvp(layer, (x, w), (dx, dw)))
    value, pull_back = vjp(layer, x, w)
    close((value, pull_back(dx)), functional.vjp(layer, (x, w), dx))
    close(jacobian(layer, argnums=(0, 1))(x, w), functional.jacobian(layer, (x, w)))
    close(stage(jacobian(layer))(x.float(), w.float()), functional.jacobian(layer, (x, w))[0].float())

    def energy(x, w):
        return (layer(x, w) ** 3.0).sum()

    close(hessian(energy)(x, w), functional.hessian(lambda x: energy(x, w), x))
    close(hvp(energy, (x, w), (dx, dw)), functional.hvp(energy, (x, w), (dx, dw))[1])
    third = grad(lambda x: hessian(energy)(x, w).sum())(x)
    close(third, expected_gradients(lambda x: _hessian_sum(energy, x, w), x)[0])


def _hessian_sum(energy, x, w):
    (gradient,) = torch.autograd.grad(energy(x, w), x, create_graph=True)
    return sum(torch.autograd.grad(each, x, create_graph=True)[0].sum() for each in gradient)


def test_trees_of_tensors():
    a, b, c = drawn(2, 3), drawn(3, seed=4), drawn(2, seed=5)

    def loss(parameters, x, scale):
        (weights, bias), named = parameters
        hidden = torch.relu(weights @ x + named["bias"]) * scale
        return (hidden * bias[0]).sum() + named["shift"].exp()

    parameters = ([a, [c]], {"bias": c, "shift": torch.tensor(0.5, dtype=torch.float64)})
    value, (by_parameters, by_scale) = value_and_grad(loss, argnums=(0, 2))(parameters, b, 2.0)
    leaves = [each.clone().requires_grad_() for each in (a, c, c, parameters[1]["shift"])]
    scale = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    tree = ([leaves[0], [leaves[1]]], {"bias": leaves[2], "shift": leaves[3]})
    expected = loss(tree, b, scale)
    expected.backward()
    close(value, expected.detach())
    close(by_parameters, ([leaves[0].grad, [leaves[1].grad]], {"bias": leaves[2].grad, "shift": leaves[3].grad}))
    assert by_scale == pytest.approx(scale.grad.item())


def test_modules_and_what_requires_gradients():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    x = drawn(5, 3, dtype=torch.float32).requires_grad_()
    found = grad(lambda x: model(x).sum())(x)
    close(found, torch.autograd.grad(model(x).sum(), x)[0])
    weight = model[0].weight
    close(grad(lambda w: (F.linear(x, w) ** 2).sum() + w.sum() * weight.sum())(weight), _by_weight(x, weight))


def _by_weight(x, weight):
    w = weight.detach().clone().requires_grad_()
    return torch.autograd.grad((F.linear(x, w) ** 2).sum() + w.sum() * weight.detach().sum(), w)[0]


def test_arguments_as_they_come():
    @stageTensor
    def scaled(x, mask, index, factor):
        return torch.where(mask, x, x * factor)[index], x.sum().item(), [x, {"sum": x.sum()}]

    for x in (drawn(2, 3).t(), drawn(6)[::2], drawn(3, dtype=torch.float32), drawn(3, 0, 2)):
        mask, index = x > 0, torch.tensor([2, 0])
        result, total, (same, named) = scaled(x, mask, index, 2)
        close(result, torch.where(mask, x, x * 2)[index])
        assert total == pytest.approx(x.sum().item())
        close((same, named["sum"]), (x.contiguous(), x.sum()))
        same.fill_(7.0)
    assert len(scaled.signatures) == 4
    close(grad(lambda x: x * x)(torch.tensor(3.0)), torch.tensor(6.0))
    close(grad(lambda x: (x * x).sum())(torch.zeros(0)), torch.zeros(0))


def test_an_argument_stays_what_it_was_where_the_run_changes_it_by_another_name():
    """Other than in PyTorch, as docs/limitations.md says."""
    weight = nn.Parameter(torch.tensor([1.0, 2.0]))

    @stageTensor
    def step(given):
        with torch.no_grad():
            weight.add_(1.0)
        return given + weight

    close(step(weight), torch.tensor([3.0, 5.0]))
    close(weight.detach(), torch.tensor([2.0, 3.0]))


def test_what_cannot_be_passed():
    with pytest.raises(ArgumentError, match="argument `x` of .* is a tensor of float16, which compiled code cannot"):
        grad(lambda x: x.sum())(torch.zeros(2, dtype=torch.float16))
    with pytest.raises(ArgumentError, match="item `1` of argument `x` .* is a sparse_coo tensor on cpu"):
        grad(lambda x: x[0].sum())((torch.zeros(2), torch.eye(2).to_sparse()))
    with pytest.raises(StagedTypeError, match="argument 0 of <lambda> is of type tensor<int64"):
        grad(lambda x: x.sum())(torch.tensor([1, 2]))
    with pytest.raises(StagedTypeError, match="gives a value of type tensor<float32.*only a floating-point number"):
        grad(lambda x: x * x)(torch.zeros(2))


def test_changes_in_place():
    def doubled(x):
        y = x[:1]
        y.mul_(2.0)
        return (x * x).sum()

    x = torch.ones(3)
    with pytest.raises(TorchFeatureError, match="a tensor that is an argument of the staged function is changed"):
        stageTensor(doubled)(x)
    close(grad(doubled)(x), torch.tensor([8.0, 2.0, 2.0]))
    close(x, torch.ones(3))


def test_backward_to_an_argument():
    w = torch.ones(3, requires_grad=True)

    @stageTensor
    def loss(x):
        total = (x * w).sum()
        total.backward()
        return w.grad

    close(loss(torch.ones(3)), torch.ones(3))
    with pytest.raises(TorchFeatureError, match=r"backward\(\) to a tensor that is an argument"):
        loss(torch.ones(3, requires_grad=True))


def test_containers_of_tensors_that_are_changed():
    @stageTensor
    def appended(tensors):
        tensors.append(tensors[0] + 1)
        return tensors[1]

    with pytest.raises(Exception, match="a list of arrays or tensors that is an argument is changed"):
        appended([torch.ones(2)])


def test_parameters_that_a_module_is_lent():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    x = drawn(5, 3, dtype=torch.float32)

    def loss(parameters, x):
        return torch.func.functional_call(model, parameters, (x,)).pow(2).mean() + model(x).mean()

    parameters = {name: parameter.detach() * 1.5 for name, parameter in model.named_parameters()}
    compiled = value_and_grad(loss)
    for _ in range(2):
        leaves = {name: parameter.clone().requires_grad_() for name, parameter in parameters.items()}
        expected = loss(leaves, x)
        expected.backward()
        value, gradients = compiled(parameters, x)
        close(value, expected.detach())
        close(gradients, {name: leaf.grad for name, leaf in leaves.items()})
        parameters = {name: parameter - 0.1 * gradients[name] for name, parameter in parameters.items()}


def test_calls_of_several_threads():
    doubled = stageTensor(lambda x: (x * 2.0).exp())
    tensors = [torch.full((3000,), k / 10) for k in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for found, tensor in zip(pool.map(doubled, tensors * 100), tensors * 100, strict=True):
            close(found, (tensor * 2.0).exp())
