"""The sections of docs/pytorch.md in their order, and the page that they make."""

from __future__ import annotations

from . import (
    rows_elementwise,
    rows_indexing,
    rows_loaders,
    rows_losses,
    rows_modules,
    rows_normalize,
    rows_recurrent,
    rows_reductions,
    rows_shape,
    rows_training,
    rows_windows,
    rows_written_out,
)
from .rows import Section

SECTIONS: tuple[Section, ...] = (
    rows_elementwise.SECTION,
    rows_shape.SHAPES,
    rows_shape.JOINING,
    rows_shape.CHOOSING,
    rows_indexing.READING,
    rows_indexing.WRITING,
    rows_reductions.REDUCTIONS,
    rows_reductions.PRODUCTS,
    rows_losses.CREATION,
    rows_losses.ACTIVATIONS,
    rows_losses.LOSSES,
    rows_modules.SECTION,
    rows_normalize.SECTION,
    rows_recurrent.SECTION,
    rows_windows.SECTION,
    rows_written_out.RESIZING,
    rows_written_out.SEVERAL,
    rows_written_out.DISTRIBUTIONS,
    rows_training.SECTION,
    rows_loaders.SECTION,
)


def page() -> str:
    """docs/pytorch.md."""
    lines = [
        "# PyTorch",
        "",
        "What of PyTorch can be staged with `@stageTensor`. Each *yes* is a program that runs natively and by PyTorch,",
        "compared in value and gradient; each *no* one that raises the error given, at the line that asks for it. The",
        "programs stand in `tests/torch_coverage/`, which the tests run; `python -m tests.torch_coverage` writes this",
        "page from them. Unless a note says otherwise, functions, methods and operators of one name are meant alike.",
        "",
        'With `@stageTensor(fallback="torch")` the compiled code calls PyTorch for functions that are not staged, and',
        "for their derivatives, where the shape of what they give is known and they draw no random numbers.",
    ]
    for section in SECTIONS:
        lines += section.lines()
    return "\n".join(lines) + "\n"
