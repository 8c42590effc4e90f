"""The TreeLSTM trains natively as PyTorch trains it: the same losses, tree by tree."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from examples.lantern.treelstm import TreeLSTM, training  # noqa: E402
from examples.lantern.trees import Forest, draw_forest, draw_vectors, read_forest  # noqa: E402
from pylms import stageTensor  # noqa: E402

TREES = 25


def test_losses_are_pytorchs_for_twenty_five_trees(capsys: pytest.CaptureFixture[str]) -> None:
    forest = draw_forest(TREES)

    def losses(decorate: Callable[[Callable[[int], float]], Callable[[int], float]]) -> list[float]:
        torch.manual_seed(0)
        run = decorate(training(TreeLSTM(draw_vectors(forest, 20), hidden=100), forest, 2, every=1))
        last = run(0)
        found = [float(text) for text in re.findall(r"loss (\S+)", capsys.readouterr().out)]
        assert len(found) == 2 * TREES and found[-1] == pytest.approx(last, abs=1e-6)
        return found

    assert losses(stageTensor) == pytest.approx(losses(lambda run: run), rel=1e-4)


def test_trees_are_read_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "array_tree.txt"
    path.write_text("2\n3\n4 2 3\n-1 7 5\n1 -1 -1\n2 -1 -1\n1\n0\n9\n-1\n-1\n")
    forest = read_forest(path)
    assert isinstance(forest, Forest)
    assert [part.tolist() for part in forest] == [
        [0, 3],
        [4, 2, 3, 0],
        [-1, 7, 5, 9],
        [1, -1, -1, -1],
        [2, -1, -1, -1],
    ]
    assert read_forest(path, trees=1).roots.tolist() == [0]


def test_trees_that_are_drawn_are_trees() -> None:
    forest = draw_forest(20)
    ends = [*forest.roots[1:].tolist(), len(forest.labels)]
    for root, end in zip(forest.roots.tolist(), ends, strict=True):
        below = sorted([*forest.left[root:end].tolist(), *forest.right[root:end].tolist()])
        assert [child for child in below if child >= 0] == list(range(root + 1, end))
        assert all((forest.words[node] < 0) == (forest.left[node] >= 0) for node in range(root, end))


def test_what_is_no_tree_raises_what_python_raises() -> None:
    forest = draw_forest(4, most_words=5)
    torch.manual_seed(0)
    model = TreeLSTM(draw_vectors(forest, 8), hidden=6)

    def plain(count):
        total = 0.0
        for tree in range(count):
            _, _, loss = model(forest, forest.roots[tree])
            loss.backward()
            total += loss.item()
        return total

    native = stageTensor(plain)
    assert native(4) == pytest.approx(plain(4), rel=1e-5)
    inner = int((forest.left >= 0).nonzero()[0])
    leaf = int((forest.left < 0).nonzero()[0])
    changes = [
        (forest.left, inner, inner, RecursionError),
        (forest.right, inner, 10**6, IndexError),
        (forest.right, inner, -(10**6), IndexError),
        (forest.words, leaf, 10**6, IndexError),
        (forest.labels, leaf, 5, IndexError),
        (forest.labels, inner, -1, IndexError),
    ]
    for part, node, wrong, error in changes:
        right = int(part[node])
        part[node] = wrong
        for run in (plain, native):
            with pytest.raises(error):
                run(4)
        part[node] = right
    assert native(4) == pytest.approx(plain(4), rel=1e-5)
