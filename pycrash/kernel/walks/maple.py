"""Maple trees (struct maple_tree, since 6.1) walked node by node."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import drgn

from pycrash.errors import CrashError, MissingFeature
from pycrash.kernel.core.reader import Reader

DENSE, LEAF_64, RANGE_64, ARANGE_64 = range(4)

_NODE_MASK = 0xFF
_HEIGHT_MASK, _HEIGHT_SHIFT = 0x7C, 2
#: The most levels the flags of a tree have room for.
_MAX_DEPTH = _HEIGHT_MASK >> _HEIGHT_SHIFT


@dataclass(frozen=True)
class MapleHead:
    """The struct maple_tree itself."""

    address: int
    flags: int
    height: int
    root: int


@dataclass(frozen=True)
class MapleNode:
    """One node: the range it stands for and what is in it.

    `gaps` and `meta` (end, gap) are those of a node of type 3; `slots` and `pivots` are
    empty for a dense node and for one of unknown type.
    """

    address: int
    depth: int
    kind: int
    parent: int
    first: int
    last: int
    gaps: tuple[int, ...] = ()
    meta: tuple[int, int] = (0, 0)
    slots: tuple[int, ...] = ()
    pivots: tuple[int, ...] = ()


@dataclass(frozen=True)
class MapleEntry:
    """What is stored for a range of keys; `value` may be 0. `slot` is its place in its node."""

    first: int
    last: int
    depth: int
    slot: int
    path: str
    value: int


@dataclass(frozen=True)
class MapleDamage:
    """A node whose ranges do not fit: a pivot beyond the node's own last key."""

    address: int
    last: int
    limit: int
    slot: int


MapleStep = MapleHead | MapleNode | MapleEntry | MapleDamage


def is_node(entry: int) -> bool:
    """Whether an entry is a pointer to a node."""
    return entry & 3 == 2 and entry > 4096


