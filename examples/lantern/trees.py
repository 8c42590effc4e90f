"""What the TreeLSTM reads: binary parse trees of sentences, every node of which tells how positive it is."""

import os
import random
from pathlib import Path
from typing import NamedTuple

import torch

CLASSES = 5
VECTOR = 300
LEAF = -1
"""Stands for the children of a leaf, and for the word of an inner node."""


class Forest(NamedTuple):
    """Trees as int64 tensors: the number of each tree's root; of every node, label, word and children."""

    roots: torch.Tensor
    labels: torch.Tensor
    words: torch.Tensor
    left: torch.Tensor
    right: torch.Tensor


def trees_file():
    """`sst/array_tree.txt` of the data folder, the dev trees of the Stanford Sentiment Treebank, if it is there."""
    root = Path(__file__).parent.parent.parent
    folders = [Path(os.environ[name]) for name in ("PYLMS_DATA_DIR",) if name in os.environ] + [root / "data"]
    return next((path for folder in folders if (path := folder / "sst" / "array_tree.txt").exists()), None)


def read_forest(path=None, *, trees=None):
    """All trees of a file, or so many; some that are drawn where there is no file.

    After the number of trees come five lines a tree: its size, labels, words, left and right children.
    """
    path = path or trees_file()
    if path is None:
        return draw_forest(trees or 200)
    lines = [[int(number) for number in line.split()] for line in Path(path).read_text().splitlines()[1:]]
    return join([lines[first + 1 : first + 5] for first in range(0, len(lines), 5)][:trees])


def draw_forest(trees, *, most_words=20, vocabulary=100, seed=1):
    """So many trees of random shapes, words and labels, always the same ones."""
    draw = random.Random(seed)
    return join([draw_tree(draw, draw.randint(1, most_words), vocabulary) for _ in range(trees)])


def draw_tree(draw, words, vocabulary):
    """Labels, words, left and right children of the nodes of a tree over so many words."""
    tree = [[draw.randrange(CLASSES)], [LEAF], [LEAF], [LEAF]]
    if words == 1:
        tree[1] = [draw.randrange(vocabulary)]
        return tree
    for side, count in enumerate((first := draw.randint(1, words - 1), words - first)):
        start = len(tree[0])
        tree[2 + side][0] = start
        labels, below, left, right = draw_tree(draw, count, vocabulary)
        tree[0] += labels
        tree[1] += below
        tree[2] += moved(left, start)
        tree[3] += moved(right, start)
    return tree


def join(trees):
    """One forest of trees, each of which counts its nodes from 0."""
    roots, columns = [], [[], [], [], []]
    for labels, words, left, right in trees:
        root = len(columns[0])
        roots.append(root)
        for column, part in zip(columns, (labels, words, moved(left, root), moved(right, root)), strict=True):
            column += part
    return Forest(*map(torch.tensor, (roots, *columns)))


def moved(children, start):
    return [child if child == LEAF else start + child for child in children]


def draw_vectors(forest, size=VECTOR):
    """A vector for each word, always the same ones."""
    return 0.4 * torch.randn(int(forest.words.max()) + 1, size, generator=torch.Generator().manual_seed(1))
