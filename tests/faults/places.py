"""Where the structures of each part of a kernel lie."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from itertools import islice

import drgn
from drgn.helpers.linux.block import for_each_disk
from drgn.helpers.linux.fs import for_each_file, for_each_mount
from drgn.helpers.linux.list import list_for_each_entry
from drgn.helpers.linux.mapletree import mt_for_each
from drgn.helpers.linux.mm import for_each_vma
from drgn.helpers.linux.module import for_each_module
from drgn.helpers.linux.percpu import per_cpu
from drgn.helpers.linux.radixtree import radix_tree_for_each
from drgn.helpers.linux.slab import for_each_slab_cache

from pycrash.kernel.kernel import Kernel
from tests.matrix.samples import Found

#: What a walk of drgn's helpers over a whole kernel may raise where it lacks something.
_LACKS = (LookupError, AttributeError, drgn.FaultError, ValueError)
_MOST = 300

#: The name of a structure's type, and its address.
Place = tuple[str, int]


@dataclass(frozen=True)
class Area:
    """A part of the kernel: the commands that look at it, and where its structures lie.

    `types` are those of which any that are reachable from the kernel's variables belong to it.
    """

    name: str
    focus: Sequence[str]
    find: Callable[[Kernel, random.Random], Iterator[Place]]
    types: Sequence[str] = ()

    def places(self, found: Found, chance: random.Random) -> list[Place]:
        """Some of its structures."""
        places: list[Place] = []
        with suppress(*_LACKS):  # those before what this kernel lacks
            places += islice(self.find(found.kernel, chance), _MOST)
        for name in self.types:
            places += [(f"struct {name}", p.address) for p in found.by_name.get(name, ())]
        return places


def _of(value: drgn.Object) -> Iterator[Place]:
    """What a pointer points to, or a variable itself."""
    if value.type_.kind != drgn.TypeKind.POINTER:
        value = value.address_of_()
    address = int(value.value_())
    if address:
        yield value.type_.type.type_name().removeprefix("const "), address


def _tasks(kernel: Kernel, chance: random.Random) -> list[drgn.Object]:
    known = kernel.tasks.all
    return [
        drgn.Object(kernel.prog, "struct task_struct", address=task.address)
        for task in chance.sample(known, min(12, len(known)))
    ]


def _of_tasks(kernel: Kernel, chance: random.Random) -> Iterator[Place]:
    for task in _tasks(kernel, chance):
        yield from _of(task)
        for name in ("signal", "sighand", "real_cred", "thread_pid", "nsproxy", "real_parent"):
            yield from _of(task.member_(name))


def _of_mms(kernel: Kernel, chance: random.Random) -> Iterator[Place]:
    for task in _tasks(kernel, chance):
        if task.mm:
            yield from _of(task.mm)
            for vma in islice(for_each_vma(task.mm), 6):
                yield from _of(vma)


def _files(kernel: Kernel, chance: random.Random) -> Iterator[drgn.Object]:
    for task in _tasks(kernel, chance):
        if task.files:
            for _, file in islice(for_each_file(task), 8):
                yield file


def _of_files(kernel: Kernel, chance: random.Random) -> Iterator[Place]:
    for task in _tasks(kernel, chance):
        yield from _of(task.fs)
        if task.files:
            yield from _of(task.files)
            yield from _of(task.files.fdt)
    for file in _files(kernel, chance):
        yield from _of(file)


def _of_dentries(kernel: Kernel, chance: random.Random) -> Iterator[Place]:
    for file in _files(kernel, chance):
        dentry = file.f_path.dentry
        for one in (dentry, dentry.d_parent, dentry.d_inode, dentry.d_sb, file.f_mapping):
            yield from _of(one)
    for one in list_for_each_entry(
        "struct super_block", kernel.prog["super_blocks"].address_of_(), "s_list"
    ):
        yield from _of(one.s_root)


def _of_mounts(kernel: Kernel, chance: random.Random) -> Iterator[Place]:
    for mount in for_each_mount(kernel.prog["init_nsproxy"].mnt_ns):
        for one in (mount, mount.mnt.mnt_sb, mount.mnt.mnt_root, mount.mnt.mnt_sb.s_type):
            yield from _of(one)


def _of_modules(kernel: Kernel, chance: random.Random) -> Iterator[Place]:
    for module in for_each_module(kernel.prog):
        yield from _of(module)
        for name in ("kallsyms", "sect_attrs", "syms", "attrs"):
            try:
                yield from _of(module.member_(name))
            except LookupError:
                continue


def _of_log(kernel: Kernel, chance: random.Random) -> Iterator[Place]:
    ring = kernel.prog["prb"]
    yield from _of(ring)
    last = int(ring.desc_ring.head_id.counter.value_())
    count = 1 << int(ring.desc_ring.count_bits.value_())
    for back in [0, 1, *chance.sample(range(min(last, count)), 6)]:
        yield from _of((ring.desc_ring.descs + (last - back) % count).read_())
        yield from _of((ring.desc_ring.infos + (last - back) % count).read_())


def _of_sockets(kernel: Kernel, chance: random.Random) -> Iterator[Place]:
    for known in kernel.tasks.all:
        task = drgn.Object(kernel.prog, "struct task_struct", address=known.address)
        if not task.files:
            continue
        for _, file in for_each_file(task):
            if int(file.f_inode.i_mode.value_()) & 0o170000 == 0o140000:
                socket = drgn.cast("struct socket *", file.private_data)
                for one in (socket, socket.sk, socket.ops, socket.sk.__sk_common.skc_prot):
                    yield from _of(one)


def _of_net(kernel: Kernel, chance: random.Random) -> Iterator[Place]:
    net = kernel.prog["init_net"]
    yield from _of(net)
    for device in list_for_each_entry(
        "struct net_device", net.dev_base_head.address_of_(), "dev_list"
    ):
        yield from _of(device)
        yield from _of(device.ip_ptr)
        yield from _of(device.ip_ptr.ifa_list)


def _of_slabs(kernel: Kernel, chance: random.Random) -> Iterator[Place]:
    for cache in for_each_slab_cache(kernel.prog):
        yield from _of(cache)
        yield from _of(cache.node[0])
        yield from _of(per_cpu(cache.cpu_slab[0], 0))
        slab = per_cpu(cache.cpu_slab[0], 0).slab
        if slab:
            yield from _of(slab)


def _of_timers(kernel: Kernel, chance: random.Random) -> Iterator[Place]:
    for cpu in range(kernel.cpus.count):
        bases = per_cpu(kernel.prog["hrtimer_bases"], cpu)
        yield from _of(bases)
        for base in bases.clock_base:
            yield from _of(base)
            node = base.active.rb_root.rb_root.rb_node
            if node:
                yield from _of(node)
        for base in per_cpu(kernel.prog["timer_bases"], cpu):
            yield from _of(base)
            for vector in base.vectors:
                if vector.first:
                    yield from _of(vector.first)


def _of_queues(kernel: Kernel, chance: random.Random) -> Iterator[Place]:
    for cpu in range(kernel.cpus.count):
        queue = per_cpu(kernel.prog["runqueues"], cpu)
        for one in (queue, queue.cfs, queue.rt, queue.curr, queue.idle, queue.curr.se, queue.dl):
            yield from _of(one)
    yield from _of(kernel.prog["root_task_group"])


def _of_memory(kernel: Kernel, chance: random.Random) -> Iterator[Place]:
    prog = kernel.prog
    node = prog["contig_page_data"] if "contig_page_data" in prog else prog["node_data"][0]
    yield from _of(node)
    node = node if node.type_.kind == drgn.TypeKind.POINTER else node.address_of_()
    for zone in node.node_zones:
        yield from _of(zone)
        for area in zone.free_area:
            yield from _of(area)
    base, size = int(prog["vmemmap_base"].value_()), drgn.sizeof(prog.type("struct page"))
    for _ in range(30):
        yield "struct page", base + size * chance.randrange(1 << 16)


def _of_ipc(kernel: Kernel, chance: random.Random) -> Iterator[Place]:
    yield from _of(kernel.prog["init_ipc_ns"])


def _of_resources(kernel: Kernel, chance: random.Random) -> Iterator[Place]:
    for name in ("iomem_resource", "ioport_resource"):
        here = kernel.prog[name].address_of_()
        while here:
            yield from _of(here)
            here = here.child or here.sibling
    for name in ("chrdevs", "bus_kset", "class_kset", "pci_root_buses"):
        yield from _of(kernel.prog[name])


def _of_interrupts(kernel: Kernel, chance: random.Random) -> Iterator[Place]:
    prog = kernel.prog
    if "sparse_irqs" in prog:
        found = (entry for _, _, entry in mt_for_each(prog["sparse_irqs"].address_of_()))
    else:
        found = (entry for _, entry in radix_tree_for_each(prog["irq_desc_tree"].address_of_()))
    for entry in found:
        one = drgn.cast("struct irq_desc *", entry)
        for part in (one, one.action, one.irq_data.chip, one.irq_common_data, one.irq_data):
            yield from _of(part)


def _of_disks(kernel: Kernel, chance: random.Random) -> Iterator[Place]:
    for disk in for_each_disk(kernel.prog):
        for path in ("", "queue", "part0", "queue tag_set", "queue tag_set tags", "bdi", "fops"):
            try:
                yield from _of(reduce(_member, path.split(), disk))
            except (LookupError, AttributeError):
                continue


def _member(value: drgn.Object, name: str) -> drgn.Object:
    return value.member_(name)


def _of_tracing(kernel: Kernel, chance: random.Random) -> Iterator[Place]:
    prog = kernel.prog
    head = prog["ftrace_trace_arrays"].address_of_()
    for array in list_for_each_entry("struct trace_array", head, "list"):
        for one in (array, array.array_buffer.buffer, array.current_trace, array.events):
            yield from _of(one)
        for cpu in range(kernel.cpus.count):
            buffer = array.array_buffer.buffer.buffers[cpu]
            for one in (buffer, buffer.head_page, buffer.commit_page, buffer.reader_page):
                yield from _of(one)
    head = prog["ftrace_events"].address_of_()
    for event in islice(list_for_each_entry("struct trace_event_call", head, "list"), 60):
        for one in (event, getattr(event, "class"), event.event):
            yield from _of(one)


def _of_waiting(kernel: Kernel, chance: random.Random) -> Iterator[Place]:
    prog = kernel.prog
    for queue in islice(
        list_for_each_entry("struct workqueue_struct", prog["workqueues"].address_of_(), "list"), 40
    ):
        yield from _of(queue)
    for cpu in range(kernel.cpus.count):
        for pool in per_cpu(prog["cpu_worker_pools"], cpu):
            yield from _of(pool)
            head = pool.workers.address_of_()
            for worker in list_for_each_entry("struct worker", head, "node"):
                yield from _of(worker)


AREAS = (
    Area("tasks", ("ps", "foreach", "task", "sig", "set", "bt"), _of_tasks, ("pid", "cred")),
    Area("mm", ("vm", "vtop", "ps", "foreach", "rd"), _of_mms, ("mm_struct", "maple_tree")),
    Area("files", ("files", "foreach", "fuser", "net"), _of_files, ("files_struct", "file")),
    Area(
        "dentries",
        ("files", "cls", "ccat", "cfind", "mount", "fuser"),
        _of_dentries,
        ("dentry", "inode", "address_space"),
    ),
    Area("mounts", ("mount", "files", "cls", "dev"), _of_mounts, ("super_block", "mount")),
    Area("modules", ("mod", "sym", "bt", "dis", "kmem"), _of_modules, ("module",)),
    Area("log", ("log", "sys", "explain"), _of_log, ("printk_ringbuffer",)),
    Area("sockets", ("net", "files", "foreach"), _of_sockets, ("sock", "socket", "proto")),
    Area("network", ("net", "dev"), _of_net, ("net", "net_device", "neigh_table", "neighbour")),
    Area("slabs", ("kmem", "kmem", "rd", "search"), _of_slabs, ("kmem_cache", "kmem_cache_node")),
    Area("timers", ("timer", "timer", "task"), _of_timers, ("timer_list", "hrtimer")),
    Area(
        "run queues",
        ("runq", "ps", "bt", "mach", "blockers"),
        _of_queues,
        ("rq", "cfs_rq", "sched_entity", "task_group"),
    ),
    Area("memory", ("kmem", "kmem", "vtop", "search"), _of_memory, ("zone", "mem_section")),
    Area(
        "interrupts",
        ("irq", "irq", "dev"),
        _of_interrupts,
        ("irq_desc", "irqaction", "irq_data", "idt_data", "irq_domain"),
    ),
    Area(
        "block",
        ("dev", "sbitmapq", "kmem"),
        _of_disks,
        (
            "gendisk",
            "request_queue",
            "block_device",
            "blk_mq_tags",
            "blk_mq_hw_ctx",
            "sbitmap_queue",
            "request",
        ),
    ),
    Area("ipc", ("ipcs", "kmem"), _of_ipc, ("ipc_namespace", "ipc_ids", "kern_ipc_perm")),
    Area(
        "devices",
        ("dev", "dev", "irq"),
        _of_resources,
        ("resource", "cdev", "pci_dev", "pci_bus", "kobject", "device"),
    ),
    Area(
        "tracing",
        ("trace", "bpf", "trace"),
        _of_tracing,
        (
            "trace_array",
            "trace_event_call",
            "ring_buffer_per_cpu",
            "buffer_page",
            "bpf_prog",
            "bpf_map",
            "tracer",
        ),
    ),
    Area(
        "waiting",
        ("waitq", "blockers", "bt", "timer"),
        _of_waiting,
        ("wait_queue_head", "mutex", "rw_semaphore", "worker_pool", "workqueue_struct", "worker"),
    ),
)
