"""The four MNIST files: their names, digests, places on disk and bytes.

In: a root folder and, optionally, a data folder (`PYLMS_DATA_DIR`). Out: paths, and file contents checked for their
IDX structure. Each file may be plain or compressed (`.gz`); the plain one wins where both exist. Nothing here writes,
downloads or needs PyTorch.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError


@dataclass(frozen=True, slots=True)
class MnistFile:
    """One IDX file: its plain name, the SHA-256 of its uncompressed bytes, and its number of dimensions."""

    name: str
    sha256: str
    dimensions: int

    @property
    def compressed_name(self) -> str:
        """The name under which mirrors serve it."""
        return f"{self.name}.gz"


TRAIN_IMAGES = MnistFile(
    "train-images-idx3-ubyte", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 3
)
TRAIN_LABELS = MnistFile(
    "train-labels-idx1-ubyte", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 1
)
TEST_IMAGES = MnistFile("t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 3)
TEST_LABELS = MnistFile("t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 1)
MNIST_FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)

_UNSIGNED_BYTE = 0x08
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class IdxArray:
    """An unsigned-byte IDX file in memory: row-major values from `offset` on, `shape` as the header gives it."""

    content: bytearray
    offset: int
    shape: tuple[int, ...]


def raw_folder(root: Path) -> Path:
    """Where torchvision's layout keeps the files under `root`."""
    return root / "MNIST" / "raw"


def search_folders(root: Path, data_dir: Path | None) -> list[Path]:
    """The folders MNIST is looked for in, best first."""
    return [raw_folder(root)] if data_dir is None else [raw_folder(root), data_dir / "mnist"]


def find_file(file: MnistFile, folders: Iterable[Path]) -> Path | None:
    """The first of the folders' copies of `file`, plain before compressed; None where there is none."""
    candidates = (folder / name for folder in folders for name in (file.name, file.compressed_name))
    return next((path for path in candidates if path.is_file()), None)


def read_content(path: Path) -> bytearray:
    """The uncompressed bytes of a plain or `.gz` file, never in memory twice; DataError where they cannot be had."""
    content = bytearray()
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            while piece := file.read(_PIECE):
                content += piece
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}", hint=_replacement_hint(path)) from error
    return content


def has_expected_digest(file: MnistFile, path: Path) -> bool:
    """Whether `path` holds exactly the published bytes of `file`."""
    try:
        return digest(read_content(path)) == file.sha256
    except DataError:
        return False


def digest(content: bytes | bytearray) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read_idx(file: MnistFile, path: Path) -> IdxArray:
    """Read one IDX file; DataError naming it and its digest where header and length do not fit."""
    content = read_content(path)
    offset = 4 + 4 * file.dimensions
    expected_magic = bytes((0, 0, _UNSIGNED_BYTE, file.dimensions))
    if content[:4] != expected_magic or len(content) < offset:
        raise _corrupt(file, path, content, f"it does not start with the header {expected_magic.hex()}")
    shape = tuple(int.from_bytes(content[start : start + 4], "big") for start in range(4, offset, 4))
    if len(content) != offset + math.prod(shape):
        sizes = " x ".join(map(str, shape))
        raise _corrupt(file, path, content, f"its header announces {sizes} bytes, {len(content) - offset} follow")
    return IdxArray(content, offset, shape)


def _corrupt(file: MnistFile, path: Path, content: bytearray, reason: str) -> DataError:
    return DataError(
        f"{path} is corrupt: {reason} (SHA-256 of its uncompressed bytes: {digest(content)}, "
        f"of the published file: {file.sha256})",
        hint=_replacement_hint(path),
    )


def _replacement_hint(path: Path) -> str:
    return f"delete {path.name} and fetch it again: pass download=True, or run `python -m pylms.data.download`"
