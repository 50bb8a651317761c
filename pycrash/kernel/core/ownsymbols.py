"""A file that stands for the vmlinux nobody has, made of what the kernel's own memory says.

Since 6.0 VMCOREINFO has where the tables of kallsyms lie, and among the symbols are the bounds of
the kernel's BTF, which is read when types are wanted. The file is kept under a digest of all it is
made of, so that of a damaged dump serves no other one.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.files.cache import find_file, keep_file
from pycrash.files.debuginfo import STAND_IN
from pycrash.files.heads import ELF_MACHINES
from pycrash.kernel.core.reader import Reader
from pycrash.objects import kallsyms
from pycrash.objects.standin import StandIn

#: Bytes of names, at most.
_MOST_NAMES = 1 << 25


def stand_in(kernel: Reader) -> Path | None:
    """The file, made if need be; None where the memory lacks what it takes, or is damaged."""
    try:
        return _made(kernel)
    except (CrashError, MissingFeature, ReadError, ValueError):  # of numbers that are none
        return None


def _made(kernel: Reader) -> Path:
    note, uts = kernel.vmcoreinfo, kernel.arch.name.removesuffix("le").encode()
    build_id = bytes.fromhex(note.build_id or "")
    machine = next((number for number, known in ELF_MACHINES.items() if known == uts), None)
    if not build_id or machine is None:
        raise MissingFeature("no vmlinux could be told to be of this kernel")
    moved = int(note.get("KERNELOFFSET") or "0", 16)
    tables = _tables(kernel)
    facts = (build_id, machine, tables.count, tables.base - moved, tables.order)
    digest = hashlib.sha256(repr(facts).encode())
    for part in (tables.names, tables.pieces, tables.index, tables.offsets):
        digest.update(part)
    name = f"{STAND_IN}-{digest.hexdigest()[:24]}"
    kept = find_file(name)
    if kept is not None:
        return kept
    symbols = tables.symbols(note.symbols)
    linked = [s if s.absolute else s._replace(address=s.address - moved) for s in symbols]
    return keep_file(name, StandIn(linked, build_id, machine, kernel.byte_order).write)


def _tables(kernel: Reader) -> kallsyms.Tables:
    note, what = kernel.vmcoreinfo, "kallsyms"
    names, pieces = note.symbol("kallsyms_names"), note.symbol("kallsyms_token_table")
    index = note.symbol("kallsyms_token_index")
    count = kernel.unsigned(kernel.read(note.symbol("kallsyms_num_syms"), 4, what))
    if not (
        0 < count <= kallsyms.MOST_SYMBOLS
        # The pieces lie behind the names, whatever is between, and right before their index.
        and 0 < pieces - names <= _MOST_NAMES
        and 0 < index - pieces <= kallsyms.MOST_PIECES
    ):
        raise CrashError("kallsyms: damaged")
    return kallsyms.Tables(
        count=count,
        names=kernel.read(names, pieces - names, what),
        pieces=kernel.read(pieces, index - pieces, what),
        index=kernel.read(index, kallsyms.INDEX_SIZE, what),
        offsets=kernel.read(note.symbol("kallsyms_offsets"), 4 * count, what),
        base=kernel.read_word(note.symbol("kallsyms_relative_base"), what),
        order=kernel.byte_order,
    )
