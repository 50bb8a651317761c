"""Lines of drgn for the commands about the system and its devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pycrash.api.twins.base import Twin, always

if TYPE_CHECKING:
    from pycrash.api.args import Args
    from pycrash.api.context import Context


def _log(ctx: Context, args: Args) -> str:
    if not args.given:
        return """
from drgn.helpers.linux.printk import print_dmesg

print_dmesg(prog)
"""
    return """
from drgn.helpers.linux.printk import get_printk_records

for record in get_printk_records(prog):
    print(record.timestamp, record.level, record.caller_tid, record.text.decode(errors="replace"))
"""


def _sys(ctx: Context, args: Args) -> str:
    if args.operands[:1] == ("config",):
        return """
from drgn.helpers.linux.kconfig import get_kconfig

for name, value in get_kconfig(prog).items():
    print(f"{name}={value}")
"""
    return """
from drgn.helpers.linux.cpumask import num_online_cpus
from drgn.helpers.linux.panic import panic_message, tainted
from drgn.helpers.linux.sched import loadavg
from drgn.helpers.linux.timekeeping import ktime_get_real_seconds, uptime_pretty

names = prog["init_uts_ns"].name
print(names.nodename.string_(), names.release.string_(), names.version.string_())
print(num_online_cpus(prog), "CPUs, up", uptime_pretty(prog), "load", *loadavg(prog))
print("at second", ktime_get_real_seconds(prog).value_(), "tainted:", tainted(prog))
print(panic_message(prog))
"""


def _dev(ctx: Context, args: Args) -> str:
    if "i" in args:
        return """
from drgn.helpers.linux.ioport import for_each_resource

for root in ("ioport_resource", "iomem_resource"):
    for resource in for_each_resource(prog[root].address_of_()):
        start, end = resource.start.value_(), resource.end.value_()
        print(f"{start:x}-{end:x}", resource.name.string_().decode())
"""
    if "p" in args:
        return """
from drgn.helpers.linux.pci import for_each_pci_dev, pci_name

for device in for_each_pci_dev(prog):
    kind = getattr(device, "class").value_()
    vendor, number = device.vendor.value_(), device.device.value_()
    print(f"{device.value_():x} {pci_name(device)} {kind:06x} {vendor:04x}:{number:04x}")
"""
    if "d" in args:
        return """
from drgn.helpers.linux.block import disk_name, for_each_disk, request_queue_busy_iter

for disk in for_each_disk(prog):
    busy = sum(1 for request in request_queue_busy_iter(disk.queue))
    print(disk.major.value_(), hex(disk), disk_name(disk).decode(), hex(disk.queue), busy)
"""
    return """
from drgn.helpers.linux.device import for_each_registered_blkdev, for_each_registered_chrdev

for number, count, name, cdev in for_each_registered_chrdev(prog):
    print("character", number >> 20, name.decode(), hex(cdev))
for major, name, probe in for_each_registered_blkdev(prog):
    print("block", major, name.decode())
"""


def _timer(ctx: Context, args: Args) -> str:
    if "r" in args:
        return """
from drgn.helpers.linux.cpumask import for_each_online_cpu
from drgn.helpers.linux.percpu import per_cpu
from drgn.helpers.linux.timer import hrtimer_clock_base_for_each

for cpu in for_each_online_cpu(prog):
    for clock in per_cpu(prog["hrtimer_bases"], cpu).clock_base:
        for timer in hrtimer_clock_base_for_each(clock.address_of_()):
            expires = timer.node.expires.value_()
            print(cpu, clock.index.value_(), expires, hex(timer), timer.function)
"""
    return """
from drgn.helpers.linux.cpumask import for_each_online_cpu
from drgn.helpers.linux.percpu import per_cpu
from drgn.helpers.linux.timer import timer_base_for_each

print("jiffies", prog["jiffies"].value_())
for cpu in for_each_online_cpu(prog):
    for base in per_cpu(prog["timer_bases"], cpu):
        for timer in timer_base_for_each(base.address_of_()):
            print(cpu, timer.expires.value_(), hex(timer), timer.function)
"""


def _irq(ctx: Context, args: Args) -> str:
    wanted = ", ".join(word for word in args.operands if word.isdigit())
    chosen = f"    if number not in ({wanted},):\n        continue\n" if wanted else ""
    return f"""
from drgn.helpers.linux.cpumask import for_each_online_cpu
from drgn.helpers.linux.irq import (
    for_each_irq_desc,
    irq_desc_action_names,
    irq_desc_chip_name,
    irq_desc_kstat_cpu,
)

for number, descriptor in for_each_irq_desc(prog):
{chosen}    counts = [irq_desc_kstat_cpu(descriptor, cpu) for cpu in for_each_online_cpu(prog)]
    names = irq_desc_action_names(descriptor)
    print(number, hex(descriptor), counts, irq_desc_chip_name(descriptor), *names)
"""


_MOD = always("""
    from drgn.helpers.linux.module import for_each_module, module_address_regions, module_taints

    for module in for_each_module(prog):
        regions = module_address_regions(module)
        name = module.name.string_().decode()
        print(hex(module), name, [hex(start) for start, size in regions], module_taints(module))
    """)

_MOUNT = always("""
    from drgn.helpers.linux.fs import for_each_mount, mount_dst, mount_fstype, mount_src

    for mount in for_each_mount(prog):
        kind, source, place = mount_fstype(mount), mount_src(mount), mount_dst(mount)
        print(hex(mount), hex(mount.mnt.mnt_sb), kind.decode(), source.decode(), place.decode())
    """)

_SWAP = always("""
    from drgn.helpers.linux.swap import for_each_swap_info, swap_file_path, swap_usage_in_pages

    for area in for_each_swap_info(prog):
        pages, used = area.pages.value_(), swap_usage_in_pages(area)
        print(hex(area), pages, used, area.prio.value_(), swap_file_path(area).decode())
    """)

_BPF = always("""
    from drgn.helpers.linux.bpf import bpf_map_for_each, bpf_prog_for_each

    for program in bpf_prog_for_each(prog):
        about = program.aux
        print(about.id.value_(), hex(program), hex(about), program.type.format_(type_name=False))
    for map in bpf_map_for_each(prog):
        print(map.id.value_(), hex(map), map.map_type.format_(type_name=False))
    """)

_MACH = always("""
    from drgn.helpers.linux.cpumask import num_online_cpus
    from drgn.helpers.linux.mm import totalram_pages

    print(prog.platform.arch, num_online_cpus(prog), "CPUs")
    print(totalram_pages(prog) * prog["PAGE_SIZE"].value_(), "bytes of memory")
    """)

TWINS = {
    "bpf": _BPF,
    "dev": Twin(_dev, "ipd"),
    "irq": Twin(_irq, "s"),
    "log": Twin(_log, "tdmcu"),
    "mach": _MACH,
    "mod": _MOD,
    "mount": _MOUNT,
    "swap": _SWAP,
    "sys": Twin(_sys),
    "timer": Twin(_timer, "r"),
}