class MapleTrees:
    """Reads the maple trees of one kernel."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        prog = kernel.prog
        try:
            self._tree = prog.type("struct maple_tree")
            self._node = prog.type("struct maple_node")
            arange = prog.type("struct maple_arange_64")
            span = prog.type("struct maple_range_64")
            meta = prog.type("struct maple_metadata")
            self._root = drgn.offsetof(self._tree, "ma_root")
            self._flags = drgn.offsetof(self._tree, "ma_flags")
            self._parent = drgn.offsetof(self._node, "parent")
            self._dense = drgn.offsetof(self._node, "slot")
            self._dense_count = self._node.member("slot").type.length or 0
            self._span = self._arrays(span, drgn.offsetof(self._node, "mr64"))
            self._arange = self._arrays(arange, drgn.offsetof(self._node, "ma64"))
            base = drgn.offsetof(self._node, "ma64")
            self._gaps = base + drgn.offsetof(arange, "gap")
            self._meta = base + drgn.offsetof(arange, "meta")
            self._end = self._meta + drgn.offsetof(meta, "end")
            self._gap = self._meta + drgn.offsetof(meta, "gap")
        except LookupError:
            raise MissingFeature("maple trees do not exist or have changed their format") from None
        self._size = drgn.sizeof(self._node)

    @staticmethod
    def _arrays(type_: drgn.Type, base: int) -> tuple[int, int, int]:
        """(offset of the slots, offset of the pivots, number of slots) in a node."""
        slots = type_.member("slot").type.length or 0
        return base + drgn.offsetof(type_, "slot"), base + drgn.offsetof(type_, "pivot"), slots

    def walk(self, address: int, is_root: bool) -> Iterator[MapleStep]:
        """Everything in a tree, from its struct maple_tree or from a node's tagged pointer.

        Raises CrashError, ReadError.
        """
        kernel = self._kernel
        if not is_root:
            yield from self._walk_node(address, 0, self._most(address), 0, "direct", set())
            return
        data = kernel.read(address, drgn.sizeof(self._tree), "mt_dump read maple_tree")
        root = kernel.unsigned(data[self._root : self._root + kernel.word_size])
        flags = kernel.unsigned(data[self._flags : self._flags + 4])
        yield MapleHead(address, flags, (flags & _HEIGHT_MASK) >> _HEIGHT_SHIFT, root)
        if is_node(root):
            yield from self._walk_node(root, 0, self._most(root), 0, "root", set())
        else:
            yield MapleEntry(0, 0, 0, 0, "", root)

    def values(self, address: int, least: int = 1) -> Iterator[int]:
        """What a tree holds by rising keys, from its struct maple_tree; not what is below `least`.

        Raises CrashError where it is damaged, ReadError.
        """
        for step in self.walk(address, is_root=True):
            if isinstance(step, MapleDamage):
                raise CrashError(f"maple_node: {step.address:x}: invalid pivot: {step.last:x}")
            if isinstance(step, MapleEntry) and step.value >= least:
                yield step.value

    def _kind(self, entry: int) -> int:
        return (entry >> 3) & 0xF

    def _most(self, entry: int) -> int:
        """The last key below a root of this type."""
        kind = self._kind(entry)
        if kind == DENSE:
            return self._dense_count
        return self._kernel.word_mask if kind <= ARANGE_64 else 0

    def _words(self, data: bytes, offset: int, count: int) -> tuple[int, ...]:
        kernel = self._kernel
        form = f"{kernel.byte_order}{count}{kernel.word}"
        return struct.unpack_from(form, data, offset)

    def _walk_node(
        self, entry: int, first: int, last: int, depth: int, path: str, seen: set[int]
    ) -> Iterator[MapleStep]:
        kernel = self._kernel
        address, kind = entry & ~_NODE_MASK, self._kind(entry)
        if address in seen:
            raise CrashError(f"\nduplicate tree node: {address:x}")
        if depth > _MAX_DEPTH:
            raise CrashError(f"maple_node: {address:x}: tree is too deep")
        seen.add(address)
        data = kernel.read(address, self._size, "mt_dump_node read maple_node")
        (parent,) = self._words(data, self._parent, 1)
        if kind not in (DENSE, LEAF_64, RANGE_64, ARANGE_64):
            yield MapleNode(address, depth, kind, parent, first, last)
            return
        if kind == DENSE:
            yield MapleNode(address, depth, kind, parent, first, last)
            for at, value in enumerate(self._words(data, self._dense, self._dense_count)):
                yield MapleEntry(first + at, first + at, depth, at, path, value)
            return
        places = self._arange if kind == ARANGE_64 else self._span
        slots = self._words(data, places[0], places[2])
        pivots = self._words(data, places[1], places[2] - 1)
        gaps = self._words(data, self._gaps, places[2]) if kind == ARANGE_64 else ()
        meta = (data[self._end], data[self._gap])
        yield MapleNode(address, depth, kind, parent, first, last, gaps, meta, slots, pivots)
        yield from self._slots(entry, slots, pivots, (first, last, depth, path), seen)

    def _slots(
        self,
        entry: int,
        slots: tuple[int, ...],
        pivots: tuple[int, ...],
        where: tuple[int, int, int, str],
        seen: set[int],
    ) -> Iterator[MapleStep]:
        """The entries or nodes below a node, each with its part of the node's range."""
        first, limit, depth, path = where
        kind = self._kind(entry)
        leaf = kind < RANGE_64
        for at, slot in enumerate(slots):
            last = limit
            if at < len(pivots):
                last = pivots[at]
            elif not slot and (kind == ARANGE_64 or limit != self._most(entry)):
                return
            if not last and at:
                return
            if leaf:
                yield MapleEntry(first, last, depth + 1, at, path, slot)
            elif slot:
                yield from self._walk_node(slot, first, last, depth + 1, f"{path}/{at}", seen)
            if last == limit:
                return
            if last > limit:
                yield MapleDamage(entry & ~_NODE_MASK, last, limit, at)
                return
            first = last + 1
