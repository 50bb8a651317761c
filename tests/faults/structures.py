"""Faults in the kernel's own structures: wild pointers, lists that are cut or without an end."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import drgn

from tests.faults.overlay import Overlay
from tests.faults.places import Area, Place
from tests.matrix.samples import Found

_LINKS = ("struct list_head", "struct hlist_node", "struct hlist_head", "struct rb_node")
_NUMBERS = (0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 63, (1 << 64) - 1, 0xDEAD, 4097)
#: Pointers to nothing, to user space, poison, not canonical, into the middle of the kernel.
_WILD = (
    0, 0, 1, 8, 0xFFF, 0x1000, 0x7FFFFFFFF000, 0xDEAD000000000100, 0xDEAD000000000122,
    (1 << 64) - 1, (1 << 64) - 8, 0xFFFFFFFF81000000, 0x0123456789ABCDEF, 1 << 63,
    0x4141414141414141,
)  # fmt: skip
_DEPTH = 5
#: A name of a member as sources of pycrash hold it, alone or in a path.
_QUOTED = re.compile(r"""(?<=["'.])[a-z_]\w{1,40}(?=["'.])""")
_MOST_TRIES = 500

#: Text that a terminal would obey, and text that is none.
CONTROL = (
    b"\x1b]0;owned\x07\x1b[2J\0", b"\x1b[31mred\x1b[m\0", b"a\rb\0", b"\x0c\x0b\x08\x08\0",
    b"\x9b2J\x9d0;x\x9c\0", b"\xc2\x9b2J\0", b"line\nline\0", b"\xff\xfe\x80\0", b"\x7f\x7f\x01\0",
    b"A" * 64, b"%s%n\0", b"\0", b"\xe2\x80\xae\0", b'"},{"\0', b"a b\tc\0",
)  # fmt: skip


@dataclass(frozen=True)
class Leaf:
    """A member that holds no others: its path, the offset of its bytes, its type."""

    path: str
    offset: int
    type: drgn.Type

    @property
    def read(self) -> bool:
        """Whether a name of its path is written somewhere in pycrash's sources."""
        return not _words().isdisjoint(re.findall(r"\w+", self.path)[-2:])


class Damage:
    """Damages structures of one dump by one stream of chance."""

    def __init__(self, found: Found, chance: random.Random, overlay: Overlay) -> None:
        self.found = found
        self.chance = chance
        self.overlay = overlay
        self.prog = found.kernel.prog

    def structures(self, area: Area) -> None:
        """Damage some members of some structures of an area."""
        places = area.places(self.found, self.chance)
        self._some(places, self.member)

    def anything(self) -> None:
        """Damage some structures of any kind."""
        found = self.found.places
        places = [(p.ctype.type.type_name(), p.address) for p in found if p.ctype.size]
        self._some(places, self.member)

    def _some(self, places: Sequence[Place], damage: Callable[[Place], None]) -> None:
        wanted = self.chance.choice((1, 4, 16, 64, 200))
        for _ in range(_MOST_TRIES):
            if len(self.overlay.told) >= wanted or not places:
                break
            damage(self.chance.choice(places))

    def member(self, place: Place) -> None:
        """Damage one member of a structure, by what its type is."""
        name, address = place
        leaves = self._leaves(name)
        if not leaves:
            return
        # Of the hundreds of members of a task few are read, and links are what is stumbled over.
        known = [leaf for leaf in leaves if leaf.read]
        leaves = known if known and self.chance.random() < 0.95 else leaves
        linking = [leaf for leaf in leaves if _is_link(leaf.type)]
        leaf = self.chance.choice(linking if linking and self.chance.random() < 0.6 else leaves)
        self._damage(leaf, address, f"{name}.{leaf.path}")

    def _damage(self, leaf: Leaf, base: int, what: str) -> None:
        at, kind = base + leaf.offset, leaf.type.kind
        if leaf.type.type_name() in _LINKS:
            self._link(leaf.type, at, base, what)
        elif kind == drgn.TypeKind.POINTER:
            self.overlay.pointer(at, self.wild(at, base), what)
        elif kind == drgn.TypeKind.ARRAY:
            size = drgn.sizeof(leaf.type)
            if size:
                self.overlay.write(at, self.text(min(size, 256)), what)
        else:
            number = self.chance.choice((*_NUMBERS, self.chance.getrandbits(64)))
            size = drgn.sizeof(leaf.type)
            self.overlay.write(at, number.to_bytes(8, "little").ljust(size, b"\0")[:size], what)

    def _link(self, type_: drgn.Type, at: int, base: int, what: str) -> None:
        """One of the words of a link: to itself, to an element before, to nothing, anywhere."""
        words = drgn.sizeof(type_) // 8
        word = at + 8 * self.chance.randrange(words)
        self.overlay.pointer(word, self.wild(at, base), what)

    def wild(self, at: int, base: int) -> int:
        """A pointer that should not be there; `at` is where it stands, in a structure at `base`."""
        choice = self.chance.choice
        try:
            there = self.prog.read_u64(at)
        except drgn.FaultError:
            there = 0
        here = (at, at | 1, at | 2, base, there + 8, there - 1, there ^ 1 << choice(range(64)))
        elsewhere = (choice(self.found.places).address, choice(self.found.kernel.tasks.all).address)
        return choice((*here, *_WILD, *elsewhere, self.chance.getrandbits(64)))

    def text(self, size: int) -> bytes:
        """So many bytes where a text is expected: what terminals obey, or no end."""
        text = self.chance.choice(CONTROL)
        return (text * (size // len(text) + 1) if self.chance.random() < 0.3 else text)[:size]

    def _leaves(self, name: str) -> list[Leaf]:
        known = _LEAVES.get(name)
        if known is None:
            known = _LEAVES[name] = [*_leaves(self.prog.type(name))]
        return known


@cache
def _words() -> frozenset[str]:
    """The words in quotes in the sources of what reads the kernel."""
    folder = Path(__file__).resolve().parent.parent.parent / "pycrash"
    texts = (path.read_text() for path in folder.glob("kernel/**/*.py"))
    return frozenset(word for text in texts for word in _QUOTED.findall(text))


#: The members of structures by the name of their type.
_LEAVES: dict[str, list[Leaf]] = {}


def _leaves(type_: drgn.Type, path: str = "", base: int = 0, depth: int = 0) -> Iterator[Leaf]:
    real = type_
    while real.kind == drgn.TypeKind.TYPEDEF:
        real = real.type
    aggregate = real.kind in (drgn.TypeKind.STRUCT, drgn.TypeKind.UNION, drgn.TypeKind.CLASS)
    if not aggregate or real.type_name() in _LINKS:
        if real.kind == drgn.TypeKind.ARRAY and depth < _DEPTH and not _is_text(real):
            size = drgn.sizeof(real.type) if real.length else 0
            for at in range(min(real.length or 0, 4) if size else 0):
                yield from _leaves(real.type, f"{path}[{at}]", base + at * size, depth + 1)
        elif real.kind != drgn.TypeKind.VOID and real.is_complete():
            yield Leaf(path, base, real)
        return
    if depth >= _DEPTH or not real.is_complete():
        return
    for member in real.members or ():
        if member.bit_field_size is None:
            inner = f"{path}.{member.name}".strip(".") if member.name else path
            yield from _leaves(member.type, inner, base + member.offset, depth + 1)


def _is_text(type_: drgn.Type) -> bool:
    return bool(type_.type.kind == drgn.TypeKind.INT and type_.type.size == 1)


def _is_link(type_: drgn.Type) -> bool:
    return type_.kind == drgn.TypeKind.POINTER or type_.type_name() in _LINKS
