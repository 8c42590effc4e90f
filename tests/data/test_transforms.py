"""The transforms: torchvision's results bit for bit, spelled out here in plain PyTorch operations."""

from __future__ import annotations

import numpy
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pylms.data.transforms import Compose, GreyImage, Normalize, ToTensor

ALL_BYTES = torch.arange(256, dtype=torch.uint8).view(8, 32)


def test_to_tensor_scales_every_byte_as_a_division():
    result = ToTensor()(GreyImage(ALL_BYTES))
    assert result.shape == (1, 8, 32)
    assert torch.equal(result, ALL_BYTES.to(torch.float32).unsqueeze(0) / 255)


def test_to_tensor_keeps_the_image():
    pixels = ALL_BYTES.clone()
    ToTensor()(GreyImage(pixels)).zero_()
    assert torch.equal(pixels, ALL_BYTES)


def test_to_tensor_uses_the_default_dtype():
    torch.set_default_dtype(torch.float64)
    try:
        result = ToTensor()(GreyImage(ALL_BYTES))
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(result, ALL_BYTES.double().unsqueeze(0) / 255)


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3)])
def test_to_tensor_takes_arrays_with_channels_last(shape):
    array = numpy.arange(numpy.prod(shape), dtype=numpy.uint8).reshape(shape)
    result = ToTensor()(array)
    channels_last = torch.from_numpy(array.reshape(4, 6, -1))
    assert result.is_contiguous()
    assert torch.equal(result, channels_last.permute(2, 0, 1).float() / 255)


def test_to_tensor_keeps_values_that_are_not_bytes():
    array = numpy.array([[1.5, 300.0]], dtype=numpy.float64)
    result = ToTensor()(array)
    assert (result.dtype, result.tolist()) == (torch.float64, [[[1.5, 300.0]]])


def test_to_tensor_takes_images_of_other_libraries():
    class Image:
        """What NumPy sees of a PIL image."""

        def __init__(self, mode, array):
            self.mode = mode
            self.__array_interface__ = array.__array_interface__
            self.array = array

    grey = numpy.array([[0, 51], [102, 255]], dtype=numpy.uint8)
    assert torch.equal(ToTensor()(Image("L", grey)), torch.from_numpy(grey)[None].float() / 255)
    assert ToTensor()(Image("1", grey > 60)).tolist() == [[[0.0, 0.0], [1.0, 1.0]]]
    deep = ToTensor()(Image("I;16", grey.astype(numpy.uint16) * 100))
    assert (deep.dtype, deep.tolist()) == (torch.int16, [[[0, 5100], [10200, 25500]]])


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (torch.zeros(2, 2), "ToTensor takes an image or a NumPy array, not Tensor"),
        ([[1, 2]], "ToTensor takes an image or a NumPy array, not list"),
        (numpy.zeros(3, numpy.uint8), "ToTensor takes an array of 2 or 3 dimensions, not 1"),
    ],
)
def test_to_tensor_refuses_what_is_no_image(image, message):
    with pytest.raises(TypeError, match=f"^{message}$"):
        ToTensor()(image)


@given(
    mean=st.floats(-10, 10),
    std=st.floats(0.01, 10),
    values=st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=8),
)
def test_normalize_subtracts_then_divides(mean, std, values):
    image = torch.tensor(values, dtype=torch.float32).view(1, 1, -1)
    expected = (image - torch.tensor(mean, dtype=torch.float32)) / torch.tensor(std, dtype=torch.float32)
    assert torch.equal(Normalize((mean,), (std,))(image), expected)


def test_normalize_works_by_channel_and_on_batches():
    batch = torch.rand(5, 3, 4, 4)
    result = Normalize([0.1, 0.2, 0.3], [1.0, 2.0, 4.0])(batch)
    for channel, (mean, std) in enumerate([(0.1, 1.0), (0.2, 2.0), (0.3, 4.0)]):
        assert torch.equal(result[:, channel], (batch[:, channel] - mean) / std)


@pytest.mark.parametrize("inplace", [False, True])
def test_normalize_overwrites_only_where_asked(inplace):
    image = torch.ones(1, 2, 2)
    result = Normalize((0.5,), (0.5,), inplace=inplace)(image)
    assert (result is image) == inplace
    assert image[0, 0, 0] == 1.0


@pytest.mark.parametrize(
    ("tensor", "error", "message"),
    [
        (numpy.zeros((1, 2, 2)), TypeError, "Normalize takes a tensor, not ndarray"),
        (torch.zeros(1, 2, 2, dtype=torch.uint8), TypeError, "Normalize takes a float tensor, not one of torch.uint8"),
        (torch.zeros(2, 2), ValueError, r"Normalize takes a tensor \[..., C, H, W\], not one of shape \(2, 2\)"),
    ],
)
def test_normalize_refuses_what_it_cannot_take(tensor, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        Normalize((0.5,), (0.5,))(tensor)


def test_normalize_refuses_to_divide_by_zero():
    with pytest.raises(ValueError, match="std is zero as torch.float32: normalising would divide by it"):
        Normalize((0.5,), (1e-60,))(torch.zeros(1, 2, 2))


def test_attributes_and_repr_are_torchvisions():
    to_tensor, normalize = ToTensor(), Normalize((0.1307,), (0.3081,))
    compose = Compose([to_tensor, normalize])
    assert compose.transforms == [to_tensor, normalize]
    assert (normalize.mean, normalize.std, normalize.inplace) == ((0.1307,), (0.3081,), False)
    assert repr(compose) == "Compose(\n    ToTensor()\n    Normalize(mean=(0.1307,), std=(0.3081,))\n)"


def test_compose_applies_in_order():
    assert Compose([lambda x: x + 1, lambda x: x * 10])(1) == 20
