"""Make the virtual environment `.venv` and install the package with extras: `python3 scripts/environment.py EXTRA...`.

In: the Python that runs this, `pyproject.toml`, the names of extras. Out: `.venv`, holding PyTorch, the package in
editable form, and the extras. Each step leaves a stamp in `.venv/stamps` when it has succeeded and is not done again
until what it depends on (this folder's place, `pyproject.toml`, PyTorch's version) changes. The syntax stays plain
enough for the oldest Python 3 to read, so that it can say it is too old.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

OLDEST_PYTHON = (3, 10)
# Installed on its own, first, so that nothing that merely depends on PyTorch chooses its version.
TORCH = "torch==2.13.0"
REPOSITORY = Path(__file__).resolve().parent.parent
ENVIRONMENT = REPOSITORY / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"


def main(extras: list[str]) -> None:
    """Do the steps that are not done yet, in order."""
    check_python()
    make_environment()
    install("torch", TORCH, [TORCH])
    definition = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    for extra in extras:
        install(extra, definition, ["--editable", f".[torch,{extra}]"])


def check_python() -> None:
    """Exit with advice unless this Python can make an environment that the package runs in."""
    if sys.version_info < OLDEST_PYTHON:
        wanted, found = (".".join(map(str, version[:2])) for version in (OLDEST_PYTHON, sys.version_info))
        sys.exit(
            f"Python {wanted} or newer is needed, {sys.executable} is {found}: "
            "install one and run `make PYTHON=/path/to/that/python3`"
        )
    if not all(importlib.util.find_spec(module) for module in ("venv", "ensurepip")):
        sys.exit(
            f"{sys.executable} has no venv module: install it (on Debian and Ubuntu: `apt install python3-venv`), "
            "then try again"
        )


def make_environment() -> None:
    """Make `.venv`, unless it is there, works, and was made at this place."""
    stamp = stamp_of("environment", str(REPOSITORY))
    if stamp.exists() and subprocess.call([str(PYTHON), "-c", ""], stderr=subprocess.DEVNULL) == 0:
        return
    say("making .venv with Python {}.{}.{}".format(*sys.version_info[:3]))
    run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)])
    leave(stamp)


def install(name: str, depends_on: str, arguments: list[str]) -> None:
    """Install with pip, unless that was done under `name` with the same `depends_on`."""
    stamp = stamp_of(name, depends_on)
    if stamp.exists():
        return
    say(f"installing {arguments[-1]}")
    run([str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments])
    leave(stamp)


def stamp_of(name: str, depends_on: str) -> Path:
    """The file whose existence says that the step `name` was done with these inputs."""
    digest = hashlib.sha256(depends_on.encode("utf-8")).hexdigest()[:16]
    return ENVIRONMENT / "stamps" / f"{name}-{digest}"


def leave(stamp: Path) -> None:
    """Record that a step is done."""
    stamp.parent.mkdir(exist_ok=True)
    stamp.touch()


def run(command: list[str]) -> None:
    """Run a command; exit where it fails, having said which."""
    # A venv or PYTHONPATH that is active in the caller's shell must not leak into the new environment.
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    status = subprocess.call(command, env=environment, cwd=str(REPOSITORY))
    if status != 0:
        sys.exit(f"failed with status {status}: {' '.join(command)}")


def say(message: str) -> None:
    """One line for each step."""
    print(f"== {message}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
