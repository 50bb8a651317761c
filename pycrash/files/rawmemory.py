"""Memory as it is, without any header: files that are named with the address they begin at.

`ram.bin@0`, `low.bin@0,high.bin@100000000` or one argument for each, as crash takes them. They
become one core file in the cache.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import chain, pairwise
from pathlib import Path
from typing import IO, NamedTuple

from pycrash.errors import CrashError
from pycrash.files.cache import find_file, kept_name_of_all
from pycrash.files.compressed import Progress, first_bytes, unpacked
from pycrash.files.image import PAGE, MemoryImage, Plan, Region, keep_image
from pycrash.files.kinds import OWN_FORMATS, is_raw, require_readable
from pycrash.files.lostnote import first_text, machine_of

_HIGHEST = 1 << 56
_ADDRESS = re.compile(r"(?:0x)?[0-9a-f]+", re.IGNORECASE)


class Piece(NamedTuple):
    """A file of memory, and the physical address of its first byte."""

    path: Path
    address: int

    def __str__(self) -> str:
        return f"{self.path}@{self.address:x}"


def pieces_of(names: Sequence[Path]) -> list[Piece]:
    """The files that names with addresses stand for, by address; none where there are no such.

    Raises CrashError where an address is none, a file cannot be read, or two are in one place.
    """
    raw = [name for name in names if is_raw(name)]
    if not raw:
        return []
    if len(raw) < len(names):
        raise CrashError("too many dumpfile arguments")
    pieces = sorted(chain.from_iterable(map(_split, raw)), key=lambda piece: piece.address)
    for piece in pieces:
        require_readable(piece.path)
        if first_bytes(piece.path, 16).startswith(OWN_FORMATS):
            raise CrashError(f"{piece.path}: no raw memory: give it without an address")
    return pieces


def _split(name: Path) -> Iterator[Piece]:
    for part in str(name).split(","):
        path, _, digits = part.rpartition("@")
        address = int(digits, 16) if _ADDRESS.fullmatch(digits) else -1
        if not path or address % PAGE or not 0 <= address < _HIGHEST:
            raise CrashError(f"{part}: @ needs the hexadecimal address of a page")
        yield Piece(Path(path), address)


def core_of(
    pieces: Sequence[Piece],
    vmlinux: Path | None,
    progress: Progress | None = None,
    limit: int = 0,
) -> Path:
    """In the cache the core file that is made of the pieces, for the machine of a vmlinux.

    Without one its VMCOREINFO tells it. Raises CrashError.
    """
    files = [(unpacked(piece.path, progress, limit), piece) for piece in pieces]
    regions = [Region(piece.address, os.stat(path).st_size) for path, piece in files]
    for region, piece in zip(regions, pieces, strict=True):
        if not region.size:
            raise CrashError(f"{piece.path}: empty")
    for (first, one), (second, other) in pairwise(zip(regions, pieces, strict=True)):
        if first.end > second.address:
            raise CrashError(f"{other}: {one} is there already, up to {first.end:x}")
    machine, order = _machine([path for path, _ in files], pieces[0].path, vmlinux)
    besides = repr((machine, order, [piece.address for piece in pieces]))
    with ExitStack() as stack:
        opened = [stack.enter_context(open(path, "rb")) for path, _ in files]
        name = f"raw-{kept_name_of_all(opened, besides)}"

    def fill(image: MemoryImage) -> None:
        for path, piece in files:
            with open(path, "rb") as file:
                _copy(image, file, piece, progress)

    plan = Plan(machine, tuple(regions), order)
    return find_file(name) or keep_image(pieces[0].path, name, plan, fill, limit)


def _copy(image: MemoryImage, file: IO[bytes], piece: Piece, progress: Progress | None) -> None:
    size = os.fstat(file.fileno()).st_size

    def show(done: int) -> None:
        if progress is not None:
            progress(f"laying out {piece.path}", done, size)

    image.copy(piece.address, file, 0, size, show)
    show(size)


def _machine(files: Sequence[Path], named: Path, vmlinux: Path | None) -> tuple[int, str]:
    """The ELF machine and the byte order of a vmlinux, or by what the memory holds."""
    if vmlinux is None:
        text = next(filter(None, map(first_text, files)), None)
        if text is None:
            raise CrashError(f"{named}: no memory of a Linux kernel: it holds no VMCOREINFO")
        machine = machine_of(text)
        if machine is None:
            raise CrashError(f"{named}: its VMCOREINFO does not tell the machine; give the vmlinux")
        return machine, "<"
    head = first_bytes(vmlinux, 20)
    if head[4:5] != b"\2":
        raise CrashError(f"{vmlinux}: raw memory of 32-bit machines cannot be read")
    order = ">" if head[5] == 2 else "<"
    (machine,) = struct.unpack_from(order + "H", head.ljust(20, b"\0"), 18)
    return machine, order
