"""Members of struct page, of one page or of all, as rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pycrash.api.fields import Address
from pycrash.api.rows import Begin, Bundle, Row, quick
from pycrash.errors import CrashError
from pycrash.kernel.mm.pagearray import PageArray
from pycrash.kernel.mm.pagemembers import PageMember, PageMembers
from pycrash.kernel.mm.pages import Pages

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel


@dataclass(frozen=True)
class PageMembersBegin(Begin):
    """Members of pages follow."""

    names: tuple[str, ...]


@quick
@dataclass(frozen=True)
class PageMembersRow(Row, kind="page.members"):
    """Members of the struct page `page`: numbers, pointers as strings, and lists of numbers of
    structures."""

    page: Address
    members: dict[str, Any]


@dataclass(frozen=True)
class PageMemberColumns(Bundle):
    """Members of successive struct pages: the address of the first, the bytes from one to the
    next, and for each member its values."""

    page: int
    size: int
    members: Sequence[PageMember]
    columns: Sequence[Sequence[Any]]

    def rows(self) -> Iterator[Row]:
        names = [member.name for member in self.members]
        plain = [_plain(m, c) for m, c in zip(self.members, self.columns, strict=True)]
        for number, values in enumerate(zip(*plain, strict=True)):
            address = self.page + number * self.size
            yield PageMembersRow(address, dict(zip(names, values, strict=True)))


def _plain(member: PageMember, values: Sequence[Any]) -> Sequence[Any]:
    """The values of a member as JSON has them."""
    if member.kind == "pointer":
        return [f"{value:#x}" for value in values]
    if member.kind == "truth":
        return [bool(value) for value in values]
    return values


def members_of(kernel: Kernel, names: Sequence[str]) -> list[PageMember]:
    """The members of these names. Raises CrashError for one that struct page has not."""
    return [kernel.part(PageMembers).get(name) for name in names]


def every_page_members(kernel: Kernel, members: Sequence[PageMember]) -> Iterator[Row]:
    """Members of all pages. Raises CrashError for one that cannot be shown, and ReadError."""
    yield PageMembersBegin(tuple(member.name for member in members))
    for page, _, data in kernel.part(PageArray).raw():
        yield _columns(kernel, members, page, data)


def page_members(kernel: Kernel, members: Sequence[PageMember], page: int) -> Row:
    """Members of one struct page. Raises CrashError for one that cannot be shown, ReadError."""
    data = kernel.read(page, kernel.part(Pages).size, "virtual page struct cache")
    return _columns(kernel, members, page, data)


def _columns(
    kernel: Kernel, members: Sequence[PageMember], page: int, data: bytes
) -> PageMemberColumns:
    for member in members:
        if member.kind == "other" or member.size % member.word or member.word == 1 < member.size:
            raise CrashError(f"unsupported page member reference: page.{member.name}")
    reader, size = kernel.part(PageMembers), kernel.part(Pages).size
    columns = [reader.values(data, member, size) for member in members]
    return PageMemberColumns(page, size, members, columns)
