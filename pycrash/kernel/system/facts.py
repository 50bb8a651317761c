"""The machine and its kernel: names, clocks, load, memory, and the message it died with."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property

import drgn

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.core.layout import Layout, find_member, member_offset
from pycrash.kernel.core.places import Places
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.core.strings import read_text
from pycrash.kernel.core.utsname import UtsName, read_utsname
from pycrash.kernel.log.printk import FATAL_WORDS, KernelLog, LogDamage
from pycrash.kernel.mm.nodes import Nodes
from pycrash.kernel.modules.table import ModuleTable
from pycrash.kernel.system.config import KernelConfig
from pycrash.kernel.system.taint import Taints
from pycrash.kernel.walks.lists import Chain, EndlessList, entries

#: What a message says that brings a kernel down, the more telling ones first.
FATAL_TEXTS = (
    "SysRq : Crash",
    "SysRq : Trigger a crash",
    "SysRq : Netdump",
    "Kernel panic: ",
    "Kernel panic - ",
    "Kernel BUG at",
    "kernel BUG at",
    "Unable to handle kernel paging request",
    "Unable to handle kernel NULL pointer dereference",
    "BUG: unable to handle kernel ",
    "general protection fault: ",
    "double fault: ",
    "divide error: ",
    "stack segment: ",
    "[Hardware Error]: ",
    "Bad mode in ",
    "Oops: ",
)
#: An I/O scheduler in whose file `write_expire` is five seconds in ticks, told by a function.
DEADLINE_SCHEDULERS = (
    ("dd_init_queue", "mq-deadline.c"),
    ("dd_init_sched", "mq-deadline.c"),
    ("deadline_init_queue", "deadline-iosched.c"),
)
#: The counter starts this many seconds before it first overflows 32 bits.
INITIAL_SECONDS = 300
#: What kernels are configured with (CONFIG_HZ).
USUAL_HZ = (1000, 250, 100, 300, 1024, 512, 256, 200, 128, 64, 48, 32, 24)


class SystemFacts:
    """Facts of one dead system, each read when first asked for."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self.taints = Taints(kernel)
        self.config = KernelConfig(kernel)
        #: What was wrong with the log, once `panic_message` has read it.
        self.log_damage: LogDamage | None = None

    @cached_property
    def utsname(self) -> UtsName:
        """The names of the system (init_uts_ns.name). Raises MissingFeature, ReadError."""
        return self._kernel.part(read_utsname)

    @cached_property
    def command_line(self) -> str:
        """What it was booted with (saved_command_line). Raises MissingFeature, ReadError."""
        address = self._kernel.required_symbol("saved_command_line")
        text = self._kernel.read_word(address, "saved_command_line")
        return read_text(self._kernel, text, "saved_command_line")

    @cached_property
    def date(self) -> int:
        """The second since 1970 at which the kernel died, by its own clock (xtime_sec)."""
        kernel = self._kernel
        member = "xtime_sec"
        if kernel.has_member("struct timekeeper", "xtime"):  # before 3.10
            member = "xtime"
        place = self._timekeeper + member_offset(kernel.prog, "struct timekeeper", member)
        return kernel.unsigned(kernel.read(place, 8, f"timekeeper {member}"))

    @cached_property
    def _timekeeper(self) -> int:
        """The address of struct timekeeper, or of the copy that updates are made in (3.17)."""
        kernel = self._kernel
        for name in ("timekeeper", "shadow_timekeeper"):
            address = kernel.symbol_address(name)
            if address is not None:
                return address
        place = find_member(kernel.prog, "struct tk_data", "timekeeper")  # 6.13
        for name in ("timekeeper_data", "tk_core"):
            address = kernel.symbol_address(name)
            if address is not None and place is not None:
                return address + place.offset
        raise MissingFeature("no timekeeper in this kernel")

    @cached_property
    def boot_date(self) -> int:
        """The second since 1970 at which it booted."""
        return self.date - self.ticks // self.hz

    @cached_property
    def hz(self) -> int:
        """Ticks a second as crash takes them: of the configuration, else of the deadline I/O
        scheduler, else a default of the architecture, which need not be this kernel's.
        """
        kernel = self._kernel
        configured = self.config.get("CONFIG_HZ") or ""
        if configured.isdecimal() and int(configured):
            return int(configured)
        slice_at = kernel.symbol_address("cfq_slice_async")
        if slice_at is not None and Places(kernel).symbol_size("cfq_slice_async") == 4:
            # A 25th of a second in ticks; in nanoseconds, and wider, since 4.8.
            ticks = kernel.unsigned(kernel.read(slice_at, 4, "cfq_slice_async"))
            return ticks * 25 or kernel.arch.default_hz
        for name, file in DEADLINE_SCHEDULERS:
            if kernel.symbol_address(name) is None:
                continue
            try:
                expire = int(kernel.prog.object("write_expire", filename=file))
            except (LookupError, drgn.FaultError, drgn.ObjectAbsentError):
                continue
            if expire >= 5:
                return expire // 5
        return kernel.arch.default_hz if kernel.has_dwarf else self._measured_hz()

    def _measured_hz(self) -> int:
        """Ticks a second by which jiffies and the clock that runs since boot agree.

        What the kernel was configured with stands nowhere but in its DWARF.
        """
        kernel = self._kernel
        fields = ("xtime_sec", "wall_to_monotonic.tv_sec")
        layout = Layout(kernel.prog, "struct timekeeper", fields)
        span = kernel.read(self._timekeeper + layout.start, layout.size, "timekeeper")
        uptime: int = sum(layout.unpack(span)) & 0xFFFFFFFF
        jiffies = kernel.read_word(Places(kernel).symbol("jiffies"), "jiffies")

        def apart(hz: int) -> float:
            ticks = jiffies + INITIAL_SECONDS * hz & 0xFFFFFFFF
            return abs(ticks / hz - uptime)

        return min(USUAL_HZ, key=apart)

    @cached_property
    def ticks(self) -> int:
        """Ticks since boot, by jiffies_64 and `hz`."""
        kernel = self._kernel
        address = kernel.symbol_address("jiffies_64")
        if address is None:
            return kernel.read_word(Places(kernel).symbol("jiffies"), "jiffies")
        jiffies = kernel.unsigned(kernel.read(address, 8, "jiffies_64"))
        start = INITIAL_SECONDS * self.hz
        wraps, low = jiffies >> 32, jiffies & 0xFFFFFFFF
        if wraps:
            return (wraps - 1 << 32) + low + start
        return (low + start - (1 << 32)) & kernel.word_mask

    @cached_property
    def load_average(self) -> tuple[int, int, int]:
        """The load of one, five and fifteen minutes, in 2048ths (avenrun)."""
        kernel = self._kernel
        address = Places(kernel).symbol("avenrun")
        data = kernel.read(address, 3 * kernel.word_size, "avenrun array")
        one, five, fifteen = struct.unpack(kernel.struct_format("PPP"), data)
        return one, five, fifteen

    @cached_property
    def memory(self) -> int:
        """Bytes of memory of all nodes (pglist_data.node_present_pages)."""
        kernel, pages = self._kernel, 0
        fields = ("node_present_pages", "node_spanned_pages")
        try:
            nodes = kernel.part(Nodes).addresses
            layout = Layout(kernel.prog, "struct pglist_data", fields)
        except MissingFeature:
            raise MissingFeature("no memory nodes in this kernel") from None
        for node in nodes:
            data = kernel.read(node + layout.start, layout.size, "pglist node_present_pages")
            present, spanned = layout.unpack(data)
            pages += present or spanned
        return pages * self._kernel.page_size

    @cached_property
    def mhz(self) -> int:
        """The processors' clock in MHz; 0 where the kernel does not say."""
        for name, size, per_mhz in (
            ("cpu_khz", 4, 1_000),  # x86
            ("ppc_proc_freq", self._kernel.word_size, 1_000_000),
            ("cpu_clock_freq", 4, 1_000_000),  # LoongArch
        ):
            address = self._kernel.symbol_address(name)
            if address is not None:
                return self._kernel.unsigned(self._kernel.read(address, size, name)) // per_mhz
        return 0

    @cached_property
    def panic_message(self) -> str:
        """The line of the log that tells why the kernel went down; empty if none does."""
        lines = self.log_lines()
        for text in FATAL_TEXTS:
            for line in lines:
                if text in line:
                    return line
        for line in lines:
            if "sysrq" in line and (pressed := self._kernel.symbol_address("sysrq_pressed")):
                data = self._kernel.read(pressed, 4, "sysrq_pressed")
                return line if any(data) else ""
            for word in FATAL_WORDS:
                if word in line:
                    return _until_cpu(line, line.index(word))
        return ""

    @cached_property
    def live_patched(self) -> bool:
        """Whether a live patch is or was in effect."""
        taints = self.taints
        letters = taints.letters if taints.plain is None and taints.has_table else ""
        return "K" in letters or "kpatch" in self._kernel.part(ModuleTable).by_name

    @cached_property
    def patch_in_transition(self) -> bool:
        """Whether a live patch was just taking effect (klp_transition_patch)."""
        kernel = self._kernel
        address = kernel.symbol_address("klp_transition_patch")
        try:
            patch = kernel.read_word(address) if address is not None else 0
        except ReadError:
            return False
        if not patch:
            return False
        head = kernel.symbol_address("klp_patches")
        if head is None or not kernel.has_member("struct klp_patch", "list"):
            return True
        return patch in self._patches(head)

    def _patches(self, head: int) -> Iterator[int]:
        """The patches on the kernel's list, as far as it can be followed."""
        kernel = self._kernel
        offset = member_offset(kernel.prog, "struct klp_patch", "list")
        try:
            chain = Chain(kernel.read_word(head, "klp_patches"), end=head)
            for link in entries(kernel, chain, "klp_patches"):
                yield link - offset
        except (ReadError, EndlessList):
            return

    def log_lines(self) -> list[str]:
        """The log, split where it has line breaks; as much of it as can be read."""
        log = self._kernel.part(KernelLog)
        lines: list[str] = []
        try:
            if log.shape == "text":
                return log.plain().split("\n")
            for record in log.records():
                lines.extend((record.text or "").split("\n"))
        except LogDamage as damage:
            self.log_damage = damage
        except CrashError:
            return []
        return lines


def _until_cpu(line: str, start: int) -> str:
    """The line as far as the processor's number, if it names one behind `start`."""
    mark = line.find("CPU: ", start)
    if mark < 0:
        return line
    end = mark + len("CPU: ")
    while end < len(line) and line[end] not in " \t\n":
        end += 1
    return line[:end]
