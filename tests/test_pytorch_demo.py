"""`pytorch_demo.py`, run as a user runs it, on a small data set."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.data.idx_writer import TEST_NAMES, TRAIN_NAMES, write_set

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """A data folder of 6,100 training and 20 test images."""
    folder = tmp_path_factory.mktemp("data")
    write_set(folder / "mnist", TRAIN_NAMES, 6_100)
    write_set(folder / "mnist", TEST_NAMES, 20)
    return folder


def run_demo(data_dir: Path, *arguments: str) -> list[str]:
    """The lines the demo prints."""
    environment = {**os.environ, "PYLMS_DATA_DIR": str(data_dir), "PYTHONPATH": str(REPOSITORY / "src")}
    command = [sys.executable, str(REPOSITORY / "pytorch_demo.py"), *arguments]
    run = subprocess.run(command, env=environment, cwd=data_dir, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


def test_logs_every_6000_samples_and_ends_with_the_accuracy(data_dir):
    lines = run_demo(data_dir, "--batch-size", "64", "--epochs", "2", "--lr", "0.01", "--seed", "7")
    patterns = [
        r"Train Epoch: 1 \[6016/6100 \(99%\)\]\tLoss: \d\.\d{6}",
        r"Train Epoch: 2 \[6016/6100 \(99%\)\]\tLoss: \d\.\d{6}",
        r"Training took \d+\.\d s",
        r"Test set: Accuracy: \d+/20 \(\d+\.\d\d%\)",
    ]
    assert len(lines) == len(patterns)
    for line, pattern in zip(lines, patterns, strict=True):
        assert re.fullmatch(pattern, line), line


def test_same_seed_gives_the_same_losses(data_dir):
    losses = [run_demo(data_dir, "--batch-size", "100", "--seed", seed)[0] for seed in ("1", "1", "2")]
    assert losses[0] == losses[1] != losses[2]
    assert losses[0].startswith("Train Epoch: 1 [6000/6100 (98%)]")
