"""`python -m tests.language`: write docs/language.md from the rows."""

from pathlib import Path

from .rows import page

PAGE = Path(__file__).parent.parent.parent / "docs" / "language.md"

if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
