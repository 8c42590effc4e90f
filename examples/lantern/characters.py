"""What the character models read: windows of a text, each character predicting the next."""

import os
from pathlib import Path

import torch
from torch.utils.data import DataLoader, TensorDataset

VOCABULARY = 26
WINDOW, BATCH = 20, 20


def text_file():
    """`text/graham.txt` of the data folder, if it is there; else some English that is always there."""
    root = Path(__file__).parent.parent.parent
    folders = [Path(os.environ[name]) for name in ("PYLMS_DATA_DIR",) if name in os.environ] + [root / "data"]
    found = [path for folder in folders if (path := folder / "text" / "graham.txt").exists()]
    return found[0] if found else root / "LICENSE"


def windows(path, window=WINDOW):
    """The windows of the text's letters, and those a character later: two int64 tensors [windows, window]."""
    letters = [letter for letter in Path(path).read_text(encoding="utf-8").lower() if "a" <= letter <= "z"]
    numbers = torch.tensor([ord(letter) - ord("a") for letter in letters])
    found = numbers.unfold(0, window + 1, 1)
    return found[:, :-1].contiguous(), found[:, 1:].contiguous()


def loader(path=None, *, batches=None):
    """Batches in the text's order, all or so many: characters and those that follow them, [BATCH, WINDOW] each."""
    count = None if batches is None else batches * BATCH
    return DataLoader(
        TensorDataset(*(part[:count] for part in windows(path or text_file()))), batch_size=BATCH, drop_last=True
    )
