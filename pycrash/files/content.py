"""A dump in whatever form it comes, made one file that drgn can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pycrash.errors import CrashError
from pycrash.files.compressed import Progress, first_bytes, unpacked
from pycrash.files.dumpfile import DumpFile
from pycrash.files.flattened import laid_out
from pycrash.files.heads import Heads, elf_machine
from pycrash.files.kinds import OWN_FORMATS, is_part, is_raw, require_readable
from pycrash.files.repaged import repaged
from pycrash.files.repair import mended
from pycrash.files.splitset import joined

if TYPE_CHECKING:
    from pycrash.files.foreign import Maker

#: Bytes of an ELF file up to what it says of its machine.
_ELF_HEAD = 20
#: Bytes that tell a format that needs no other reader.
_HEAD = 16


@dataclass(frozen=True)
class Content:
    """The file to read, the dump's own or one in the cache.

    `parts` are the files of a dump that has several, without addresses behind @. `maker` made a
    dump of another format than kdump's and ELF. `missing` is how many bytes the dump lacks at its
    end, `lost` how many of its pages are lost. Without `sound_notes` libkdumpfile may die of it.
    """

    path: Path
    parts: tuple[Path, ...]
    maker: Maker | None
    missing: int
    lost: int
    sound_notes: bool

    def troubles(self, dump: Path) -> list[str]:
        """What is wrong with the dump, a line each."""
        found = []
        if self.missing:
            found.append(f"{dump}: cut short: its last {self.missing:,} bytes are missing")
        elif self.lost:
            found.append(f"{dump}: damaged: {self.lost:,} of its pages are lost")
        if DumpFile(self.path).erased:
            found.append(f"{dump}: kernel data was erased from it (makedumpfile --config)")
        return found


def content_of(
    dump: Path,
    parts: Sequence[Path] = (),
    vmlinux: Path | None = None,
    progress: Progress | None = None,
    limit: int = 0,
) -> Content:
    """The content of a dump, of which `parts` are all files where there are several.

    A dump that does not say of which kind of machine it is, is of that of `vmlinux`. `limit` is
    how many bytes a file may become that is unpacked, 0 what is usual. Raises CrashError.
    """
    maker: Maker | None = None
    if any(map(is_raw, parts or (dump,))):
        from pycrash.files.rawmemory import core_of, pieces_of

        raw = pieces_of(parts or (dump,))
        path = core_of(raw, vmlinux, progress, limit)
        parts = [piece.path for piece in raw]
    else:
        path, maker = _in_one(parts or (dump,), progress, limit)
    path = repaged(path, progress)
    file = DumpFile(path)
    if file.kdump is not None and file.size < file.descriptors[0]:
        why = "cut short, or its header is damaged"
        raise CrashError(f"{dump}: {why}: the file ends before the first page of memory")
    machine = b"" if vmlinux is None else elf_machine(first_bytes(vmlinux, _ELF_HEAD))
    path, lost = mended(path, progress, machine)
    with open(path, "rb") as opened:
        sound = Heads(opened).has_sound_notes
    return Content(path, tuple(parts), maker, file.missing, lost, sound)


def _in_one(
    files: Sequence[Path], progress: Progress | None, limit: int
) -> tuple[Path, Maker | None]:
    """The file that a dump, or all its parts, are as drgn takes it, and who made another one."""
    for file in files:
        require_readable(file)
    plain = [unpacked(file, progress, limit) for file in files]
    if not first_bytes(plain[0], _HEAD).startswith(OWN_FORMATS):
        from pycrash.files.foreign import as_core

        core = as_core(plain, progress, limit)
        if core is not None:
            return core
    if is_part(plain[0]):
        return joined(plain, progress), None
    return laid_out(plain[0], progress, limit), None
