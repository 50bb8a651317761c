"""Slab caches (struct kmem_cache): the kernel's list of them, and what each one says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.core.layout import Layout, constant, find_member, member_offset
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.core.strings import read_text
from pycrash.kernel.mm.nodes import Nodes
from pycrash.kernel.walks.lists import Chain, EndlessList, entries

#: What crash calls a cache whose name cannot be read.
UNKNOWN = "(unknown)"
_LONGEST_NAME = 512
#: Bits of kmem_cache_order_objects that count objects; the order of pages is above them.
_ORDER_SHIFT = 16
#: No larger allocation is ever made of pages, whatever a damaged cache says.
_LARGEST_ORDER = 20
#: Flags of caches up to 6.9; since then the kernel numbers their bits itself.
_RED_ZONE, _STORE_USER = 0x400, 0x10000


class Cache(NamedTuple):
    """A struct kmem_cache as it stands.

    Objects of `object_size` bytes lie `size` bytes apart, `objects` in a slab of `order`. `offset`
    is where in a free one the pointer to the next lies, `random` what that is mixed with, None
    where it is not. `padding` are the bytes of red zone before each object. `cpu_slab` and
    `cpu_sheaves` are per-CPU, 0 where this kernel has none. `nodes` has for each NUMA node its
    number and its kmem_cache_node, `barns` its node_barn, 0 without.
    """

    address: int
    name: str
    object_size: int
    size: int
    offset: int
    objects: int
    order: int
    flags: int
    random: int | None
    padding: int
    cpu_slab: int
    cpu_sheaves: int
    nodes: tuple[tuple[int, int], ...]
    barns: tuple[tuple[int, int], ...]


class SlabCaches:
    """The slab caches of a kernel, in the order of its list (slab_caches)."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._known: dict[int, Cache] = {}

    @cached_property
    def listed(self) -> tuple[tuple[int, ...], CrashError | None]:
        """The address of each cache, and why what follows them is missing.

        Raises MissingFeature where the kernel keeps no such list.
        """
        return self._chain("slab_caches", "list")

    @cached_property
    def roots(self) -> tuple[tuple[int, ...], CrashError | None]:
        """The caches that are no copy for a control group, up to 5.8. Raises MissingFeature."""
        return self._chain("slab_root_caches", "memcg_params.__root_caches_node")

    @property
    def has_roots(self) -> bool:
        """Whether the kernel has a list of caches that are no copy (slab_root_caches)."""
        return self._kernel.symbol_address("slab_root_caches") is not None

    def children(self, root: int) -> Iterator[int]:
        """The copies of a cache for control groups. Raises ReadError, EndlessList."""
        prog = self._kernel.prog
        back = member_offset(prog, "struct kmem_cache", "memcg_params.children_node")
        head = root + member_offset(prog, "struct kmem_cache", "memcg_params.children")
        first = self._kernel.read_word(head, "kmem_cache.memcg_params.children")
        for link in entries(self._kernel, Chain(first, end=head), "list entry"):
            yield link - back

    @cached_property
    def names(self) -> dict[int, str]:
        """Address to name of every cache on the list that can be read."""
        try:
            return {address: self.name(address) for address in self.listed[0]}
        except MissingFeature:
            return {}

    def name(self, address: int) -> str:
        """The name of the cache at an address."""
        kernel = self._kernel
        try:
            at = kernel.read_word(address + self._layout.at("name"), "kmem_cache.name")
            return read_text(kernel, at, "kmem_cache.name", _LONGEST_NAME)
        except ReadError:
            return UNKNOWN

    def get(self, address: int) -> Cache:
        """The cache at an address. Raises ReadError, MissingFeature."""
        if address not in self._known:
            self._known[address] = self._read(address)
        return self._known[address]

    def is_padded(self, cache: Cache) -> bool:
        """Whether its objects have red zones."""
        return bool(cache.flags & self._flag("_SLAB_RED_ZONE", _RED_ZONE))

    def tracks_full(self, cache: Cache) -> bool:
        """Whether its slabs without a free object are on a list."""
        return bool(cache.flags & self._flag("_SLAB_STORE_USER", _STORE_USER))

    def _flag(self, bit: str, value: int) -> int:
        number = constant(self._kernel.prog, bit)
        return value if number is None else 1 << number

    def _read(self, address: int) -> Cache:
        kernel, layout = self._kernel, self._layout
        start, end = layout.start, layout.start + layout.size
        if self._nodes:
            start = min(start, *(at for _, at in self._nodes))
            end = max(end, *(at + kernel.word_size for _, at in self._nodes))
        data = kernel.read(address + start, end - start, "kmem_cache buffer")
        size, object_size, offset, packed, flags, random, padding, cpu, sheaves, _ = layout.unpack(
            data, layout.start - start
        )

        def words(places: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
            width = kernel.word_size
            return tuple(
                (node, kernel.unsigned(data[at - start : at - start + width]))
                for node, at in places
            )

        return Cache(
            address,
            self.name(address),
            object_size,
            size,
            offset,
            packed & (1 << _ORDER_SHIFT) - 1,
            min(packed >> _ORDER_SHIFT & 0xFFFF, _LARGEST_ORDER),
            flags,
            random,
            padding or 0,
            cpu or 0,
            sheaves or 0,
            words(self._nodes),
            words(self._barns),
        )

    def _chain(self, symbol: str, member: str) -> tuple[tuple[int, ...], CrashError | None]:
        kernel = self._kernel
        head = kernel.required_symbol(symbol)
        back = member_offset(kernel.prog, "struct kmem_cache", member)
        found: list[int] = []
        try:
            chain = Chain(kernel.read_word(head, symbol), end=head)
            for link in entries(kernel, chain, "list entry"):
                found.append(link - back)
        except (ReadError, EndlessList) as error:
            return tuple(found), error
        return tuple(found), None

    @cached_property
    def _layout(self) -> Layout:
        fields = (
            "size",
            ("object_size", "objsize"),  # 3.6
            "offset",
            "oo",
            "flags",
            "random",
            "red_left_pad",
            "cpu_slab",
            "cpu_sheaves",
            "name",
        )
        optional = ("random", "red_left_pad", "cpu_slab", "cpu_sheaves")
        return Layout(self._kernel.prog, "struct kmem_cache", fields, optional)

    @cached_property
    def _nodes(self) -> tuple[tuple[int, int], ...]:
        """Each NUMA node with where in a cache the pointer to its kmem_cache_node lies."""
        prog = self._kernel.prog
        place = find_member(prog, "struct kmem_cache", "node")
        if place is not None:
            return self._places(place.offset, self._kernel.word_size, 0)
        return self._per_node("node")

    @cached_property
    def _barns(self) -> tuple[tuple[int, int], ...]:
        """The same of its node_barn (7.0)."""
        return self._per_node("barn")

    def _per_node(self, member: str) -> tuple[tuple[int, int], ...]:
        prog = self._kernel.prog
        place = find_member(prog, "struct kmem_cache", "per_node")
        if place is None:
            return ()
        layout = Layout(prog, "struct kmem_cache_per_node_ptrs", (member,))
        return self._places(place.offset, layout.whole, layout.at(member))

    def _places(self, first: int, apart: int, inside: int) -> tuple[tuple[int, int], ...]:
        nodes = self._kernel.part(Nodes).all
        return tuple((node.id, first + node.id * apart + inside) for node in nodes)
