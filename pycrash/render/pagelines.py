"""How page table entries and pages are shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pycrash.api.context import View
from pycrash.api.pagememberrows import PageMemberColumns, PageMembersBegin
from pycrash.api.pagerows import PageHeading, PageRow, PteRow
from pycrash.api.rows import Part
from pycrash.errors import CrashError
from pycrash.kernel.mm.pagemembers import PageMember
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


def members_heading(row: PageMembersBegin, view: View) -> str:
    """The heading of members of pages."""
    return "  ".join((centered("PAGE", view.pointer_width), *row.names))


def member_lines(row: PageMemberColumns, view: View) -> str:
    """The lines of all the pages of a row, with newlines between them."""
    columns = [
        [_member_form(member, view).format(value) for value in values]
        if member.kind == "integer" or member.kind == "pointer"
        else [_member_text(member, value, view) for value in values]
        for member, values in zip(row.members, row.columns, strict=True)
    ]
    pages = (f"{row.page + n * row.size:x}  " for n in range(len(columns[0])))
    return "\n".join(map("".join, zip(pages, *columns, strict=True)))


def _member_form(member: PageMember, view: View) -> str:
    """How a number or a pointer is shown: crash forgets the blanks behind one of these."""
    decimal = member.name.startswith(("_count", "_mapcount")) or view.radix == 10
    if member.kind == "pointer":
        return f"{{:0{view.pointer_width}x}}  "
    if decimal and member.name != "flags":
        return "{}  "
    return f"{{:0{2 * member.size}x}}{'' if member.signed and member.size == 8 else '  '}"


def _member_text(member: PageMember, value: Any, view: View) -> str:
    """How a structure or a truth value is shown."""
    if member.kind == "truth":
        return f"{value}" if value > 1 else f"{str(bool(value)).lower()}  "
    if member.name.startswith(("_count", "_mapcount")):
        return f"{_signed(value[0])}  "
    text = ",".join(f"{word:0{2 * member.word}x}" for word in value)
    return text if member.word == 4 else f"{text}  "


def _signed(word: int) -> int:
    """A C int, of which all bits are given."""
    return (word + (1 << 31)) % (1 << 32) - (1 << 31)
