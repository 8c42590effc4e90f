"""`python -m tests.torch_coverage`: write docs/pytorch.md from the rows."""

from pathlib import Path

from .page import page

PAGE = Path(__file__).parent.parent.parent / "docs" / "pytorch.md"

if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
