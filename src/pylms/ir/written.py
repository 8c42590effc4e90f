"""Which array parameters a function writes into: what a call must know of the arrays it is given.

In: a function as staging built it. Out: the parameters whose memory it may write, each with where it is first written.
An array that came through a variable or a block may be any parameter of its region.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..late import late_module
from ..loc import Loc
from .node import Atom, Function, Node, Sym, walk
from .types import ArrayType, Region

if TYPE_CHECKING:
    from .ops import array_nests, arrays
else:
    array_nests = late_module("pylms.ir.ops.array_nests")
    arrays = late_module("pylms.ir.ops.arrays")


def written_parameters(function: Function) -> dict[Sym, Loc]:
    """The array parameters that may be written, and where first."""
    of_region: dict[Region, list[Sym]] = {}
    for param in function.params:
        if isinstance(param.type, ArrayType):
            of_region.setdefault(param.type.region, []).append(param)
    if not of_region:
        return {}
    origins: dict[Atom, list[Sym]] = {param: [param] for params in of_region.values() for param in params}
    written: dict[Sym, Loc] = {}
    for node in walk(function.body):
        if node.primitive in (arrays.ARRAY_NEW, array_nests.ARRAY_BUILD, arrays.ARRAY_OF_BUFFER):
            origins[node.results[0]] = []
        elif node.primitive in arrays.VIEWS and node.args[0] in origins:
            origins[node.results[0]] = origins[node.args[0]]
        for region in _regions_written_here(node):
            for array in [arg for arg in node.args if isinstance(arg.type, ArrayType) and arg.type.region == region]:
                for param in origins.get(array, of_region.get(region, [])):
                    written.setdefault(param, node.loc)
    return written


def _regions_written_here(node: Node) -> set[Region]:
    """The regions that the node itself writes, not a node within its blocks."""
    inner = {place for block in node.blocks for each in block.nodes for place in each.effect.writes}
    return {place for place in node.effect.writes if isinstance(place, Region) and place not in inner}
