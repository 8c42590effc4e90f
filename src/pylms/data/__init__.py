"""Data sets and transforms under torchvision's names, for when torchvision is not installed.

`from pylms.data import datasets, transforms` stands in for the same import from torchvision. Both submodules need
PyTorch and import it; this package and `pylms.data.download` do not.
"""
