"""Many pages at once look as each of them alone."""

from __future__ import annotations

import numpy as np
import pytest

from pycrash.api.context import View
from pycrash.api.pagerows import PageColumns, PageRow
from pycrash.kernel.mm.pagearray import PagePiece
from pycrash.render.pagelines import page_line
from pycrash.render.pagetable import page_lines
from pycrash.settings import Settings

KIND = [("mapping", "<u8"), ("offset", "<u8"), ("users", "<i4"), ("flags", "<u8")]
MEMBERS = [
    (0, 0, 0, 0),
    (0xFFFF888000001234, 0x12345678, 1, 5),
    (1, 0x123456789, 100, 1 << 60),
    (0, 1 << 63, -1, 4),
    (0xFF, 0, 12345, 1),
]


@pytest.mark.parametrize("digits", [8, 9, 11])
def test_lines_are_those_of_single_pages(digits: int) -> None:
    piece = PagePiece(0xFFFFEA0000000000, 0x3FFFE000, 64, 4096, np.array(MEMBERS, KIND))
    view = View(Settings())

    def names(flags: int) -> tuple[str, ...]:
        return tuple(name for bit, name in ((1, "locked"), (4, "dirty")) if flags & bit)

    row = PageColumns(piece, names, digits)
    single = [page_line(one, view) for one in row.rows() if isinstance(one, PageRow)]
    assert page_lines(row, view).split("\n") == single
    assert len(single) == len(MEMBERS)
