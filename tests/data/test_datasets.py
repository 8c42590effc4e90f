"""`MNIST`: where it reads from, what it gives, and what it says where files are missing or corrupt."""

from __future__ import annotations

import hashlib
import pickle

import numpy
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from pylms.data import datasets, transforms
from pylms.errors import DataError
from tests.data.idx_writer import TEST_NAMES, TRAIN_NAMES, images_file, labels_file, write_set

FETCH_AGAIN = "pass download=True, or run `python -m pylms.data.download`"


@pytest.fixture(autouse=True)
def _no_data_dir(monkeypatch):
    monkeypatch.delenv("PYLMS_DATA_DIR", raising=False)


@pytest.fixture
def root(tmp_path):
    """A root with five training and three test images."""
    write_set(tmp_path / "MNIST" / "raw", TRAIN_NAMES, 5)
    write_set(tmp_path / "MNIST" / "raw", TEST_NAMES, 3)
    return tmp_path


def test_has_torchvisions_attributes(root):
    def double(label):
        return 2 * label

    to_tensor = transforms.ToTensor()
    dataset = datasets.MNIST(root, train=True, transform=to_tensor, target_transform=double)
    assert isinstance(dataset, Dataset)
    assert (dataset.train, dataset.transform, dataset.target_transform) == (True, to_tensor, double)
    assert (dataset.data.dtype, dataset.data.shape) == (torch.uint8, (5, 28, 28))
    assert (dataset.targets.dtype, dataset.targets.tolist()) == (torch.int64, [0, 3, 6, 9, 2])
    assert dataset.root == str(root)
    assert dataset.raw_folder == str(root / "MNIST" / "raw")
    assert dataset.classes[:2] == ["0 - zero", "1 - one"]
    assert dataset.class_to_idx["9 - nine"] == 9
    assert dataset[1][1] == 6


def test_pixels_and_labels_are_those_of_the_files(root):
    dataset = datasets.MNIST(str(root), train=False)
    assert len(dataset) == 3
    assert bytes(dataset.data.flatten().tolist()) == images_file(3)[16:]
    assert bytes(dataset.targets.tolist()) == labels_file(3)[8:]


def test_item_without_transform_is_an_image_and_an_int(root):
    dataset = datasets.MNIST(root)
    image, label = dataset[2]
    assert (image.mode, image.size, repr(image)) == ("L", (28, 28), "GreyImage(size=28x28)")
    assert numpy.array_equal(numpy.asarray(image), dataset.data[2].numpy())
    assert numpy.asarray(image, dtype=numpy.float32).dtype == numpy.float32
    assert type(label) is int
    with pytest.raises(IndexError):
        dataset[5]


def test_copy_of_an_image_does_not_share_its_pixels(root):
    dataset = datasets.MNIST(root)
    numpy.array(dataset[0][0])[:] = 0
    assert dataset.data[0].any()


def test_data_loader_takes_it_with_worker_processes(root):
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    loader = DataLoader(datasets.MNIST(root, transform=transform), batch_size=2, num_workers=1)
    shapes = [(tuple(images.shape), labels.tolist()) for images, labels in loader]
    assert shapes == [((2, 1, 28, 28), [0, 3]), ((2, 1, 28, 28), [6, 9]), ((1, 1, 28, 28), [2])]


def test_survives_pickling(root):
    dataset = pickle.loads(pickle.dumps(datasets.MNIST(root, transform=transforms.ToTensor())))
    assert torch.equal(dataset[4][0], datasets.MNIST(root, transform=transforms.ToTensor())[4][0])


def test_repr(root):
    assert repr(datasets.MNIST(root, train=False)) == (
        f"Dataset MNIST\n    Number of datapoints: 3\n    Root location: {root}\n    Split: Test"
    )


