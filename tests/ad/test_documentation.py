"""The examples of docs/differentiation.md run, and print what they say."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "differentiation.md"


def test_the_page(tmp_path):
    pytest.importorskip("torch")
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    path = tmp_path / "page.py"
    path.write_text("\n".join(blocks))
    spec = importlib.util.spec_from_file_location("page", path)
    module = importlib.util.module_from_spec(spec)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        spec.loader.exec_module(module)
    said = [line.strip() for block in blocks for line in re.findall(r"(?:print\(.*\)  |^)# (.*)$", block, re.MULTILINE)]
    assert [line.strip() for line in printed.getvalue().splitlines()] == said
