"""The passes that bring a function into what this backend emits: loop nests instead of tensor operations.

In: a function after differentiation and the tensor passes. Out: one whose tensor operations are loop nests that
write where their results are to go, matrix products, and names for memory that exists.
"""

from __future__ import annotations

from ...passes.accumulate_products import AccumulateProducts
from ...passes.dce import EliminateDeadCode
from ...passes.fuse import Fuse
from ...passes.merge_nests import MergeNests
from ...passes.on_tensors import OnTensors
from ...passes.one_hot_products import OneHotProducts
from ...passes.place import Place
from ...passes.prune_nests import PruneNests
from ...passes.share_transposes import ShareTransposes
from ...passes.sum_products import SumProducts
from ..base import FunctionPass

# In this order: one-hot matrices leave products, and products the sums, those that are stored first, while these are
# still tensor operations, and what is left of such sums goes; nests merge while they are pure, and without results that
# only the merged nest uses; then they are given their destinations.
PASSES: tuple[FunctionPass, ...] = tuple(
    OnTensors(each)
    for each in (
        OneHotProducts(),
        AccumulateProducts(),
        EliminateDeadCode(),
        SumProducts(),
        ShareTransposes(),
        Fuse(),
        MergeNests(),
        PruneNests(),
        Place(),
        PruneNests(),
    )
)