@pytest.mark.parametrize("compressed", [False, True])
def test_reads_the_data_dir_where_root_has_nothing(tmp_path, monkeypatch, compressed):
    write_set(tmp_path / "shared" / "mnist", TRAIN_NAMES, 4, compressed=compressed)
    monkeypatch.setenv("PYLMS_DATA_DIR", str(tmp_path / "shared"))
    assert len(datasets.MNIST(tmp_path / "root")) == 4


def test_root_comes_before_the_data_dir(root, tmp_path_factory, monkeypatch):
    shared = tmp_path_factory.mktemp("shared")
    write_set(shared / "mnist", TRAIN_NAMES, 9)
    monkeypatch.setenv("PYLMS_DATA_DIR", str(shared))
    assert len(datasets.MNIST(root)) == 5


def test_reads_compressed_files_under_root(tmp_path):
    write_set(tmp_path / "MNIST" / "raw", TRAIN_NAMES, 2, compressed=True)
    assert datasets.MNIST(tmp_path).targets.tolist() == [0, 3]


def test_missing_files_are_named_with_every_place_looked_in(tmp_path, monkeypatch):
    monkeypatch.setenv("PYLMS_DATA_DIR", str(tmp_path / "shared"))
    with pytest.raises(DataError) as raised:
        datasets.MNIST(tmp_path / "root")
    assert str(raised.value) == (
        "the MNIST file train-images-idx3-ubyte was not found; looked for\n"
        f"  {tmp_path}/root/MNIST/raw/train-images-idx3-ubyte[.gz]\n"
        f"  {tmp_path}/shared/mnist/train-images-idx3-ubyte[.gz]\n"
        f"help: {FETCH_AGAIN}, or put the file there"
    )


def test_wrong_header_is_corrupt(root):
    path = root / "MNIST" / "raw" / TRAIN_NAMES[0]
    path.write_bytes(b"<html>not found</html>")
    digest = hashlib.sha256(b"<html>not found</html>").hexdigest()
    with pytest.raises(DataError) as raised:
        datasets.MNIST(root)
    assert str(raised.value) == (
        f"{path} is corrupt: it does not start with the header 00000803 "
        f"(SHA-256 of its uncompressed bytes: {digest}, "
        "of the published file: ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db)\n"
        f"help: delete {TRAIN_NAMES[0]} and fetch it again: {FETCH_AGAIN}"
    )


def test_cut_file_is_corrupt(root):
    path = root / "MNIST" / "raw" / TEST_NAMES[0]
    path.write_bytes(images_file(3)[:-100])
    with pytest.raises(DataError, match="its header announces 3 x 28 x 28 bytes, 2252 follow"):
        datasets.MNIST(root, train=False)


@pytest.mark.parametrize("content", [b"\x1f\x8bnonsense", b"plain", b""])
def test_broken_compression_is_reported(tmp_path, content):
    folder = tmp_path / "MNIST" / "raw"
    write_set(folder, TRAIN_NAMES, 2)
    (folder / TRAIN_NAMES[1]).unlink()
    path = folder / f"{TRAIN_NAMES[1]}.gz"
    path.write_bytes(content)
    with pytest.raises(DataError) as raised:
        datasets.MNIST(tmp_path)
    assert str(path) in str(raised.value)
    assert f"help: delete {path.name} and fetch it again" in str(raised.value)


def test_images_and_labels_must_be_as_many(root):
    path = root / "MNIST" / "raw" / TRAIN_NAMES[1]
    path.write_bytes(labels_file(4))
    with pytest.raises(DataError, match=r"holds 5 images, but .*train-labels-idx1-ubyte holds 4 labels"):
        datasets.MNIST(root)


def test_real_data_is_what_was_published(mnist_root, monkeypatch):
    monkeypatch.undo()
    train, test = datasets.MNIST(mnist_root), datasets.MNIST(mnist_root, train=False)
    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.targets[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert round(float(train.data.double().mean() / 255), 4) == 0.1307
    assert round(float((train.data.double() / 255).std()), 4) == 0.3081
