"""The entries of trees, and what `tree -v` shows of a maple tree, as rows and as lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pycrash.api.fields import Address, Bits
from pycrash.api.rows import Row
from pycrash.kernel.walks.maple import (
    ARANGE_64,
    DENSE,
    LEAF_64,
    RANGE_64,
    MapleDamage,
    MapleEntry,
    MapleHead,
    MapleNode,
    MapleStep,
)


@dataclass(frozen=True)
class EntryRow(Row, kind="tree.entry"):
    """One entry of a tree; the structures shown of it follow.

    `position` is where it is, from the root on, where that is asked for. `index` is its key in a
    radix tree or an xarray, `first` and `last` its keys in a maple tree; else they are None.
    """

    address: Address
    position: str | None = None
    index: int | None = None
    first: Bits | None = None
    last: Bits | None = None


@dataclass(frozen=True)
class MapleTreeRow(Row, kind="tree.maple"):
    """A struct maple_tree."""

    address: Address
    flags: Bits
    height: int
    root: Address


@dataclass(frozen=True)
class MapleNodeRow(Row, kind="tree.node"):
    """A node of a maple tree and the range of keys it stands for.

    `type` is the kernel's enum maple_type. `gaps`, `end` and `gap` (its place in `gaps`) are
    those of a node that counts gaps; a dense node, and one of unknown type, have no `slots`.
    """

    address: Address
    depth: int
    type: int
    parent: Address
    first: Bits
    last: Bits
    gaps: tuple[Bits, ...]
    end: int
    gap: int
    slots: tuple[Address, ...]
    pivots: tuple[Bits, ...]


@dataclass(frozen=True)
class MapleRangeRow(Row, kind="tree.range"):
    """What is stored for a range of keys; 0 for nothing."""

    first: Bits
    last: Bits
    depth: int
    value: Bits


@dataclass(frozen=True)
class MapleDamageRow(Row, kind="tree.damage"):
    """A node of a maple tree with a pivot, in a slot, beyond the last key of the node."""

    address: Address
    last: Bits
    limit: Bits
    slot: int


def maple_row(step: MapleStep) -> Row:
    """The row of a step through a maple tree."""
    if isinstance(step, MapleHead):
        return MapleTreeRow(step.address, step.flags, step.height, step.root)
    if isinstance(step, MapleEntry):
        return MapleRangeRow(step.first, step.last, step.depth, step.value)
    if isinstance(step, MapleDamage):
        return MapleDamageRow(step.address, step.last, step.limit, step.slot)
    return _node_row(step)


def _node_row(step: MapleNode) -> MapleNodeRow:
    return MapleNodeRow(
        step.address,
        step.depth,
        step.kind,
        step.parent,
        step.first,
        step.last,
        step.gaps,
        *step.meta,
        step.slots,
        step.pivots,
    )


def position_line(row: EntryRow, index: str) -> str:
    """Where an entry is, behind its index where it has one."""
    return f"  {f'index: {index}  ' if index else ''}position: {row.position}"


def maple_lines(row: Row, radix: int) -> Iterator[str]:
    """The lines of a step through a maple tree, as `tree -v` has them."""
    if isinstance(row, MapleTreeRow):
        head = f"maple_tree({row.address:x}) flags {row.flags:X}, height {row.height}"
        yield f"{head} root 0x{row.root:x}"
        yield ""
    elif isinstance(row, MapleRangeRow):
        yield _range(row.first, row.last, row.depth, radix) + _entry_text(row.value, radix)
    elif isinstance(row, MapleDamageRow):
        yield (f"node {row.address:#x} last ({row.last}) > max ({row.limit}) at pivot {row.slot}!")
    elif isinstance(row, MapleNodeRow):
        yield _node(row, radix)


def is_unknown(row: MapleNodeRow) -> bool:
    """Whether a node is of a type that this kernel's maple trees do not have."""
    return row.type not in (DENSE, LEAF_64, RANGE_64, ARANGE_64)


def _node(node: MapleNodeRow, radix: int) -> str:
    text = (
        f"{_range(node.first, node.last, node.depth, radix)}node 0x{node.address:x} "
        f"depth {node.depth} type {node.type} parent {_pointer(node.parent)}"
    )
    if node.type == DENSE:
        return text
    if is_unknown(node):
        return f"{text} UNKNOWN TYPE"
    text += " contents: "
    if node.type == ARANGE_64:
        text += "".join(f"{number(gap, radix)} " for gap in node.gaps)
        text += f"| {node.end:02X} {node.gap:02X}| "
    for slot, pivot in zip(node.slots, node.pivots, strict=False):
        text += f"{_pointer(slot)} {number(pivot, radix)} "
    return text + _pointer(node.slots[-1])


def number(value: int, radix: int) -> str:
    """A number without a mark of its radix."""
    return f"{value:x}" if radix == 16 else str(value)


def _pointer(value: int) -> str:
    return f"{value:#x}" if value else "(nil)"


def _range(first: int, last: int, depth: int, radix: int) -> str:
    margin = " " * min(2 * depth, 32)
    if first == last:
        return f"{margin}{number(first, radix)}: "
    return f"{margin}{number(first, radix)}-{number(last, radix)}: "


def _entry_text(entry: int, radix: int) -> str:
    """What an entry of a maple tree is: a value, a mark of the tree's own, or a pointer."""
    if entry & 1:
        value = f"0x{entry >> 1:x}" if radix == 16 else str(entry >> 1)
        return f"value {value} [0x{entry:x}]"
    if entry == 257 << 2 | 2:
        return f"zero (0x{entry >> 2:x})" if radix == 16 else f"zero ({entry >> 2})"
    if entry < 4096 and entry & 3 == 2:
        return f"UNKNOWN ENTRY (0x{entry:x})"
    return f"0x{entry:x}" if radix == 16 else str(entry)
