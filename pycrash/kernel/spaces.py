"""Kernel addresses told from others, and memory that is not the kernel's own.

What is read here: a task's user memory through its page tables (struct mm_struct), and the
bytes of the dump file itself.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import drgn

from pycrash.errors import CrashError, ReadError

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel


@lru_cache(maxsize=4)
def kernel_base(kernel: Kernel) -> int:
    """The lowest virtual address that belongs to the kernel."""
    platform = kernel.prog.platform
    arch = platform.arch if platform is not None else drgn.Architecture.UNKNOWN
    if arch == drgn.Architecture.X86_64:
        # Since 4.8 the base moves at each boot where KASLR is on.
        try:
            return kernel.read_word(kernel.symbols.address("page_offset_base"))
        except CrashError:
            return 0xFFFF888000000000 if kernel.symbols.exists("pti_init") else 0xFFFF880000000000
    if arch in (drgn.Architecture.S390, drgn.Architecture.S390X):
        return 0
    if arch == drgn.Architecture.PPC64:
        return 0xC000000000000000
    if kernel.word_size == 8:
        return 0xFFF0000000000000
    return 0xC0000000


def is_kernel_address(kernel: Kernel, address: int) -> bool:
    """Whether an address is one of the kernel's, by its value alone."""
    return kernel_base(kernel) <= address <= kernel.word_mask


def read_user(kernel: Kernel, task: int, address: int, size: int, what: str) -> bytes:
    """Memory of a task's user space. Raises ReadError."""
    from drgn.helpers.linux.mm import access_remote_vm

    space = "user virtual address"
    try:
        mm = drgn.Object(kernel.prog, "struct task_struct *", task).mm.read_()
        if not mm or is_kernel_address(kernel, address):
            raise ReadError(address, what, "invalid", space)
        return access_remote_vm(mm, address, size)
    except drgn.FaultError as error:
        place = error.address if address <= error.address < address + size else address
        raise ReadError(place, what, "invalid", space) from error


def read_dump_file(kernel: Kernel, offset: int, size: int, what: str) -> bytes:
    """Bytes of the dump file. Raises ReadError where it has none there."""
    space = "file offset"
    if kernel.dump is None:
        raise ReadError(offset, what, "invalid", space)
    try:
        with open(kernel.dump, "rb") as file:
            file.seek(offset)
            data = file.read(size)
    except (OSError, OverflowError, ValueError) as error:
        raise ReadError(offset, what, "read error", space) from error
    if len(data) < size:
        raise ReadError(offset, what, "read error", space)
    return data
