"""Dumps of other makers, each made a core file in the cache, which drgn can read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pycrash.files.compressed import Progress
from pycrash.files.guestdump import debugged_guest, is_guest_dump
from pycrash.files.qemusave import is_saved_guest, saved_guest
from pycrash.files.sadump import BLOCK, firmware_dump, is_sadump
from pycrash.files.vmware import is_vmware, suspended_machine

Maker = Literal["QEMU", "VMware", "sadump"]

#: Bytes of a file that tell whether it is one of these.
HEAD = 2 * BLOCK


def maker_of(head: bytes) -> Maker | None:
    """Who made a file that begins so (HEAD bytes); None for what is in none of these formats."""
    if is_saved_guest(head):
        return "QEMU"
    if is_vmware(head) or is_guest_dump(head):
        return "VMware"
    return "sadump" if is_sadump(head) else None


def as_core(
    paths: Sequence[Path], progress: Progress | None = None, limit: int = 0
) -> tuple[Path, Maker] | None:
    """The core file of a dump that may have several parts, and who made the dump; None where it
    is in none of these formats.

    `limit` is how many bytes the memory may become, 0 what is usual. Raises CrashError.
    """
    with open(paths[0], "rb") as file:
        head = file.read(HEAD)
    maker = maker_of(head)
    if maker is None:
        return None
    if maker == "sadump":
        return firmware_dump(paths, progress, limit), maker
    if maker == "QEMU":
        return saved_guest(paths[0], progress, limit), maker
    make = debugged_guest if is_guest_dump(head) else suspended_machine
    return make(paths[0], progress, limit), maker
