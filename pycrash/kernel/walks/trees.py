"""Trees walked as crash walks them: red-black trees, radix trees, xarrays and maple trees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import drgn

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.core.reader import Reader


@dataclass(frozen=True)
class TreeEntry:
    """Something a tree holds.

    `address` is the entry's value or its node's address, `path` where it is in the tree,
    `index` its key where the tree has keys, `slot` its place in its node.
    """

    address: int
    path: str
    index: int = 0
    slot: int = 0


@dataclass(frozen=True)
class TreeDamage:
    """A pointer or a piece of memory the walk could not follow; it goes on elsewhere."""

    text: str


def _offset(kernel: Reader, type_: str, member: str) -> int:
    """A member's offset. Raises LookupError."""
    return drgn.offsetof(kernel.prog.type(type_), member)


class RedBlackTree:
    """A tree of struct rb_node."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        try:
            self._root = _offset(kernel, "struct rb_root", "rb_node")
            self._left = _offset(kernel, "struct rb_node", "rb_left")
            self._right = _offset(kernel, "struct rb_node", "rb_right")
        except LookupError:
            raise MissingFeature(
                "red-black trees do not exist or have changed their format"
            ) from None

    def root(self, address: int) -> int:
        """The first node of the struct rb_root at an address. Raises ReadError."""
        return self._kernel.read_word(address + self._root, "rb_root rb_node")

    def walk(
        self, node: int, ordered: bool, paths: bool = True
    ) -> Iterator[TreeEntry | TreeDamage]:
        """The nodes from one on, each before its children; `ordered` by their keys.

        Without `paths` theirs are empty, which saves much in a tree that is a long chain.
        Raises CrashError for a node that comes twice.
        """
        seen: set[int] = set()
        work: list[tuple[Literal["visit", "show", "right"], int, str]] = []
        if node:
            work.append(("visit", node, "root" if paths else ""))
        while work:
            step, node, path = work.pop()
            if step == "visit":
                if node in seen:
                    raise CrashError(f"\nduplicate tree entry: {node:x}")
                seen.add(node)
                work.append(("right", node, path))
                if ordered:
                    work.append(("show", node, path))
                else:
                    yield TreeEntry(node, path)
                yield from self._child(node, path, "left", work)
            elif step == "show":
                yield TreeEntry(node, path)
            else:
                yield from self._child(node, path, "right", work)

    def _child(
        self,
        node: int,
        path: str,
        side: Literal["left", "right"],
        work: list[tuple[Literal["visit", "show", "right"], int, str]],
    ) -> Iterator[TreeDamage]:
        """Put a child down to be visited, if there is a good one."""
        kernel = self._kernel
        offset = self._left if side == "left" else self._right
        mask = kernel.word_mask
        try:
            child = kernel.read_word((node + offset) & mask, f"rb_node rb_{side}")
        except ReadError as error:
            yield TreeDamage(str(error))
            return
        if not child:
            return
        try:
            kernel.read_word((child + self._left) & mask)
        except ReadError:
            yield TreeDamage(f"rb_node: {node:x}: corrupted rb_{side} pointer: {child:x}")
            return
        work.append(("visit", child, path and f"{path}/{side[0]}"))


class SlotTree:
    """A radix tree or an xarray: nodes of slots, each level some bits of the key."""

    def __init__(self, kernel: Reader, xarray: bool) -> None:
        self._kernel = kernel
        self._xarray = xarray
        if xarray:
            names = ("struct xarray", "xa_head", "struct xa_node")
            missing = "xarray facility does not exist or has changed its format"
        else:
            # Before 4.20, which made radix trees a cover for xarrays.
            names = ("struct radix_tree_root", "rnode", "struct radix_tree_node")
            missing = "radix trees do not exist or have changed their format"
        self.node_type = names[2].partition(" ")[2]
        try:
            self._head = _offset(kernel, names[0], names[1])
            node = kernel.prog.type(names[2])
            self._slots = drgn.offsetof(node, "slots")
            length = node.member("slots").type.length or 0
            self._shift = self._place(node, "shift")
            # 4.7 gave nodes a shift in place of a height.
            self._height = None if xarray else self._place(node, "height")
            root = kernel.prog.type(names[0])
            self._root_height = None if xarray else self._place(root, "height")
        except LookupError:
            raise MissingFeature(missing) from None
        self._bits = length.bit_length() - 1
        if self._bits <= 0 or (self._shift is None and self._root_height is None):
            raise MissingFeature(missing)

    @staticmethod
    def _place(type_: drgn.Type, name: str) -> tuple[int, int] | None:
        """The offset and size of a member, None where there is none of that name."""
        if not type_.has_member(name):
            return None
        return drgn.offsetof(type_, name), drgn.sizeof(type_.member(name).type)

    @property
    def mask(self) -> int:
        """The bits of a key that choose a slot of its node."""
        return (1 << self._bits) - 1

    @cached_property
    def _max_height(self) -> int:
        for name in ("height_to_maxindex", "height_to_maxnodes"):
            try:
                return self._kernel.variable(name).type_.length or 0
            except MissingFeature:
                continue
        return 64 // self._bits + 2

    def walk(self, start: int, is_root: bool) -> Iterator[TreeEntry]:
        """The entries in the order of their keys, from a root or from a node.

        Raises CrashError, ReadError.
        """
        kernel = self._kernel
        tag = 2 if self._xarray else 1
        mask = 3 if self._xarray else 1
        node = kernel.read_word(start + self._head, self._what("head")) if is_root else start
        internal = node & mask == tag
        node &= ~mask if is_root or internal else ~0
        height = 0
        if not is_root or (internal and self._shift is not None):
            height = self._node_height(node)
        elif self._root_height is not None:
            height = self._number(start, self._root_height, "radix_tree_root height")
        if not self._xarray and height > self._max_height:
            raise CrashError(
                f"height {height} is greater than maximum radix tree height index "
                f"{self._max_height}"
            )
        if not height:
            yield TreeEntry(node, "direct")
            return
        yield from self._level(node, height, "root", 0, set())

    def _what(self, member: str) -> str:
        if self._xarray:
            return "xarray xa_head" if member == "head" else f"xa_node {member}"
        return "radix_tree_root rnode" if member == "head" else f"radix_tree_node {member}"

    def _number(self, base: int, place: tuple[int, int], what: str) -> int:
        return self._kernel.unsigned(self._kernel.read(base + place[0], place[1], what))

    def _node_height(self, node: int) -> int:
        if self._height is not None:
            return self._number(node, self._height, self._what("height"))
        if self._shift is None:
            kind = "xarrays" if self._xarray else "radix trees"
            raise CrashError(
                f"-N option is not supported or applicable for {kind} on this architecture "
                "or kernel"
            )
        return self._number(node, self._shift, self._what("shift")) // self._bits + 1

    def _level(
        self, node: int, height: int, path: str, index: int, seen: set[int]
    ) -> Iterator[TreeEntry]:
        kernel = self._kernel
        if node in seen:
            raise CrashError(f"\nduplicate tree node: {node:x}")
        seen.add(node)
        tag, mask = (2, 3) if self._xarray else (1, 1)
        what = f"{self.node_type}.{'slots' if self._xarray else 'slot'}[off]"
        size = kernel.word_size
        data = kernel.read((node + self._slots) & kernel.word_mask, size << self._bits, what)
        shift = (height - 1) * self._bits
        for at in range(1 << self._bits):
            slot = kernel.unsigned(data[at * size : (at + 1) * size])
            if not slot:
                continue
            if slot & mask == tag:
                slot &= ~tag
            if height == 1:
                yield TreeEntry(slot, path, index | at, (index | at) & self.mask)
            else:
                below = (index | at << shift) & kernel.word_mask
                yield from self._level(slot, height - 1, f"{path}/{at}", below, seen)
