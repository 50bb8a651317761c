"""What the firmware told an x86-64 kernel, and what that found out about its processors."""

from __future__ import annotations

from pycrash.errors import CrashError
from pycrash.kernel.core.layout import Layout, type_size
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.stacks.machine import CpuData, FirmwareRange

#: More entries than any firmware's table has.
_MOST = 4096
_CPU_DATA = "cpuinfo_x86"


def firmware_map(kernel: Reader) -> list[FirmwareRange]:
    """The ranges of the BIOS's table (struct e820_table; struct e820map before 4.12).

    Raises CrashError, ReadError.
    """
    table, entry, prog = _firmware_table(kernel), _entry_type(kernel), kernel.prog
    layout = Layout(prog, f"struct {entry}", (("addr",), ("size",), ("type",)))
    count = kernel.unsigned(kernel.read(table, 4, "e820map"))
    data = kernel.read(table + 4, min(count, _MOST) * layout.whole, "e820map")
    found = []
    for at in range(layout.start, len(data), layout.whole):
        start, size, type_ = layout.unpack(data, at)
        found.append(FirmwareRange(start, start + size, type_))
    return found


def _entry_type(kernel: Reader) -> str:
    return "e820_entry" if type_size(kernel.prog, "struct e820_entry") else "e820entry"


def _firmware_table(kernel: Reader) -> int:
    span = kernel.symbol_span("e820_table")
    if span is None:
        span = kernel.symbol_span("e820")
    if span is None:
        raise CrashError("neither e820 or e820_table symbols exist")
    # 4.10 made a pointer of what was the table itself.
    is_pointer = span[1] == kernel.word_size
    return kernel.read_word(span[0], "e820_table") if is_pointer else span[0]


def cpu_data(kernel: Reader) -> CpuData:
    """The struct cpuinfo_x86 of each CPU (cpu_info), or of the first without SMP."""
    at, cpus = kernel.symbol_address("cpu_info"), kernel.cpus
    if at is not None:
        return CpuData(_CPU_DATA, [cpus.address(at, cpu) for cpu in range(cpus.count)])
    at = kernel.symbol_address("boot_cpu_data")
    return CpuData(_CPU_DATA, [] if at is None else [at], boot_only=True)
