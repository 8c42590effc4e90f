"""What all tests share: a compile cache of their own, patient property tests, and where MNIST is."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from pylms.data.mnist_files import MNIST_FILES, find_file, search_folders

# How fast the machine is must not decide whether a test passes.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


@pytest.fixture(scope="session", autouse=True)
def _compile_cache() -> Iterator[None]:
    """Keep compiled code out of the user's cache, and start from an empty one."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="pylms-tests-") as folder:
        patch.setenv("PYLMS_CACHE_DIR", folder)
        yield


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    """A root folder from which `datasets.MNIST` finds the real files; the test is skipped where they are not here."""
    root = Path(__file__).parent.parent / "data"
    data_dir = os.environ.get("PYLMS_DATA_DIR")
    folders = search_folders(root, Path(data_dir) if data_dir else None)
    if any(find_file(file, folders) is None for file in MNIST_FILES):
        pytest.skip("MNIST is not here: run `make data`")
    return root
