"""torchvision's data sets and transforms, told by their names: stand-ins of the same names and attributes.

Nothing of torchvision is imported; where it is installed, the same classes are met.
"""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402
from torch import nn, optim  # noqa: E402
from torch.utils.data import DataLoader, Dataset  # noqa: E402

from pylms import stageTensor  # noqa: E402
from tests.torch_front.compare import Script, check  # noqa: E402


class _ImageSet(Dataset):
    """As `torchvision.datasets.mnist.MNIST`: `data` uint8 [N, H, W], `targets` int64 [N]."""

    def __init__(self, transform=None, target_transform=None):
        generator = torch.Generator().manual_seed(3)
        self.data = torch.randint(0, 256, (21, 4, 3), generator=generator, dtype=torch.uint8)
        self.targets = torch.randint(0, 3, (21,), generator=generator)
        self.transform, self.target_transform = transform, target_transform
        self.read = 0

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        self.read += 1
        image, target = self.data[index], int(self.targets[index])
        image = image if self.transform is None else self.transform(image)
        return image, target if self.target_transform is None else self.target_transform(target)


class _Compose:
    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, image):
        for transform in self.transforms:
            image = transform(image)
        return image


class _ToTensor:
    def __call__(self, image):
        return image.unsqueeze(0).to(torch.get_default_dtype()).div(255)


class _Normalize(nn.Module):
    def __init__(self, mean, std, inplace=False):
        super().__init__()
        self.mean, self.std, self.inplace = mean, std, inplace

    def forward(self, tensor):
        return tensor.clone().sub_(torch.as_tensor(self.mean)).div_(torch.as_tensor(self.std))


class _RandomInvert(nn.Module):
    """A transform that is not known."""

    def forward(self, tensor):
        return 1 - tensor if torch.rand(1).item() < 0.5 else tensor


def _renamed(kind: type, name: str, module: str) -> type:
    return type(name, (kind,), {"__module__": module})


MNIST = _renamed(_ImageSet, "MNIST", "torchvision.datasets.mnist")
FashionMNIST = _renamed(_ImageSet, "FashionMNIST", "torchvision.datasets.mnist")
USPS = _renamed(_ImageSet, "USPS", "torchvision.datasets.usps")
Compose = _renamed(_Compose, "Compose", "torchvision.transforms.transforms")
ToTensor = _renamed(_ToTensor, "ToTensor", "torchvision.transforms.transforms")
Normalize = _renamed(_Normalize, "Normalize", "torchvision.transforms.transforms")
RandomInvert = _renamed(_RandomInvert, "RandomInvert", "torchvision.transforms.transforms")


@pytest.fixture(autouse=True)
def _no_torchvision(monkeypatch) -> None:
    """Importing anything of torchvision fails: the package here is empty."""
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torchvision", ModuleType("torchvision"))


def _script(data: _ImageSet, **options: object) -> Script:
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    loader = DataLoader(data, **{"batch_size": 8, "shuffle": True, **options})

    def run(_):
        for i, (image, target) in enumerate(loader):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(image), target)
            loss.backward()
            optimizer.step()
            print(i, tuple(image.shape), f"{loss.item():.5f}")

    return Script(run, {"model": model})


@pytest.mark.parametrize("kind", [MNIST, FashionMNIST])
@pytest.mark.parametrize(
    "transform",
    [
        Compose([ToTensor(), Normalize((0.1307,), (0.3081,))]),
        Compose([Compose([ToTensor()]), Normalize([0.5], [0.5]), Normalize(torch.tensor([0.1]), torch.tensor([2.0]))]),
        ToTensor(),
    ],
    ids=["usual", "nested", "plain"],
)
def test_known_data_sets_are_read_natively(kind, transform):
    check(lambda: _script(kind(transform)))
    data = kind(transform)
    stageTensor(_script(data).run)(0)
    assert data.read == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda: MNIST(Compose([ToTensor(), RandomInvert()])),
        lambda: MNIST(ToTensor(), target_transform=lambda label: 2 - label),
        lambda: USPS(ToTensor()),
        lambda: _renamed(MNIST, "MyDigits", __name__)(ToTensor()),
    ],
    ids=["unknown transform", "target transform", "unknown set", "user's subclass"],
)
def test_others_are_read_by_python(make):
    check(lambda: _script(make()))
    data = make()
    stageTensor(_script(data).run)(0)
    assert data.read >= len(data)


def test_a_transform_put_in_between_calls():
    def put(things):
        things["data"].transform = Compose([ToTensor(), Normalize((0.5,), (0.5,))])

    def make():
        data = MNIST(ToTensor())
        script = _script(data)
        return Script(script.run, {**script.things, "data": data})

    results = []
    for compiled in (False, True):
        torch.manual_seed(1)
        script = make()
        run = stageTensor(script.run) if compiled else script.run
        run(0)
        put(script.things)
        run(0)
        results.append(script.things["model"][1].weight.detach())
    torch.testing.assert_close(*results)
