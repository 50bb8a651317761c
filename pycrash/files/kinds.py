"""Tells by their first bytes which of the given files is the vmlinux and which the dump."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pycrash.errors import CrashError
from pycrash.files.compressed import first_bytes
from pycrash.files.dumpfile import KdumpHeader
from pycrash.files.running import is_running, require_running

Kind = Literal["vmlinux", "dump"]

_KDUMP = (b"KDUMP   ", b"DISKDUMP", b"makedumpfile\0")
#: What a dump begins with that no other maker's format is looked for in: those have readers that
#: take their time to load.
OWN_FORMATS = (b"\x7fELF", *_KDUMP)

#: Enough for kdump's header and the one behind it.
_HEAD = 8192

#: Formats of other tools that a dump may come in, by their first bytes: refused by name.
_FOREIGN = (
    (b"\xa8\x19\x01\x73\x61\x8f\x23\xed", "an LKCD dump"),
    (b"\xed\x23\x8f\x61\x73\x01\x19\xa8", "an LKCD dump"),
    (b"\xa8\x19\x01\x73\x61\x8f\x23\xfd", "a stand-alone dump of s390"),
    (b"LinuxGuestRecord", "a Xen save file"),
    (b"\xed\xeb\x0f\xf0", "a Xen core; give what kdump writes of the domain"),
    (b"\xee\xeb\x0f\xf0", "a Xen core; give what kdump writes of the domain"),
)

_ELF_RELOCATABLE, _ELF_CORE = 1, 4


class ForeignDump(CrashError):
    """A dump, but in a form that cannot be opened as it is."""


@dataclass(frozen=True)
class KernelFiles:
    """The two files of a session, as given; either may be compressed. No vmlinux: to be found.

    `parts` are all the parts of a split dump, or of raw memory, each with its address behind @;
    `dump` is the first that was given.
    """

    dump: Path
    vmlinux: Path | None = None
    parts: tuple[Path, ...] = ()


def sort_files(paths: Sequence[Path], or_running: bool = False) -> KernelFiles:
    """Tell the vmlinux from the dump, given in either order. Raises CrashError.

    With `or_running` it is the running kernel where no dump is given.
    """
    found: dict[Kind, Path] = {}
    parts: list[Path] = []
    for path in paths:
        raw = is_raw(path)
        kind: Kind = "dump" if raw else file_kind(path)
        if raw or (kind == "dump" and is_part(path)):
            parts.append(path)
        if kind in found and not (path in parts and found[kind] in parts):
            what = {"vmlinux": "namelist", "dump": "dumpfile"}[kind]
            raise CrashError(f"too many {what} arguments")
        found.setdefault(kind, path)
    if "dump" not in found:
        found["dump"] = _instead_of_dump(or_running)
    return KernelFiles(found["dump"], found.get("vmlinux"), tuple(parts))


def _instead_of_dump(or_running: bool) -> Path:
    required = "dumpfile argument required"
    if not or_running:
        raise CrashError(required)
    try:
        return require_running()
    except CrashError as error:
        needed = f"{required}: pycrash [VMLINUX] DUMP"
        raise CrashError(f"{needed}; the running kernel cannot be read: {error}") from error


def is_raw(name: Path) -> bool:
    """Whether that names raw memory by its address (`ram.bin@0`), and is no file's own name."""
    return "@" in str(name) and not os.path.exists(name)


def is_part(path: Path) -> bool:
    """Whether a file is one part of a split dump (makedumpfile --split) or a disk of sadump's."""
    if is_running(path):
        return False
    head = first_bytes(path, _HEAD)
    header = KdumpHeader.parse(head)
    if header is not None or head.startswith(OWN_FORMATS):
        return header is not None and header.split
    from pycrash.files.sadump import set_of

    return bool(set_of(head))


def file_kind(path: Path) -> Kind:
    """Whether a file is a vmlinux or a dump. Raises CrashError where it is neither, ForeignDump
    where it is a dump that other tools open."""
    if is_running(path):
        require_running()
        return "dump"
    require_readable(path)
    head = first_bytes(path, _HEAD)
    if head.startswith(b"\x7fELF") and len(head) >= 64:
        order = ">" if head[5] == 2 else "<"
        (elf_type,) = struct.unpack_from(order + "H", head, 16)
        if elf_type == _ELF_RELOCATABLE:
            raise CrashError(f"{path}: a relocatable object (a kernel module?), not a vmlinux")
        # What `xm dump-core` writes has sections and no segments.
        if elf_type == _ELF_CORE and head[56:58] == b"\0\0" and b"Xen" in head:
            raise ForeignDump(f"{path}: not a supported file format: a Xen core")
        return "dump" if elf_type == _ELF_CORE else "vmlinux"
    if head.startswith(_KDUMP):
        return "dump"
    from pycrash.files.foreign import maker_of

    if maker_of(head):
        return "dump"
    for magic, name in _FOREIGN:
        if head.startswith(magic):
            raise ForeignDump(f"{path}: not a supported file format: {name}")
    if head[0x202:0x206] == b"HdrS":
        raise CrashError(f"{path}: a boot image; give the vmlinux with debug information")
    raise CrashError(f"{path}: not a supported file format")


def require_readable(path: Path) -> None:
    """Raises CrashError, in the words of the C library, where a file cannot be read.

    What is no file at all is not opened: to open a named pipe may take for ever.
    """
    try:
        kind = os.stat(path).st_mode
    except (OSError, ValueError) as error:
        raise CrashError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    if stat.S_ISDIR(kind):
        raise CrashError(f"{path}: not a supported file format")
    if not stat.S_ISREG(kind):
        raise CrashError(f"{path}: not a regular file")
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise CrashError(f"{path}: {error.strerror}") from error
