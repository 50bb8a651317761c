"""One dead kernel: its drgn program, and each subsystem built when first asked for."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import drgn

from pycrash.errors import MissingFeature, ReadError

if TYPE_CHECKING:
    from pycrash.kernel.tasks import TaskTable


class Kernel:
    """A kernel image: `prog` is the drgn Program, `vmlinux` and `dump` the files it came from."""

    def __init__(self, prog: drgn.Program, vmlinux: Path | None, dump: Path | None) -> None:
        self.prog = prog
        self.vmlinux = vmlinux
        self.dump = dump

    @cached_property
    def tasks(self) -> TaskTable:
        """Every task of the kernel."""
        from pycrash.kernel.tasks import TaskTable

        return TaskTable(self)

    @cached_property
    def word_size(self) -> int:
        """Bytes of an unsigned long."""
        platform = self.prog.platform
        wide = platform is None or platform.flags & drgn.PlatformFlags.IS_64_BIT
        return 8 if wide else 4

    def read(self, address: int, size: int, what: str = "kernel memory") -> bytes:
        """Read kernel virtual memory. Raises ReadError, which names `what`."""
        try:
            return self.prog.read(address, size)
        except drgn.FaultError as error:
            raise ReadError(error.address, what) from error

    def variable(self, name: str) -> drgn.Object:
        """A kernel variable. Raises MissingFeature where this kernel has none of that name."""
        try:
            return self.prog[name]
        except KeyError:
            raise MissingFeature(f"no symbol {name} in this kernel") from None

    def has_member(self, type_name: str, member: str) -> bool:
        """Whether a type exists in this kernel and has the member."""
        try:
            return self.prog.type(type_name).has_member(member)
        except LookupError:
            return False
