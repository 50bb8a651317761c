"""What files hold, as far as their pages are cached and in the dump."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.mm.folios import Folios
from pycrash.kernel.mm.pages import Pages
from pycrash.kernel.vfs.inodes import Inode
from pycrash.kernel.vfs.pagecache import PageCache

#: More pages than a large folio is read of at once.
_MOST_PAGES = 1 << 18


class FileContent:
    """Reads files out of the page cache."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    def pieces(
        self, inode: Inode, problem: Callable[[CrashError], None]
    ) -> Iterator[tuple[int, bytes]]:
        """(place in the file, bytes) of each cached page within the file's size, in order.

        A page that is not in the dump is passed to `problem`. Raises ReadError for a tree of
        pages that cannot be read.
        """
        size = self._kernel.page_size
        for entry in self._kernel.part(PageCache).entries(inode.mapping):
            if not entry:
                continue
            try:
                for place, physical in self._of_folio(entry):
                    if 0 <= place < inode.size:
                        length = min(size, inode.size - place)
                        yield place, self._page(physical, length)
            except CrashError as error:
                problem(error)

    def _of_folio(self, entry: int) -> Iterator[tuple[int, int]]:
        """The place in the file and the physical address of each page of a folio."""
        pages = self._kernel.part(Pages)
        physical = pages.physical(entry)
        if physical is None:
            raise ReadError(entry, "page cache entry", "invalid")
        page = pages.get(physical)
        count = min(self._kernel.part(Folios).pages(page), _MOST_PAGES)
        size = self._kernel.page_size
        for number in range(count):
            yield (page.offset + number) * size, physical + number * size

    def _page(self, physical: int, length: int) -> bytes:
        return self._kernel.memory.read_physical(physical, length, "page cache page")
