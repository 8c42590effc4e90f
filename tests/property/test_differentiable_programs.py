"""Random programs: first and second derivatives are those of PyTorch's autograd on the same Python code."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pylms import grad, lms, stage, value_and_grad  # noqa: E402
from tests.property.differentiable_programs import on_torch, program  # noqa: E402

ARRAY = [0.3, -0.8, 1.1, 0.6]
COUNTS = (0, 1, 3)


def loaded(text, folder, seed):
    """The program's function, whose source can be read."""
    path = folder / f"program_{seed}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lms(module.f)


def torch_derivatives(function, x, y, n):
    """Value, gradients, and second derivatives along ones."""
    leaves = [torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in (x, y, *ARRAY)]
    value = function(leaves[0], leaves[1], list(leaves[2:]), n)
    first = torch.autograd.grad(value, leaves, create_graph=True, allow_unused=True, materialize_grads=True)
    total = sum(first)
    if total.requires_grad:
        second = torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)
    else:
        second = [torch.zeros(()) for _ in leaves]
    return value.item(), [each.item() for each in first], [each.item() for each in second]


def compare(seed, folder):
    """Raises where a program's derivatives are not PyTorch's."""
    text = program(seed)
    function, reference = loaded(text, folder, seed), on_torch(text)

    @stage
    def derivatives(x, y, a, n):
        first = value_and_grad(function, (0, 1, 2))
        along = lambda x, y, a: slopes(first(x, y, a, n)[1])  # noqa: E731
        return first(x, y, a, n), grad(along, (0, 1, 2))(x, y, a)

    for n in COUNTS:
        value, first, second = torch_derivatives(reference, 0.4, -0.9, n)
        (found, gradients), curvature = derivatives(0.4, -0.9, np.array(ARRAY), n)
        np.testing.assert_allclose(found, value, rtol=1e-9, err_msg=text)
        np.testing.assert_allclose(np.hstack(gradients), first, rtol=1e-7, atol=1e-10, err_msg=text)
        np.testing.assert_allclose(np.hstack(curvature), second, rtol=1e-6, atol=1e-9, err_msg=text)


@lms
def slopes(gradients):
    by_x, by_y, by_a = gradients
    return by_x + by_y + by_a.sum()


@pytest.mark.parametrize("seed", range(5))
def test_derivatives_are_pytorchs(seed, tmp_path):
    compare(seed, tmp_path)
