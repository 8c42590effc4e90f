"""Data sets under torchvision's names: `MNIST`.

In: a root folder in torchvision's layout, else the folder that `PYLMS_DATA_DIR` names, else (where asked for) a
download. Out: a `torch.utils.data.Dataset` with torchvision's attributes. DataError where files are missing or corrupt.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch.utils.data import Dataset

from ..errors import DataError
from ..options import Options
from .download import download_mnist
from .mnist_files import (
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    MnistFile,
    find_file,
    raw_folder,
    read_idx,
    search_folders,
)
from .transforms import GreyImage


class MNIST(Dataset[tuple[Any, Any]]):
    """The MNIST digits: 60,000 training or 10,000 test images of 28 x 28 pixels, with their labels.

    root: the folder that holds `MNIST/raw/`, with the four IDX files plain or as `.gz`. Where they are not there,
        `$PYLMS_DATA_DIR/mnist/` is looked in.
    train: the training set rather than the test set.
    transform, target_transform: applied to each image, and to each label, as it is taken.
    download: fetch the files to `root` where they are missing or corrupt.

    `data` is a uint8 tensor [N, 28, 28], `targets` an int64 tensor [N]. Indexing gives (image, label), the label a
    Python int; the image is a `transforms.GreyImage` until a transform such as `ToTensor` makes something else of it.
    """

    classes: ClassVar[list[str]] = [
        "0 - zero",
        "1 - one",
        "2 - two",
        "3 - three",
        "4 - four",
        "5 - five",
        "6 - six",
        "7 - seven",
        "8 - eight",
        "9 - nine",
    ]

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        self.root = os.path.expanduser(root)
        self.train = train
        self.transform = transform
        self.target_transform = target_transform
        self.data, self.targets = _load(Path(self.root), train=train, download=download)

    @property
    def raw_folder(self) -> str:
        """Where torchvision's layout keeps the files under `root`."""
        return str(raw_folder(Path(self.root)))

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of each class name."""
        return {name: label for label, name in enumerate(self.classes)}

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image: Any = GreyImage(self.data[index])
        target: Any = int(self.targets[index])
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target

    def __repr__(self) -> str:
        lines = [
            f"Dataset {type(self).__name__}",
            f"    Number of datapoints: {len(self)}",
            f"    Root location: {self.root}",
            f"    Split: {'Train' if self.train else 'Test'}",
        ]
        return "\n".join(lines)


def _load(root: Path, *, train: bool, download: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Images and labels; what is missing or corrupt is downloaded to `root` once, where that is asked for."""
    folders = search_folders(root, Options.from_environment().data_dir)
    try:
        return _read(folders, train=train)
    except DataError:
        if not download:
            raise
    download_mnist(root)
    return _read(folders, train=train)


def _read(folders: list[Path], *, train: bool) -> tuple[torch.Tensor, torch.Tensor]:
    images_file, labels_file = (TRAIN_IMAGES, TRAIN_LABELS) if train else (TEST_IMAGES, TEST_LABELS)
    images_path, labels_path = _find(images_file, folders), _find(labels_file, folders)
    images, labels = _tensor(images_file, images_path), _tensor(labels_file, labels_path)
    if len(images) != len(labels):
        raise DataError(
            f"{images_path} holds {len(images)} images, but {labels_path} holds {len(labels)} labels",
            hint="the two do not belong together: fetch both again",
        )
    return images, labels.long()


def _find(file: MnistFile, folders: list[Path]) -> Path:
    path = find_file(file, folders)
    if path is None:
        places = "".join(f"\n  {folder.absolute() / file.name}[.gz]" for folder in folders)
        raise DataError(
            f"the MNIST file {file.name} was not found; looked for{places}",
            hint="pass download=True, or run `python -m pylms.data.download`, or put the file there",
        )
    return path


def _tensor(file: MnistFile, path: Path) -> torch.Tensor:
    array = read_idx(file, path)
    return torch.frombuffer(array.content, dtype=torch.uint8, offset=array.offset).view(array.shape)
