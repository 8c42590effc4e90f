"""Writes small files in MNIST's format, and the places it is looked for in."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

TRAIN_NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST_NAMES = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def images_file(count: int) -> bytes:
    """`count` images whose pixels differ from image to image and from place to place."""
    pixels = bytes((7 * image + 3 * place) % 256 for image in range(count) for place in range(28 * 28))
    return struct.pack(">IIII", 0x803, count, 28, 28) + pixels


def labels_file(count: int) -> bytes:
    """Labels 0, 3, 6, 9, 2, ..."""
    return struct.pack(">II", 0x801, count) + bytes((3 * image) % 10 for image in range(count))


def write_set(folder: Path, names: tuple[str, str], count: int, *, compressed: bool = False) -> None:
    """Write an images file and a labels file under these names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in zip(names, (images_file(count), labels_file(count)), strict=True):
        if compressed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
