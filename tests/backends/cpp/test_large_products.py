"""Products that go to OpenBLAS: what PyTorch computes, the same for any number of threads, and without the library."""

from __future__ import annotations

import pytest

from pylms.backends.cpp import emit_matmul

torch = pytest.importorskip("torch")

from pylms import stageTensor  # noqa: E402

SIZE = 900


def product(monkeypatch, threads: int, dtype: torch.dtype = torch.float32):
    monkeypatch.setenv("PYLMS_NUM_THREADS", str(threads))
    generator = torch.Generator().manual_seed(3)
    weights = [torch.randn(SIZE, SIZE + more, generator=generator, dtype=dtype).requires_grad_() for more in (0, 8)]

    def program(rounds):
        for _ in range(rounds):
            result = weights[0] @ weights[1]
            (result * result).sum().backward()
        return result, weights[0].grad, weights[1].grad

    staged = stageTensor(program)
    found, code = staged(1), staged.Ccode
    for weight in weights:
        weight.grad = None
    return found, program(1), code


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_large_products_are_the_librarys_on_any_number_of_threads(dtype, monkeypatch) -> None:
    found, expected, code = product(monkeypatch, 1, dtype)
    assert code.count("pylms::blas_gemm") == 3
    for mine, theirs in zip(found, expected, strict=True):
        scale = theirs.abs().max().item()
        torch.testing.assert_close(mine / scale, theirs.detach() / scale, rtol=0, atol=1e-5)
    for mine, again in zip(found, product(monkeypatch, 2, dtype)[0], strict=True):
        assert torch.equal(mine, again)


def test_without_the_library_the_kernel_computes_them(monkeypatch) -> None:
    monkeypatch.setattr(emit_matmul, "_openblas", lambda: "/nowhere/libscipy_openblas.so")
    found, expected, _ = product(monkeypatch, 1)
    torch.testing.assert_close(found[0], expected[0].detach(), rtol=1e-4, atol=1e-3)
