"""A kernel with slab caches made by hand: one node, two CPUs, pages side by side."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

from pycrash.kernel.core.memory import Memory
from pycrash.kernel.mm.nodes import Node, Nodes
from pycrash.kernel.mm.pages import Pages
from tests.kernel.fake_kernel import FakeKernel

#: Where memory, its struct pages, the list of caches, and the structures begin.
DIRECT, MAP, LIST = 0xFFFF888000000000, 0xFFFFEA0000000000, 0xFFFFFFFF82000000
CACHES, CPU_SLABS, NODES = 0xFFFF888100000000, 0xFFFF888200000000, 0xFFFF888300000000
SHEAVES = 0xFFFF888400000000
#: A page, a struct page, and how far apart per-CPU memory is.
PAGE, SIZE, PER_CPU = 4096, 64, 0x100000
PAGES = 64
_SLAB_FLAG = 1 << 9


class FakeSlabs(FakeKernel):
    """Caches of 4 objects a slab, 64 bytes each, the pointer to the next free one at 32.

    `hardened` mixes those pointers with a number and with where they lie, whose bytes are turned
    around if it is "turned".
    """

    RANDOM = 0x1234567890ABCDEF

    def __init__(self, hardened: str = "") -> None:
        super().__init__()
        self.hardened = hardened
        self.constants["PG_slab"] = 9
        links = self.struct("list_head", 16, next=(0, "P"), prev=(8, "P"))
        self.struct("page", SIZE, flags=(0, "Q"), compound_head=(8, "Q"))
        self.struct(
            *("slab", SIZE),
            slab_cache=(8, "P"),
            slab_list=(16, links),
            next=(16, "P"),
            freelist=(32, "P"),
            inuse=(40, "H"),
            objects=(42, "H"),
            frozen=(43, "B"),
        )
        self.struct("kmem_cache_cpu", 32, freelist=(0, "P"), slab=(16, "P"), partial=(24, "P"))
        self.struct(
            *("kmem_cache_node", 72),
            nr_partial=(8, "Q"),
            partial=(16, links),
            nr_slabs=(32, "Q"),
            total_objects=(40, "Q"),
            full=(48, links),
            barn=(64, "P"),
        )
        members = {"random": (96, "Q")} if hardened else {}
        self.struct(
            *("kmem_cache", 256),
            cpu_slab=(0, "P"),
            flags=(8, "I"),
            size=(16, "I"),
            object_size=(20, "I"),
            offset=(24, "I"),
            oo=(28, "I"),
            red_left_pad=(32, "I"),
            cpu_sheaves=(104, "P"),
            name=(40, "P"),
            list=(48, links),
            node=(128, self.array(self._member("P"), 4)),
            **members,
        )
        self.struct("slub_percpu_sheaves", 32, main=(8, "P"), spare=(16, "P"), rcu_free=(24, "P"))
        self.struct(
            *("slab_sheaf", 48),
            barn_list=(0, links),
            size=(24, "I"),
            objects=(32, self.array(self._member("P"), None)),
        )
        self.struct("node_barn", 40, sheaves_full=(8, links))
        self.symbol("slab_caches", LIST)
        self.write(LIST, "Q", LIST)
        self.caches: list[int] = []
        self.give(
            Memory, SimpleNamespace(is_kernel=lambda at: at >= 1 << 63, read_slowly=self._missing)
        )
        self.give(Pages, SimpleNamespace(physical=self._physical, address=self._page))
        node = Node(0, 0, 0, PAGES)
        self.give(Nodes, SimpleNamespace(all=[node], of_page=lambda number: node))
        tables = SimpleNamespace(
            direct_address=lambda at: DIRECT + at,
            kernel_physical=lambda at: at - DIRECT if at >= DIRECT else None,
        )
        self.kernel.__dict__["arch"] = SimpleNamespace(tables=tables)
        self.kernel.__dict__["cpus"] = SimpleNamespace(
            count=2, address=lambda base, cpu: base + cpu * PER_CPU, is_online=lambda cpu: not cpu
        )
        self.room(MAP, PAGES * SIZE)

    def cache(self, name: str, flags: int = 0, padding: int = 0) -> int:
        """Another cache, the first on the list. Returns its address."""
        address = CACHES + 256 * len(self.caches)
        node, cpus = NODES + 128 * len(self.caches), CPU_SLABS + 64 * len(self.caches)
        text = address + 0x10000
        self.write(text, "32s", name.encode())
        self.room(address, 256)
        self.write(address, "Q", cpus)
        self.write(address + 8, "I", flags)
        self.write(address + 16, "IIIII", 64, 56, 32, 4, padding)
        self.write(address + 40, "QQ", text, self.caches[-1] + 48 if self.caches else LIST)
        if self.hardened:
            self.write(address + 96, "Q", self.RANDOM)
        self.write(address + 128, "Q", node)
        self.write(LIST, "Q", address + 48)
        self.room(node, 72)
        self.write(node + 16, "Q", node + 16)
        self.write(node + 48, "Q", node + 48)
        for cpu in range(2):
            self.room(cpus + cpu * PER_CPU, 32)
        self.caches.append(address)
        return address

    def slab(self, cache: int, page: int, inuse: int, free: Sequence[int] = ()) -> int:
        """A slab of a cache in the page of a number, with these of its objects on its own list.
        Returns the address of its struct."""
        address = MAP + page * SIZE
        first = self.chain(page, free)
        self.write(address, "QQ", _SLAB_FLAG, cache)
        self.write(address + 32, "QHH", first, inuse, 4)
        return address

    def on_cpu(
        self, cache: int, cpu: int, slab: int, free: int = 0, partial: Sequence[int] = ()
    ) -> None:
        """A CPU's slab, the first of its free objects, and its partial slabs."""
        at = self.kernel.unsigned(self.kernel.read(cache, 8)) + cpu * PER_CPU
        self.write(at, "QQQQ", free, 0, slab, partial[0] if partial else 0)
        for here, following in zip(partial, [*partial[1:], 0], strict=False):
            self.write(here + 16, "Q", following)

    def sheaf(self, number: int, objects: Sequence[int]) -> int:
        """A sheaf with these objects. Returns its address."""
        address = SHEAVES + number * PAGE
        self.room(address, PAGE)
        self.write(address + 24, "I", len(objects))
        self.write(address + 32, f"{len(objects)}Q", *objects)
        return address

    def keep(self, cache: int, mine: Sequence[int], nodes: Sequence[int] = ()) -> None:
        """Sheaves that each CPU has as its first, and those full ones that the node keeps."""
        at, barn = SHEAVES - 0x10000000, SHEAVES - 0x1000
        self.write(cache + 104, "Q", at)
        for cpu, sheaf in enumerate(mine):
            self.write(at + cpu * PER_CPU, "QQQQ", 0, sheaf, 0, 0)
        self.write(self.kernel.unsigned(self.kernel.read(cache + 128, 8)) + 64, "Q", barn)
        self.room(barn, 40)
        links = [barn + 8, *nodes]
        for here, following in zip(links, [*links[1:], links[0]], strict=True):
            self.write(here, "Q", following)

    def on_node(self, cache: int, partial: Sequence[int], slabs: int) -> None:
        """The partial slabs of the node, and how many it has in all."""
        node = self.kernel.unsigned(self.kernel.read(cache + 128, 8))
        links = [node + 16, *(slab + 16 for slab in partial)]
        for here, following in zip(links, [*links[1:], links[0]], strict=True):
            self.write(here, "Q", following)
        self.write(node + 8, "Q", len(partial))
        self.write(node + 32, "QQ", slabs, slabs * 4)

    def chain(self, page: int, free: Sequence[int]) -> int:
        """Chain objects of a page by their numbers. Returns the first's address, 0 without."""
        self.room(DIRECT + page * PAGE, PAGE)
        places = [object_at(page, number) for number in free]
        for here, following in zip(places, [*places[1:], 0], strict=False):
            self.point(here, following)
        return places[0] if places else 0

    def point(self, place: int, following: int) -> None:
        """Have a free object point at another, or anywhere."""
        where = place + 32
        if self.hardened:
            turned = self.hardened == "turned"
            mixed = int.from_bytes(where.to_bytes(8, "big"), "little") if turned else where
            following ^= self.RANDOM ^ mixed
        self.write(where, "Q", following)

    def _physical(self, address: int) -> int | None:
        number, rest = divmod(address - MAP, SIZE)
        return number * PAGE if not rest and 0 <= number < PAGES else None

    def _page(self, physical: int) -> int | None:
        return MAP + physical // PAGE * SIZE if physical < PAGES * PAGE else None


def object_at(page: int, number: int) -> int:
    """Where an object of the slab in a page begins."""
    return DIRECT + page * PAGE + number * 64
