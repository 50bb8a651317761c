"""Names of structures and of their members that complete a word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from pycrash.cexpr.printing.ctype import Member, Shape
from pycrash.cexpr.printing.typetext import format_type_name
from pycrash.cexpr.structures.namedtypes import Datatype, find_datatype
from pycrash.errors import CrashError
from pycrash.objects.elf import ElfFile

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

#: Letters a name must begin with before names are looked for.
LEAST = 2
#: Names looked at for one word.
_MOST = 5000

_strings: WeakKeyDictionary[Kernel, bytes] = WeakKeyDictionary()


def complete_structure(
    kernel: Kernel, word: str, kinds: tuple[str, ...] = ("struct", "union")
) -> Iterator[tuple[str, str]]:
    """What `name.member,member` could be completed to, each with a remark on its type.

    `kinds` are those of the types to offer.
    """
    name, dot, rest = word.partition(".")
    if not dot:
        for datatype in _types(kernel, name):
            if datatype.kind in kinds:
                remark = f"typedef, {datatype.kind}" if datatype.typedef else datatype.kind
                yield datatype.name, f"{remark}, {datatype.size} bytes"
        return
    found = find_datatype(kernel, name)
    if found is None or found.kind not in kinds:
        return
    done, comma, path = rest.rpartition(",")
    before, dots, last = path.rpartition(".")
    shape: Shape | None = found.shape
    if dots:
        inner = found.find(before)
        shape = inner.shape if inner is not None else None
    if shape is None:
        return
    for member in _named(shape):
        if member.name.startswith(last):
            text = f"{name}.{done}{comma}{before}{dots}{member.name}"
            bits = f" : {member.bits}" if member.bits else ""
            yield text, format_type_name(member.shape.type, member.name) + bits


def _named(shape: Shape) -> Iterator[Member]:
    """The members a name can reach, those of anonymous structures among them."""
    for member in shape.members:
        if member.name:
            yield member
        else:
            yield from _named(member.shape)


def _types(kernel: Kernel, prefix: str) -> Iterator[Datatype]:
    """The types whose names begin so, in the order of their names.

    The debugging data has no list of them that can be had without reading all of it; but
    every name is among its strings.
    """
    if len(prefix) < LEAST or not re.fullmatch(r"\w+", prefix):
        return
    # A name may be the tail of a longer string.
    pattern = re.compile(rb"(?=(" + prefix.encode() + rb"\w*)\0)")
    names = set()
    for match in pattern.finditer(_debug_strings(kernel)):
        names.add(match[1].decode("ascii", "replace"))
        if len(names) >= _MOST:
            break
    for name in sorted(names):
        datatype = find_datatype(kernel, name)
        if datatype is not None and datatype.shape.complete:
            yield datatype


def _debug_strings(kernel: Kernel) -> bytes:
    if kernel not in _strings:
        data = b""
        if kernel.vmlinux is not None:
            try:
                elf = ElfFile(kernel.vmlinux)
                section = elf.section(".debug_str")
                data = elf.contents(section) if section is not None else b""
            except CrashError:
                data = b""
        _strings[kernel] = data
    return _strings[kernel]
