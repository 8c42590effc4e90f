"""Why the disk cache had nothing: which parts of the key differ from what was compiled before (DESIGN D17).

In: the parts of a key, by name, and a label for what they belong to. Out: a sentence. Beside each entry lies a file
with its label and a digest of each part, by which entries of one label are compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..late import late_module
from .cache_key import KeyPart, cache_key

if TYPE_CHECKING:
    import json
else:
    json = late_module("json")

_PARTS_NAME = "parts"


def record_parts(folder: Path, label: str, parts: Mapping[str, KeyPart]) -> None:
    """Leave in an entry's folder what its key was made of."""
    (folder / _PARTS_NAME).write_text(json.dumps({"label": label, "parts": _digests(parts)}))


def explain_miss(directory: Path, label: str, parts: Mapping[str, KeyPart], *, built: Path) -> str:
    """What is new about a key: compared with the entry of that label that is most like it, `built` left out."""
    wanted = _digests(parts)
    differences = [
        [name for name, digest in wanted.items() if known.get(name) != digest]
        for known in _known_parts(directory, label, built)
    ]
    if not differences:
        return f"{label} was never compiled before, with this cache"
    fewest = min(differences, key=len)
    return f"{label} was compiled before with another {' and '.join(sorted(fewest)) or 'entry, which is damaged'}"


def _digests(parts: Mapping[str, KeyPart]) -> dict[str, str]:
    return {name: cache_key({name: part}) for name, part in parts.items()}


def _known_parts(directory: Path, label: str, built: Path) -> list[dict[str, str]]:
    found = []
    for record in directory.glob(f"??/*/{_PARTS_NAME}"):
        with suppress(OSError, ValueError, KeyError):
            content = json.loads(record.read_text())
            if content["label"] == label and record.parent != built:
                found.append(content["parts"])
    return found
