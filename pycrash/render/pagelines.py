"""How page table entries and pages are shown."""

from __future__ import annotations

from collections.abc import Iterator

from pycrash.api.context import View
from pycrash.api.pagerows import PageHeading, PageRow, PteRow
from pycrash.api.rows import Part
from pycrash.errors import CrashError
from pycrash.render.columns import centered


def pte_lines(row: PteRow) -> Iterator[str]:
    """The lines of an entry. Raises CrashError, as crash ends there, for one of no swap area."""
    value = f"{row.value:x}"
    width = max(len(value), 3)
    name, value = centered("PTE", width), centered(value, width, "right")
    if row.physical is None:
        if not row.swap:
            yield Part(f"{name}  ")
            raise CrashError("cannot determine swap location")
        place, offset = row.swap, str(row.swap_offset)
        columns = max(len(place), 4), max(len(offset), 6)
        yield f"{name}  {centered('SWAP', columns[0])}  {centered('OFFSET', columns[1])}"
        yield (
            f"{value}  {centered(place, columns[0], 'right')}  "
            f"{centered(offset, columns[1], 'right')}"
        )
        return
    physical = f"{row.physical:x}"
    width = max(len(physical), 8)
    yield f"{name}  {centered('PHYSICAL', width)}  FLAGS"
    flags = "|".join(row.flags) if row.value else "no mapping"
    yield f"{value}  {centered(physical, width, 'right')}  ({flags})"


def page_heading(row: PageHeading, view: View) -> str:
    """The heading of a list of pages."""
    page = centered("PAGE", view.pointer_width)
    mapping = centered("MAPPING", view.pointer_width, "right")
    return f"{page} {'PHYSICAL':>{row.digits}} {mapping} {centered('INDEX', 8, 'right')}CNT FLAGS"


def page_line(row: PageRow, view: View) -> str:
    """The line of a page."""
    width = view.pointer_width
    names = f" {','.join(row.flag_names)}" if row.flag_names else ""
    return (
        f"{row.page:<{width}x} {row.physical:{row.digits}x} {row.mapping:{width}x} "
        f"{row.index:8x} {row.count:2} {row.flags:x}{names}"
    )
