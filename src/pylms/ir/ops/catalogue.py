"""Every family of primitives, in one place: the only list that knows them all."""

from __future__ import annotations

from ..primitive import Primitive
from . import (
    arithmetic,
    array_nests,
    arrays,
    buffers,
    control,
    dicts,
    differentiation,
    elementary,
    functions,
    fusion,
    host,
    integers,
    lists,
    one_hot_products,
    random,
    tapes,
    tensor_calls,
    tensor_gathers,
    tensor_regions,
    tensors,
    texts,
    variables,
    windows,
)

PRIMITIVES: tuple[Primitive, ...] = (
    *arithmetic.PRIMITIVES,
    *integers.PRIMITIVES,
    *elementary.PRIMITIVES,
    *control.PRIMITIVES,
    *variables.PRIMITIVES,
    *functions.PRIMITIVES,
    *host.PRIMITIVES,
    *tensors.PRIMITIVES,
    *tensor_regions.PRIMITIVES,
    *one_hot_products.PRIMITIVES,
    *tensor_gathers.PRIMITIVES,
    *tensor_calls.PRIMITIVES,
    *windows.PRIMITIVES,
    *random.PRIMITIVES,
    *buffers.PRIMITIVES,
    *arrays.PRIMITIVES,
    *array_nests.PRIMITIVES,
    *differentiation.PRIMITIVES,
    *tapes.PRIMITIVES,
    *fusion.PRIMITIVES,
    *texts.PRIMITIVES,
    *lists.PRIMITIVES,
    *dicts.PRIMITIVES,
)

PRIMITIVES_BY_NAME: dict[str, Primitive] = {primitive.name: primitive for primitive in PRIMITIVES}
