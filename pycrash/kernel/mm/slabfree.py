"""Lists of free objects in slabs: each object holds the address of the next one."""

from __future__ import annotations

from functools import cached_property
from typing import Literal, NamedTuple

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.mm.slabcaches import Cache

#: More objects than any slab has (15 bits count them).
_MOST_OBJECTS = 1 << 15
#: Addresses that differ in no higher bits lie in one slab, as a rule: no need to look.
_NEAR = 1 << 16


class SlabDamage(CrashError):
    """A list or a structure of a slab cache is damaged; the message names it as crash does."""


class FreeList(NamedTuple):
    """The objects of a list in its order, and what it breaks off with, None where it ends well."""

    objects: dict[int, None]
    damage: SlabDamage | None


class FreeLists:
    """Walks lists of free objects."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel

    def walk(self, cache: Cache, slab: int, first: int) -> FreeList:
        """The list that begins with an object, of a slab by the address of its struct.

        An odd pointer ends it, as kernels before 2.6.24 ended lists.
        """
        kernel, offset, mask = self._kernel, cache.offset, self._kernel.word_mask
        found: dict[int, None] = {}
        here = first
        while here and not here & 1:
            if here in found or len(found) > _MOST_OBJECTS:
                return FreeList(found, _damage(cache, slab, "duplicate freelist object", here))
            found[here] = None
            where = (here + offset) & mask
            try:
                here = kernel.read_word(where, "get_freepointer")
            except ReadError:
                return FreeList(found, _damage(cache, slab, "invalid freepointer", where))
            if cache.random is not None:
                here = self._plain(here ^ cache.random, where)
        return FreeList(found, None)

    def _plain(self, mixed: int, where: int) -> int:
        """A pointer that was mixed with where it lies (CONFIG_SLAB_FREELIST_HARDENED).

        Since 5.7 the bytes of that address are turned around first: it is whichever way leads
        to something.
        """
        turned = where.to_bytes(self._kernel.word_size, self._turned)
        pointer = mixed ^ self._kernel.unsigned(turned)
        if not pointer or pointer ^ where < _NEAR or self._is_there(pointer):
            return pointer
        return mixed ^ where

    def _is_there(self, address: int) -> bool:
        try:
            self._kernel.read_word(address, "accessible check")
        except ReadError:
            return False
        return True

    @cached_property
    def _turned(self) -> Literal["big", "little"]:
        return "big" if self._kernel.byte_order == "<" else "little"


def _damage(cache: Cache, slab: int, what: str, at: int) -> SlabDamage:
    return SlabDamage(f"{cache.name}: slab: {slab:x} {what}: {at:x}")
