"""Translation by drgn's helpers, for any machine they know."""

from __future__ import annotations

from functools import cached_property

import drgn

from pycrash.kernel.core import pagetables
from pycrash.kernel.core.reader import Reader


class PageTables(pagetables.PageTables):
    """What drgn finds; the entries on the way it does not show."""

    def __init__(self, kernel: Reader, kernel_base: int | None) -> None:
        super().__init__(kernel)
        self._given_base = kernel_base

    @cached_property
    def kernel_base(self) -> int:
        if self._given_base is not None:
            return self._given_base
        return 0xFFF0000000000000 if self._kernel.word_size == 8 else 0xC0000000

    @cached_property
    def user_top(self) -> int:
        return self.kernel_base or self._kernel.word_mask + 1

    def kernel_physical(self, address: int) -> int | None:
        return self._follow(self._kernel.prog["init_mm"].address_of_(), address)

    def user_physical(self, mm: int, address: int) -> int | None:
        return self._follow(drgn.Object(self._kernel.prog, "struct mm_struct *", mm), address)

    def _follow(self, mm: drgn.Object, address: int) -> int | None:
        from drgn.helpers.linux.mm import follow_phys

        try:
            return int(follow_phys(mm, address).value_())
        except (drgn.FaultError, LookupError, NotImplementedError):
            return None
