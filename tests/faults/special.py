"""Faults in what is no structure: page tables, per-CPU offsets, stacks, tables of the unwinder,
nodes of trees, names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import drgn
from drgn.helpers.linux.fs import for_each_file, for_each_mount
from drgn.helpers.linux.module import for_each_module
from drgn.helpers.linux.slab import for_each_slab_cache

from tests.faults.structures import Damage

_TABLE = 4096
_ADDRESS_BITS = 0x000FFFFFFFFFF000
#: Flags of an entry that is there: present, written, of a large page, of a user.
_ENTRY_FLAGS = (0x063, 0x0E3, 0x067, 0x0E7, 0x001, 0x000)


def page_tables(damage: Damage) -> None:
    """Entries of page tables, of the kernel or of tasks, that lead anywhere or to themselves."""
    chance, kernel = damage.chance, damage.found.kernel
    tops = [kernel.symbol_address("swapper_pg_dir") or kernel.symbol_address("init_top_pgt") or 0]
    for task in chance.sample(kernel.tasks.all, min(8, len(kernel.tasks.all))):
        if task.mm:
            mm = drgn.Object(kernel.prog, "struct mm_struct", address=task.mm)
            tops.append(int(mm.pgd.value_()))
    tables = [*_tables(damage, tops)]
    for _ in range(chance.choice((1, 4, 30))):
        if not tables:
            return
        table = chance.choice(tables)
        at = table + 8 * chance.randrange(_TABLE // 8)
        flags = chance.choice(_ENTRY_FLAGS)
        entry = chance.choice(
            (
                table | flags,
                chance.choice(tables) | flags,
                chance.getrandbits(52) & _ADDRESS_BITS | flags,
                (1 << 64) - 1,
                chance.getrandbits(64),
                0,
            )
        )
        damage.overlay.write_physical(at, entry.to_bytes(8, "little"), "page table")


def _tables(damage: Damage, tops: Sequence[int]) -> Iterator[int]:
    """Physical addresses of tables that are in use: on random ways down from the tops."""
    prog = damage.prog
    for _ in range(40):
        top = damage.chance.choice(tops)
        try:
            table = int(drgn.Object(prog, "void *", value=top).value_())
            physical = _physical(damage, table)
            for _ in range(4):
                yield physical
                words = memoryview(prog.read(physical, _TABLE, physical=True)).cast("Q")
                there = [w for w in words if w & 1 and not w & 0x80]
                if not there:
                    break
                physical = damage.chance.choice(there) & _ADDRESS_BITS
        except (drgn.FaultError, LookupError, ValueError):
            continue


def _physical(damage: Damage, address: int) -> int:
    from drgn.helpers.linux.mm import virt_to_phys

    return int(virt_to_phys(damage.prog, address).value_())


def percpu_offsets(damage: Damage) -> None:
    """Offsets of per-CPU memory, and what tells how many CPUs there are."""
    kernel, chance = damage.found.kernel, damage.chance
    span = kernel.symbol_span("__per_cpu_offset")
    if span is not None:
        for _ in range(chance.choice((1, 2, 4))):
            cpu = chance.randrange(kernel.cpus.count + 1)
            at = span[0] + 8 * cpu
            damage.overlay.pointer(at, damage.wild(at, span[0]), "per-CPU offset")
    if chance.random() < 0.4:
        for name in (
            "__cpu_online_mask",
            "__cpu_possible_mask",
            "__cpu_present_mask",
            "nr_cpu_ids",
        ):
            mask = kernel.symbol_span(name)
            if mask is not None and chance.random() < 0.5:
                damage.overlay.write(mask[0], damage.chance.randbytes(min(mask[1], 1024)), name)


def stacks(damage: Damage) -> None:
    """Words of stacks, and what says where they are."""
    kernel, chance = damage.found.kernel, damage.chance
    prog = kernel.prog
    for known in chance.sample(kernel.tasks.all, min(12, len(kernel.tasks.all))):
        task = drgn.Object(prog, "struct task_struct", address=known.address)
        top = int(task.stack.value_()) + 4 * 4096
        sp = int(task.thread.sp.value_()) if hasattr(task, "thread") else top - 512
        way = chance.randrange(4)
        if way == 0:
            at = int(task.thread.sp.address_of_().value_())
            damage.overlay.pointer(at, damage.wild(at, sp), "thread.sp")
        elif way == 1:
            at = int(task.stack.address_of_().value_())
            damage.overlay.pointer(at, damage.wild(at, top), "stack")
        elif way == 2 and top - 4 * 4096 <= sp < top - 64:
            for _ in range(chance.choice((1, 8, 64))):
                at = chance.randrange(sp & ~7, top, 8)
                text = chance.choice(damage.found.text) + chance.choice((0, 1, 5))
                value = chance.choice((damage.wild(at, sp), text, chance.randrange(sp, top)))
                damage.overlay.pointer(at, value, "stack word")
        else:
            damage.overlay.write(top - 4 * 4096, b"\0" * chance.choice((8, 4096, 16384)), "stack")


def unwinder(damage: Damage) -> None:
    """The tables by which stacks are unwound, of addresses and of symbols."""
    kernel, chance = damage.found.kernel, damage.chance
    spans = {
        "__start_orc_unwind_ip": "__stop_orc_unwind_ip",
        "__start_orc_unwind": "__stop_orc_unwind",
        "orc_lookup": "orc_lookup_end",
        "kallsyms_names": "kallsyms_num_syms",
        "__start___ex_table": "__stop___ex_table",
    }
    for first, last in spans.items():
        low, high = kernel.symbol_address(first), kernel.symbol_address(last)
        if low is None or high is None or high <= low or chance.random() < 0.3:
            continue
        for _ in range(chance.choice((1, 10, 300))):
            at = chance.randrange(low, high)
            damage.overlay.write(at, chance.randbytes(chance.choice((1, 2, 6, 64))), first)


def nodes(damage: Damage) -> None:
    """Nodes of radix trees, maple trees, red-black trees: that hold themselves, or too much."""
    chance, found = damage.chance, damage.found
    wanted = [*_nodes(damage)]
    wanted += [("rb_node", p.address, 24) for p in found.by_name.get("rb_node", ())]
    for _ in range(chance.choice((1, 3, 12))):
        if not wanted:
            return
        name, node, size = chance.choice(wanted)
        itself = chance.choice((node, node | 2, node | 1, node | 0x1E, node | 0xE))
        for at in range(node, node + size, 8):
            if chance.random() < 0.2:
                other = chance.choice(wanted)[1] | chance.choice((0, 2, 0x1E))
                value = chance.choice((itself, itself, other, damage.wild(at, node)))
                damage.overlay.pointer(at, value, name)


def _nodes(damage: Damage) -> Iterator[tuple[str, int, int]]:
    """Nodes of the trees of files and of memory: name, address, bytes."""
    kernel, prog = damage.found.kernel, damage.prog
    xa_size = drgn.sizeof(prog.type("struct xa_node"))
    for known in kernel.tasks.all:
        task = drgn.Object(prog, "struct task_struct", address=known.address)
        try:
            if task.mm:
                root = int(task.mm.mm_mt.ma_root.value_())
                if root & 2:
                    yield "maple node", root & ~0xFF, 256
            if task.files:
                for _, file in for_each_file(task):
                    head = int(file.f_mapping.i_pages.xa_head.value_())
                    if head & 3 == 2 and head > 4096:
                        yield "radix node", head & ~3, xa_size
        except (AttributeError, LookupError, drgn.FaultError):
            continue
    head = int(prog["init_pid_ns"].idr.idr_rt.xa_head.value_())
    if head & 3 == 2:
        yield "idr node", head & ~3, xa_size


def names(damage: Damage) -> None:
    """Names and texts: with what terminals obey, without an end, empty."""
    found = [*_names(damage)]
    for _ in range(damage.chance.choice((2, 8, 30))):
        what, address, size = damage.chance.choice(found)
        damage.overlay.write(address, damage.text(size), what)


def _names(damage: Damage) -> Iterator[tuple[str, int, int]]:
    """Names in the dump: what of, where, how many bytes there are."""
    kernel, prog = damage.found.kernel, damage.prog
    for known in kernel.tasks.all:
        task = drgn.Object(prog, "struct task_struct", address=known.address)
        yield "comm", int(task.comm.address_of_().value_()), 16
    sources: list[Callable[[], Iterator[tuple[str, int, int]]]] = [
        lambda: _inside(((m.name, 56) for m in for_each_module(prog)), "module"),
        lambda: _inside(((m.version, 8) for m in for_each_module(prog)), "version"),
        lambda: _inside(((c.name, 12) for c in for_each_slab_cache(prog)), "slab cache"),
        lambda: _inside(_file_names(damage), "file"),
        lambda: _inside(_mount_names(damage), "mount"),
        lambda: _inside(((f, 65) for f in _uts(damage)), "uts"),
        lambda: _inside(((d.address_of_(), 16) for d in _devices(damage)), "device"),
        lambda: _log(damage),
        lambda: _inside([(prog["saved_command_line"], 40)], "command line"),
        lambda: _inside([(prog["dmi_ident"][at], 12) for at in range(8)], "dmi"),
    ]
    for source in sources:
        try:
            yield from source()
        except (LookupError, AttributeError, drgn.FaultError, ValueError, TypeError):
            continue


def _inside(texts: object, what: str) -> Iterator[tuple[str, int, int]]:
    for value, size in texts:  # type: ignore[attr-defined]
        is_pointer = value.type_.kind == drgn.TypeKind.POINTER
        address = int(value.value_()) if is_pointer else int(value.address_of_().value_())
        if address:
            yield what, address, size


def _file_names(damage: Damage) -> Iterator[tuple[drgn.Object, int]]:
    for known in damage.found.kernel.tasks.all:
        task = drgn.Object(damage.prog, "struct task_struct", address=known.address)
        if task.files:
            for _, file in for_each_file(task):
                yield file.f_path.dentry.d_name.name, 24
                yield file.f_path.dentry.d_parent.d_name.name, 24


def _mount_names(damage: Damage) -> Iterator[tuple[drgn.Object, int]]:
    for mount in for_each_mount(damage.prog["init_nsproxy"].mnt_ns):
        yield mount.mnt_devname, 10
        yield mount.mnt.mnt_sb.s_id, 32
        yield mount.mnt.mnt_sb.s_type.name, 8
        yield mount.mnt_mountpoint.d_name.name, 16


def _uts(damage: Damage) -> Iterator[drgn.Object]:
    names_ = damage.prog["init_uts_ns"].name
    yield from (names_.nodename, names_.version, names_.machine, names_.domainname, names_.sysname)


def _devices(damage: Damage) -> Iterator[drgn.Object]:
    for place in damage.found.by_name.get("net_device", ()):
        yield drgn.Object(damage.prog, "struct net_device", address=place.address).name


def _log(damage: Damage) -> Iterator[tuple[str, int, int]]:
    """Pieces of the texts of the log."""
    ring = damage.prog["prb"].text_data_ring
    begin, size = int(ring.data.value_()), 1 << int(ring.size_bits.value_())
    used = min(size, int(ring.head_lpos.counter.value_()) % size or size)
    for _ in range(40):
        yield "log", begin + damage.chance.randrange(used), damage.chance.choice((8, 64, 256))


#: The faults of this module by their names, and the commands that look at what they damage.
SPECIAL: Mapping[str, tuple[Callable[[Damage], None], Sequence[str]]] = {
    "page tables": (page_tables, ("vtop", "rd", "vm", "pte", "foreach", "gcore")),
    "per-CPU offsets": (percpu_offsets, ("p", "kmem", "runq", "bt", "mach", "timer", "rd")),
    "stacks": (stacks, ("bt", "bt", "foreach", "stacks", "blockers", "task")),
    "unwinder": (unwinder, ("bt", "bt", "foreach", "stacks", "dis")),
    "tree nodes": (nodes, ("files", "vm", "tree", "ps", "kmem", "ccat", "timer")),
    "names": (names, ("ps", "log", "mod", "files", "mount", "sys", "net", "kmem", "triage")),
}
