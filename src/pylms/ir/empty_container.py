"""What variables of strings and containers hold before they are set."""

from __future__ import annotations

from ..loc import Loc
from .builder import Builder
from .node import Node
from .ops.dicts import DICT_NEW
from .ops.lists import LIST_NEW
from .ops.texts import TEXT_VALUE
from .types import DictType, ListType, TextType


def empty_container(builder: Builder, type_: TextType | ListType | DictType, loc: Loc) -> Node:
    """A node that gives the empty string, or a new empty container; it is not appended."""
    match type_:
        case TextType():
            return builder.node(TEXT_VALUE, [], loc=loc, attrs={"value": ""})
        case ListType():
            return builder.node(LIST_NEW, [], loc=loc, attrs={"type": type_})
        case DictType():
            return builder.node(DICT_NEW, [], loc=loc, attrs={"type": type_})
