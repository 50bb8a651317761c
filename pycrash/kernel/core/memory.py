"""Reads of the dead machine's memory, and why one failed, as crash tells it.

What drgn can read it reads. Only what it cannot is looked at page by page: whether the address
is one at all, whether it is mapped, and whether the dump has the page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import drgn

from pycrash.errors import ReadError
from pycrash.kernel.core.reader import Reader

if TYPE_CHECKING:
    from pycrash.kernel.core.pagetables import PageTables

KERNEL = "kernel virtual address"
USER = "user virtual address"
PHYSICAL = "physical address"
FILE = "dumpfile address"


class Memory:
    """Kernel, user and physical memory, and the bytes of the dump file.

    With `zero_excluded`, pages that makedumpfile left out read as zeros.
    """

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self.zero_excluded = False

    @property
    def _tables(self) -> PageTables:
        return self._kernel.arch.tables

    def is_kernel(self, address: int) -> bool:
        """Whether an address is one of the kernel's, by its value alone."""
        return self._tables.kernel_base <= address <= self._kernel.word_mask

    def is_user(self, address: int) -> bool:
        """Whether an address may be one of user space, by its value alone."""
        return 0 <= address < self._tables.user_top

    def read_slowly(self, address: int, size: int, what: str) -> bytes:
        """Kernel virtual memory, page by page: for `Kernel.read`, where drgn found a fault.

        Raises ReadError.
        """
        if not self.is_kernel(address):
            raise ReadError(address, what, "invalid", KERNEL)
        return self._pages(address, size, what, KERNEL, self._tables.kernel_physical)

    def read_user(self, task: int, address: int, size: int, what: str) -> bytes:
        """User memory of a task, by the address of its task_struct. Raises ReadError."""
        if not self.is_user(address):
            raise ReadError(address, what, "invalid", USER)
        task_type = self._kernel.prog.type("struct task_struct")
        mm = self._kernel.read_word(task + drgn.offsetof(task_type, "mm"), "mm_struct pgd")

        def translate(at: int) -> int | None:
            return self._tables.user_physical(mm, at)

        return self._pages(address, size, what, USER, translate)

    def read_physical(self, address: int, size: int, what: str) -> bytes:
        """Physical memory. Raises ReadError."""
        try:
            return self._kernel.prog.read(address, size, physical=True)
        except (drgn.FaultError, OverflowError):
            return self._pages(address, size, what, PHYSICAL, lambda at: at)

    def read_file(self, offset: int, size: int, what: str) -> bytes:
        """Bytes of the dump file. Raises ReadError where it has none there."""
        if self._kernel.dump is None:
            raise ReadError(offset, what, "read error", FILE)
        try:
            with open(self._kernel.dump, "rb") as file:
                file.seek(offset)
                data = file.read(size)
        except (OSError, OverflowError, ValueError) as error:
            raise ReadError(offset, what, "seek error", FILE) from error
        if len(data) < size:
            raise ReadError(offset, what, "read error", FILE)
        return data

    def _pages(
        self,
        address: int,
        size: int,
        what: str,
        space: str,
        translate: Callable[[int], int | None],
    ) -> bytes:
        """Memory of some kind, page by page. Raises ReadError for the first that fails."""
        found = []
        page = self._kernel.page_size
        while size > 0:
            physical = translate(address)
            if physical is None:
                raise ReadError(address, what, "invalid", space)
            count = min(size, page - physical % page)
            found.append(self._page(physical, count, address, what, space))
            address += count
            size -= count
        return b"".join(found)

    def _page(self, physical: int, count: int, address: int, what: str, space: str) -> bytes:
        try:
            return self._kernel.prog.read(physical, count, physical=True)
        except OverflowError:
            reason = "seek error"
        except drgn.FaultError as error:
            reason = self._reason(physical, str(error))
        if reason == "page excluded" and self.zero_excluded:
            return bytes(count)
        raise ReadError(address, what, reason, space)

    def _reason(self, physical: int, message: str) -> str:
        """Why a physical address cannot be read; `message` is drgn's word on it."""
        file = self._kernel.dump_file
        state = file.page_state(physical) if file is not None else None
        if state == "excluded" or (state is None and "Excluded page" in message):
            return "page excluded"
        if state == "absent" or "Out-of-bounds" in message:
            return "seek error"
        return "read error"
