"""What a staged tensor is to user code, and the errors where it cannot be what Python wants."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.autograd import Variable  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from pylms.errors import PylmsError, StagedTypeError, StagingError, TorchFeatureError  # noqa: E402
from tests.torch_front.programs import stage  # noqa: E402

W = nn.Parameter(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))


def observe(look):
    """What `look` sees when it is given a staged tensor."""
    seen = []

    def run(dummy):
        seen.append(look(W + 0))

    stage(run, 0)
    return seen[0]


def test_it_is_a_tensor_with_plain_shape_and_type() -> None:
    assert observe(lambda x: isinstance(x, torch.Tensor))
    assert observe(lambda x: isinstance(x, nn.Parameter)) is False
    assert observe(lambda x: (x.size(), x.size(1), x.shape, x.dim(), x.ndim, len(x), x.numel())) == (
        torch.Size([2, 2]),
        2,
        torch.Size([2, 2]),
        2,
        2,
        2,
        4,
    )
    assert observe(lambda x: (x.dtype, x.device.type, x.is_floating_point(), x.is_cuda, torch.is_tensor(x))) == (
        torch.float32,
        "cpu",
        True,
        False,
        True,
    )


def test_requires_grad_is_known() -> None:
    assert observe(lambda x: x.requires_grad)
    assert observe(lambda x: x.detach().requires_grad) is False
    assert observe(lambda x: (x > 0).requires_grad) is False
    assert observe(lambda x: (x.grad, x.grad_fn, x.is_leaf)) == (None, None, False)

    def under_no_grad(x):
        with torch.no_grad():
            return (x * 2).requires_grad

    assert observe(under_no_grad) is False


def test_repr_says_what_it_is() -> None:
    assert observe(repr).startswith("StagedTensor(%") and "tensor<float32[2x2]>" in observe(repr)


def test_variable_and_deepcopy() -> None:
    assert observe(lambda x: type(Variable(x)).__name__) == "StagedTensor"
    assert observe(lambda x: copy.deepcopy(x) is x)


def _error(body, *more) -> PylmsError:
    def run(dummy):
        return body(W + 0, *more)

    with pytest.raises(PylmsError) as caught:
        stage(run, 0)
    error = caught.value
    assert error.loc is not None and error.loc.file == __file__ and error.hint is not None, str(error)
    return error


def _branch(x):
    return 1 if x.sum() > 0 else 2


@pytest.mark.parametrize(
    "body, message",
    [
        (_branch, "cannot branch on a staged tensor here: this function was not virtualised"),
        (lambda x: float(x.sum()), "turned into a plain float"),
        (lambda x: int(x.sum()), "turned into a plain int"),
        (lambda x: [1, 2][x.argmax()], "used as an index"),
        (lambda x: x.numpy(), "turned into a NumPy array"),
        (lambda x: x.tolist(), "turned into a list"),
        (lambda x: f"{x:.3f}", "cannot be"),
        (lambda x: 1.0 in x, "searched"),
        (lambda x: x.data_ptr(), "asked for its address"),
    ],
)
def test_uses_that_need_the_content_now(body, message: str) -> None:
    error = _error(body)
    assert isinstance(error, StagingError) and message in error.message


@pytest.mark.parametrize(
    "body, name",
    [
        (lambda x: x[x > 0], "indexed by a mask"),
        (lambda x: x.cummax(0), "`torch.Tensor.cummax`"),
        (lambda x: torch.fft.fft(x), "fft"),
        (lambda x: torch.kron(x, x), "kron"),
        (lambda x: x.expand(2, 2, 2).add_(1), "several of its elements are one in memory"),
    ],
)
def test_operations_that_cannot_be_staged_are_named(body, name: str) -> None:
    assert name in _error(body).message


@pytest.mark.parametrize(
    "body, message",
    [
        (lambda x: F.poisson_nll_loss(x, x, full=True), "`full=True`"),
        (lambda x: F.mse_loss(x, x, weight=x), "`weight="),
        (lambda x: torch.linalg.norm(x, ord="nuc"), "`ord='nuc'`"),
        (lambda x: torch.autograd.grad(x.sum(), W, is_grads_batched=True), "`is_grads_batched=True`"),
        (lambda x: x.to("cuda"), "`device='cuda'`"),
        (lambda x: torch.add(x, x, out=x), "`out="),
    ],
)
def test_options_that_cannot_be_staged_are_named(body, message: str) -> None:
    def run(dummy):
        return body(W + 0)

    with pytest.raises(TorchFeatureError) as caught:
        stage(run, 0)
    assert message in caught.value.message and caught.value.loc is not None and caught.value.loc.file == __file__


@pytest.mark.parametrize(
    "body, message",
    [
        (lambda x: x + torch.ones(3), "shapes [2, 2] and [3] do not broadcast"),
        (lambda x: x.view(3, 2), "4 elements and cannot take the shape [3, 2]"),
        (lambda x: x @ torch.ones(3, 2), "[2, 2] and [3, 2] cannot be multiplied"),
        (lambda x: F.linear(x, torch.ones(4, 3)), "3 input features was given a tensor of shape [2, 2]"),
        (lambda x: x.sum(5), "has no dimension 5"),
        (lambda x: x.item(), "item() of a tensor of shape [2, 2]"),
        (lambda x: x.backward(), "backward() of a tensor of shape [2, 2]"),
        (lambda x: (x > 0).mean(), "mean() of a tensor of bool"),
        (lambda x: x @ x.double(), "matrices of float32 and float64"),
        (lambda x: F.nll_loss(x, torch.tensor([0.5, 1.0])), "integer classes"),
    ],
)
def test_shapes_and_types_that_do_not_fit(body, message: str) -> None:
    def run(dummy):
        return body(W + 0)

    with pytest.raises(StagedTypeError) as caught:
        stage(run, 0)
    assert message in caught.value.message and caught.value.loc is not None and caught.value.loc.file == __file__


def test_backward_of_what_needs_no_gradient() -> None:
    assert "depends on nothing which requires a gradient" in _error(lambda x: x.detach().sum().backward()).message


def test_a_staged_tensor_kept_after_the_run() -> None:
    kept = observe(lambda x: x)
    with pytest.raises(StagingError, match="kept after the staging run"):
        kept + 1


def returns_a_set(dummy):
    return {W + 0}


def test_a_set_of_staged_tensors_cannot_be_returned() -> None:
    with pytest.raises(StagingError, match="cannot return a set of staged values"):
        stage(returns_a_set, 0)


def test_tensor_that_is_not_dense() -> None:
    crooked = torch.ones(3, 2).t()
    assert "not in order" in _error(lambda x: x @ crooked).message


def test_tensors_that_share_part_of_their_memory() -> None:
    whole = torch.ones(4)
    part = whole[:2].view(1, 2)
    error = _error(lambda x: F.linear(x, part).sum() + whole.mul_(x.detach().flatten()))
    assert "share a part of their memory" in error.message

    def read_both(n):
        return W.detach().flatten() * n * whole + F.linear(W.detach(), part).sum()

    torch.testing.assert_close(stage(read_both, 2)(2), read_both(2))


def _train(make_optimizer, step=None):
    model = nn.Linear(2, 2)
    loader = DataLoader(TensorDataset(torch.ones(4, 2), torch.zeros(4, dtype=torch.int64)), batch_size=2)
    optimizer = make_optimizer(model)

    def run(dummy):
        for x, y in loader:
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            if step is None:
                optimizer.step()
            else:
                step(optimizer)

    with pytest.raises(PylmsError) as caught:
        stage(run, 0)
    assert caught.value.loc is not None and caught.value.loc.file == __file__
    return caught.value


def test_optimiser_with_a_scheduler_that_steps_between_calls() -> None:
    torch.manual_seed(0)
    real = nn.Linear(2, 2)
    staged = copy.deepcopy(real)
    data = TensorDataset(torch.randn(4, 2), torch.tensor([0, 1, 1, 0]))

    def train(model, wrap):
        optimizer = optim.SGD(model.parameters(), lr=0.5)
        scheduler = optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.1)

        def run(dummy):
            for x, y in DataLoader(data, batch_size=2):
                optimizer.zero_grad()
                F.cross_entropy(model(x), y).backward()
                optimizer.step()

        compiled = wrap(run)
        for _ in range(3):
            compiled(0)
            scheduler.step()

    train(real, lambda run: run)
    train(staged, lambda run: stage(run, 0))
    torch.testing.assert_close(staged.weight, real.weight)


def test_a_tensor_made_in_the_loop_and_changed_in_place() -> None:
    def step(_optimizer):
        made = torch.hann_window(4)
        made += 1

    error = _train(lambda m: optim.SGD(m.parameters(), lr=0.1), step)
    assert "made inside a staged loop" in error.message


def test_gradient_of_before_the_staged_function() -> None:
    w = nn.Parameter(torch.ones(2))
    (w * w).sum().backward()

    def run(flag):
        (w * w).sum().backward()

    stage(run, True)(True)
    assert torch.equal(w.grad, torch.tensor([4.0, 4.0]))


def test_pytorch_works_as_before_after_staging() -> None:
    observe(lambda x: x)
    model = nn.Linear(2, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    before = model.weight.detach().clone()
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    assert torch.allclose(model.weight, before - 0.1)
    optimizer.zero_grad()
    assert model.weight.grad is None
