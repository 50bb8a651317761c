"""Linked lists walked as crash walks them: by a pointer at some offset in each entry.

Serves any chain of pointers: struct list_head, the nodes of struct hlist_head, struct
llist_node, or plain `next` members.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pycrash.errors import CrashError

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel


class DuplicateEntry(CrashError):
    """An entry came twice."""

    def __init__(self, address: int) -> None:
        super().__init__(f"duplicate list entry: {address:x}")


class InvalidEntry(CrashError):
    """A pointer led to nothing where the list may only end at its head."""

    def __init__(self, address: int) -> None:
        super().__init__(f"invalid list entry: {address:x}")


@dataclass(frozen=True)
class Chain:
    """A list to walk.

    `start` is the first pointer's value, `link` the offset of the next pointer from what
    pointers point at, `back` the offset of what they point at in an entry. The walk ends at
    `end` (0: none), at the start again, or at a null pointer unless `circular`.
    """

    start: int
    link: int = 0
    back: int = 0
    end: int = 0
    circular: bool = False

    def over(self, following: int, last: int, first: int, count: int) -> bool:
        """Whether a pointer ends the walk. Raises InvalidEntry."""
        if not following:
            if self.circular:
                raise InvalidEntry(0)
            return True
        if following in (self.end, self.start, last):
            return True
        return following == first and count != 1


@dataclass(frozen=True)
class Loop:
    """Found on the way: a loop of `length` entries, or, with -1 for it, `distance` to it."""

    length: int
    distance: int = 0


def walk(kernel: Kernel, chain: Chain) -> Iterator[int]:
    """The pointers of a list, the start first.

    Raises ReadError at an entry that cannot be read, DuplicateEntry behind one that came
    before, InvalidEntry at a null pointer in a circular list.
    """
    read, link = kernel.read_word, chain.link
    mask = kernel.word_mask
    first = read((chain.start + link) & mask, "first list entry")
    seen: set[int] = set()
    here, count = chain.start, 0
    while True:
        yield here
        if here in seen:
            raise DuplicateEntry(here)
        seen.add(here)
        count += 1
        following = read((here + link) & mask, "list entry")
        if chain.over(following, here, first, count):
            return
        here = following


def walk_brent(kernel: Kernel, chain: Chain) -> Iterator[int | Loop]:
    """As `walk`, with Brent's algorithm in place of a memory of what was seen.

    Yields a Loop when one is found and another when its beginning is; DuplicateEntry
    follows, naming that beginning.
    """
    mask = kernel.word_mask
    link = chain.link

    def step(address: int) -> int:
        return kernel.read_word((address + link) & mask, "list entry")

    first = kernel.read_word((chain.start + link) & mask, "first list entry")
    tortoise, hare = chain.start, step(chain.start)
    power, length, distance = 2, 0, 0
    looping = found = False
    here, count = chain.start, 0
    while True:
        if not looping:
            yield here
        if here and found:
            raise DuplicateEntry(tortoise)
        count += 1
        following = step(here)
        if not looping:
            if count > 1 and tortoise == hare:
                looping = True
                yield Loop(length)
                tortoise = hare = chain.start
                for _ in range(length):
                    hare = step(hare)
            else:
                if power == length:
                    tortoise, power, length = hare, power * 2, 0
                hare = following
                length += 1
        elif tortoise == hare:
            found = True
            yield Loop(-1, distance)
        else:
            tortoise, hare = step(tortoise), step(hare)
            distance += 1
        if chain.over(following, here, first, count):
            return
        here = following
