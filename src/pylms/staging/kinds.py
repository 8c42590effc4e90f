"""What kind of staged value something is, told by its IR type: the classes that stand for it need not be loaded."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeGuard

from ..ir.types import ArrayType, ContainerType, DictType, ListType, TextType
from .rep import StagedValue

if TYPE_CHECKING:
    from .arrays import StagedArray
    from .containers.dicts import StagedDict, StagedView
    from .containers.lists import StagedList
    from .containers.strings import StagedStr


def is_staged_array(value: object) -> TypeGuard[StagedArray]:
    """Whether it is an array of the run."""
    return isinstance(value, StagedValue) and isinstance(value.atom.type, ArrayType)


def is_known_array(value: object) -> bool:
    """Whether it is a NumPy array of generation time. NumPy is not imported to find out."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.ndarray)


def is_tensor(value: object) -> bool:
    """Whether it is a tensor of PyTorch's, which is not imported to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def is_staged_list(value: object) -> TypeGuard[StagedList]:
    """Whether it is a list of the run."""
    return isinstance(value, StagedValue) and isinstance(value.atom.type, ListType)


def is_staged_dict(value: object) -> TypeGuard[StagedDict]:
    """Whether it is a dict of the run."""
    return isinstance(value, StagedValue) and isinstance(value.atom.type, DictType)


def is_staged_text(value: object) -> TypeGuard[StagedStr]:
    """Whether it is a string of the run."""
    return isinstance(value, StagedValue) and isinstance(value.atom.type, TextType)


def has_staged_length(value: object) -> TypeGuard[StagedList | StagedDict | StagedStr]:
    """Whether it is a list, dict or string of the run."""
    return isinstance(value, StagedValue) and isinstance(value.atom.type, (TextType, ContainerType))


class DictView:
    """A view of a dict of the run: its keys, values or items."""

    __slots__ = ()


def is_staged_view(value: object) -> TypeGuard[StagedView]:
    """Whether it is such a view."""
    return isinstance(value, DictView)


def is_staged_container(value: object) -> TypeGuard[StagedList | StagedDict | StagedStr | StagedView]:
    """Whether it is a list, dict, view of one, or string of the run."""
    return has_staged_length(value) or isinstance(value, DictView)
