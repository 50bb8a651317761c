"""XArrays and radix trees (struct xarray, struct radix_tree_root), a node at a time."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from pycrash.errors import MissingFeature, ReadError
from pycrash.kernel.core.layout import Layout, member_offset
from pycrash.kernel.core.reader import Reader

# An XArray marks what is a node with 2 in the low bits of the pointer; the radix trees
# before 4.20 with 1. Node pointers lie above the values an XArray keeps to itself.
_XA_INTERNAL = 2
_RADIX_INTERNAL = 1
_XA_RESERVED = 4096


def walk(
    kernel: Reader, root: int, problem: Callable[[ReadError], None]
) -> Iterator[tuple[int, int]]:
    """(index, entry) of the xarray or radix tree at an address, by rising index.

    A node that cannot be read is passed to `problem` and its part of the tree left out.
    """
    prog = kernel.prog
    try:
        head_at = root + member_offset(prog, "struct xarray", "xa_head")
        node, internal = Layout(prog, "struct xa_node", ("slots", "shift")), _XA_INTERNAL
    except MissingFeature:
        head_at = root + member_offset(prog, "struct radix_tree_root", "rnode")
        node = Layout(prog, "struct radix_tree_node", ("slots", "shift"))
        internal = _RADIX_INTERNAL
    slots_at, shift_at = node.at("slots"), node.at("shift")
    count = node.width("slots") // kernel.word_size
    slots = struct.Struct(f"{kernel.byte_order}{count}{kernel.word}")
    size = slots_at + slots.size
    # (where the entry stands, the entry, its index, the shift its node must stay below)
    try:
        stack = [(kernel.read_word(head_at, "xarray root"), 0, kernel.word_size * 8)]
    except ReadError as error:
        problem(error)
        return
    nodes: set[int] = set()
    while stack:
        entry, index, limit = stack.pop()
        if entry & 3 != internal:
            if entry:
                yield index, entry
            continue
        if internal == _XA_INTERNAL and entry <= _XA_RESERVED:
            continue
        # A node stands in one place of the tree: one met again is a trap.
        if entry in nodes:
            problem(ReadError(entry & ~3, "xa_node", "invalid"))
            continue
        nodes.add(entry)
        try:
            data = kernel.read(entry & ~3, size, "xa_node")
        except ReadError as error:
            problem(error)
            continue
        shift = data[shift_at]
        if shift >= limit:
            problem(ReadError(entry & ~3, "xa_node shift", "invalid"))
            continue
        found = slots.unpack_from(data, slots_at)
        base = entry & ~3
        # A radix tree's sibling entry points back into the slots of its own node.
        siblings = range(base, base + size if internal == _RADIX_INTERNAL else base)
        stack += [
            (slot, index + (place << shift), shift)
            for place, slot in reversed(list(enumerate(found)))
            if slot and not (slot & 3 == internal and slot in siblings)
        ]
