"""Linked lists: `entries` walks those of the kernel's own, `walk` as crash walks for a user.

Serves any chain of pointers: struct list_head, the nodes of struct hlist_head, struct
llist_node, or plain `next` members.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pycrash.errors import CrashError
from pycrash.kernel.core.reader import Reader

#: More entries than any list of a kernel has that is walked as a whole.
MOST_ENTRIES = 1 << 20


class EndlessList(CrashError):
    """A list has more entries than it can have, the last of them at `address`."""

    def __init__(self, address: int, what: str = "list too long") -> None:
        super().__init__(f"{what}: {address:x}")
        self.address = address


class DuplicateEntry(EndlessList):
    """An entry came twice."""

    def __init__(self, address: int) -> None:
        super().__init__(address, "duplicate list entry")


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


def entries(kernel: Reader, chain: Chain, what: str, most: int = MOST_ENTRIES) -> Iterator[int]:
    """The pointers of a list of the kernel's own, from the start to the chain's end.

    Raises ReadError, which names `what`, where the next pointer of one cannot be read;
    DuplicateEntry where the list comes back to a place that is not its end; EndlessList behind
    `most` entries.
    """
    mask, link, end = kernel.word_mask, chain.link, chain.end
    seen: set[int] = set()
    here = chain.start
    while here != end:
        if here in seen:
            raise DuplicateEntry(here)
        if len(seen) >= most:
            raise EndlessList(here)
        seen.add(here)
        yield here
        here = kernel.read_word((here + link) & mask, what)


def walk(kernel: Reader, chain: Chain) -> Iterator[int]:
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


def walk_brent(kernel: Reader, chain: Chain) -> Iterator[int | Loop]:
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
