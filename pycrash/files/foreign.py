"""Dumps of other makers, each made a core file in the cache, which drgn can read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pycrash.files.compressed import Progress
from pycrash.files.qemusave import is_saved_guest, saved_guest
from pycrash.files.sadump import BLOCK, firmware_dump, is_sadump
from pycrash.files.vmware import is_vmware, suspended_machine

#: Bytes of a file that tell whether it is one of these.
HEAD = 2 * BLOCK


def is_foreign(head: bytes) -> bool:
    """Whether a file that begins so (HEAD bytes) is in one of these formats."""
    return is_saved_guest(head) or is_vmware(head) or is_sadump(head)


def as_core(paths: Sequence[Path], progress: Progress | None = None, limit: int = 0) -> Path | None:
    """The core file of a dump that may have several parts; None where it is in none of these
    formats.

    `limit` is how many bytes the memory may become, 0 what is usual. Raises CrashError.
    """
    with open(paths[0], "rb") as file:
        head = file.read(HEAD)
    if is_saved_guest(head):
        return saved_guest(paths[0], progress, limit)
    if is_vmware(head):
        return suspended_machine(paths[0], progress, limit)
    if is_sadump(head):
        return firmware_dump(paths, progress, limit)
    return None
