"""Batches without a DataLoader: lists of them, generators and objects of the user's, shuffled by Python itself."""

from __future__ import annotations

import random

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402

from pylms import stageTensor  # noqa: E402
from pylms.errors import PylmsError, StagingError, TorchFeatureError  # noqa: E402
from pylms.ir.node import walk  # noqa: E402
from pylms.ir.ops.control import WHILE  # noqa: E402
from tests.torch_front.compare import Script, check  # noqa: E402
from tests.torch_front.programs import Program  # noqa: E402

_GENERATOR = torch.Generator().manual_seed(3)
DATA = [
    (torch.randn(size, 6, generator=_GENERATOR), torch.randint(0, 3, (size,), generator=_GENERATOR))
    for size in (4, 4, 4, 4, 2, 4)
]


class Shuffled:
    """A loader of the user's own, in an order that it keeps and shuffles."""

    def __init__(self) -> None:
        self.order = list(range(len(DATA)))
        self.numbers = random.Random(3)

    def __iter__(self):
        self.numbers.shuffle(self.order)
        for number in self.order:
            yield DATA[number]


ORDER = [0, 1, 2, 3, 4, 5]


def shuffled_by(order, scale=1.0):
    """Shuffles the caller's list, and a list of the module's."""
    random.shuffle(order)
    random.shuffle(ORDER)
    for number in order[:4]:
        x, y = DATA[number]
        yield {"x": x * scale, "y": y, "number": number, "first": ORDER[0]}


def test_all_ways_of_giving_batches():
    def make():
        model = nn.Linear(6, 3)
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        own, order = Shuffled(), list(range(6))
        ORDER[:] = range(6)

        def train(x, y):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            return loss.item()

        def run(epochs):
            total = 0.0
            for epoch in range(epochs):
                for x, y in DATA:
                    total += train(x, y)
                for i, pair in enumerate(own):
                    x, y = pair
                    print(i, f"{train(x, y):.5f}")
                for i, (x, y) in enumerate(own):
                    total += i * train(x, y)
                for i, pair in enumerate(reversed(DATA[:2])):
                    total += i * train(*pair)
                for batch in shuffled_by(order):
                    print(batch["number"], batch["first"], f"{train(batch['x'], batch['y']):.5f}")
                    if batch["number"] == 3:
                        break
                print(epoch, f"{total:.4f}")
            return total

        return Script(run, {"model": model, "optimizer": optimizer})

    check(make, 3)
    assert sorted(ORDER) == list(range(6))


def test_only_loops_that_train_are_native():
    """What goes over a few tensors otherwise is unrolled, and may change them."""
    tensors = [torch.zeros(2), torch.ones(2)]
    weight = nn.Parameter(torch.ones(2))

    def run(rounds):
        total = 0.0
        for _ in range(rounds):
            for tensor in tensors:
                tensor.add_(1)
            for tensor in tensors:
                total += (tensor * weight).sum().item()
        return total

    program = Program(run, [0])
    assert WHILE not in {node.primitive for node in walk(program.function.body)}
    assert program(1) == 6 and program(2) == 10 + 14
    assert tensors[0].tolist() == [3, 3]


def _refused(run) -> PylmsError:
    with pytest.raises(PylmsError) as caught:
        stageTensor(run)(2)
    assert caught.value.loc is not None and "# here" in caught.value.loc.text
    return caught.value


def test_what_the_program_keeps_is_not_changed_through_a_batch():
    weight = nn.Parameter(torch.ones(6))
    batches = [(x.clone(), y) for x, y in DATA]

    def run(_):
        for x, _y in batches:
            x.mul_(2)  # here
            (x * weight).sum().backward()

    def both(_):
        for x, y in batches:
            (x * weight).sum().backward()
        for x, y in batches:
            x.mul_(2)  # here
            (x * weight).sum().backward()

    error = _refused(run)
    assert isinstance(error, TorchFeatureError) and "a batch that the program keeps elsewhere" in str(error)
    assert "x = x * 2 for x.mul_(2)" in (error.hint or "")
    _refused(both)
    assert torch.equal(batches[0][0], DATA[0][0])


def test_a_generator_that_is_older_than_the_loop():
    weight = nn.Parameter(torch.ones(6))
    older = shuffled_by([0, 1, 2, 3])

    def run(epochs):
        for _ in range(epochs):
            for batch in older:  # here
                (batch["x"] * weight).sum().backward()

    error = _refused(run)
    assert isinstance(error, StagingError) and "the generator `shuffled_by` is older" in str(error)
    assert "for batch in batches(data)" in (error.hint or "")
