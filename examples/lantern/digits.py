"""What the convolutional models read: the MNIST digits, normalised, in batches."""

from pathlib import Path

from torch.utils.data import DataLoader, Subset

from pylms.data import datasets, transforms

MEAN, DEVIATION = 0.1307, 0.3081
ROOT = Path(__file__).parent.parent.parent / "data"


def loader(batch, *, train=True, samples=None):
    """Batches in the files' order, of all the digits or the first so many: images [batch, 1, 28, 28] and classes."""
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((MEAN,), (DEVIATION,))])
    digits = datasets.MNIST(str(ROOT), train=train, download=True, transform=transform)
    return DataLoader(digits if samples is None else Subset(digits, range(samples)), batch_size=batch)
