"""What a walk over the stacks of x86-64 asks of the kernel."""

from __future__ import annotations

from functools import cached_property

from pycrash.errors import ReadError
from pycrash.kernel.arch.x86_64 import orc
from pycrash.kernel.arch.x86_64.framesize import MAX_CODE, call_target, count_frame
from pycrash.kernel.arch.x86_64.registers import PtRegsLayout
from pycrash.kernel.arch.x86_64.specialstacks import SpecialStacks
from pycrash.kernel.core.layout import find_member, type_size
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.modules.table import ModuleTable
from pycrash.kernel.stacks.stacks import Stack, Stacks
from pycrash.kernel.symbols.table import SymbolTable
from pycrash.kernel.tasks.panic import Panic
from pycrash.kernel.tasks.table import Task, TaskTable

#: Entry points behind whose return address an exception's registers lie: as 5.8 named them,
#: and before.
_EXCEPTIONS_5_8 = frozenset(
    "asm_exc_" + name
    for name in (
        "invalid_tss",
        "segment_not_present",
        "alignment_check",
        "general_protection",
        "page_fault",
        "divide_error",
        "overflow",
        "bounds",
        "invalid_op",
        "device_not_available",
        "coproc_segment_overrun",
        "spurious_interrupt_bug",
        "coprocessor_error",
        "simd_coprocessor_error",
        "debug",
    )
) | {"xen_asm_exc_stack_segment", "xen_asm_exc_xen_hypervisor_callback", "xen_asm_exc_int3"}
_EXCEPTIONS = frozenset(
    (
        "invalid_TSS",
        "segment_not_present",
        "alignment_check",
        "xen_stack_segment",
        "general_protection",
        "page_fault",
        "divide_error",
        "overflow",
        "bounds",
        "invalid_op",
        "device_not_available",
        "coprocessor_segment_overrun",
        "spurious_interrupt_bug",
        "coprocessor_error",
        "simd_coprocessor_error",
        "xen_hypervisor_callback",
        "xen_debug",
        "xen_int3",
        "async_page_fault",
    )
)
_WORD = 8


class Site:
    """What a text address is: the function, the bytes into it, and how its frame unwinds.

    `saves` tells that an exception's registers lie behind a return address to here. `entry`
    is the ORC entry of code that runs after a call, None where the tables do not help.
    """

    __slots__ = ("entry", "function", "module", "name", "offset", "pc", "saves", "special")

    def __init__(
        self,
        pc: int,
        name: str,
        function: int,
        module: str = "",
        saves: bool = False,
        entry: orc.OrcEntry | None = None,
    ) -> None:
        self.pc = pc
        self.name = name
        self.function = function
        self.offset = pc - function
        self.module = module
        self.saves = saves
        self.entry = entry
        #: Whether a frame here is not just to be shown.
        self.special = saves or not self.offset


class StackFacts:
    """What is known of the stacks and the text of an x86-64 kernel."""

    def __init__(self, kernel: Reader) -> None:
        self.kernel = kernel
        self.symbols = kernel.part(SymbolTable)
        self.tables = orc.OrcTables(kernel)
        self.stacks = kernel.part(SpecialStacks)
        self.task_stacks = kernel.part(Stacks)
        self.panic = kernel.part(Panic)
        self.tasks = kernel.part(TaskTable)
        #: Every address asked for, with what it is.
        self.sites: dict[int, Site | None] = {}
        self._counted: dict[tuple[int, bool], int | None] = {}

    def may_start_at(self, task: Task, sp: int) -> bool:
        """Whether an address lies on the task's stack or a special one of its CPU."""
        if sp in self.task_stacks.of_task(task.stack):
            return True
        stacks = self.stacks
        if not 0 <= task.cpu < len(stacks.irq):
            return False
        irq = stacks.irq[task.cpu]
        return (irq is not None and sp in irq) or any(
            sp in stack for stack in stacks.exception[task.cpu]
        )

    @cached_property
    def registers(self) -> PtRegsLayout:
        return PtRegsLayout(self.kernel)

    @cached_property
    def exceptions(self) -> frozenset[str]:
        """The entry points behind which an exception's registers lie."""
        new = self._symbol("asm_exc_divide_error") is not None
        return _EXCEPTIONS_5_8 if new else _EXCEPTIONS

    @cached_property
    def lowest_text(self) -> int:
        """No text of the kernel or a module lies below."""
        low = self.symbols.kernel_symbols.image[0]
        return min([low, *(r.base for m in self.kernel.part(ModuleTable).all for r in m.ranges)])

    @cached_property
    def saved_bp(self) -> int | None:
        """Bytes from a sleeping task's stack pointer to its frame pointer (4.9)."""
        return self._sleeping("bp")

    @cached_property
    def saved_return(self) -> int | None:
        """Bytes from a sleeping task's stack pointer to its return address (4.9)."""
        return self._sleeping("ret_addr")

    def _sleeping(self, member: str) -> int | None:
        """Where the top of a sleeping task's stack has a word (inactive_task_frame)."""
        place = find_member(self.kernel.prog, "struct inactive_task_frame", member)
        return None if place is None else place.offset

    @cached_property
    def thread_info_size(self) -> int:
        """Bytes of struct thread_info."""
        return type_size(self.kernel.prog, "struct thread_info") or 0

    @cached_property
    def new_interrupts(self) -> bool:
        """Whether interrupts enter by asm_common_interrupt (5.8)."""
        return self._symbol("asm_common_interrupt") is not None

    @cached_property
    def irq_link(self) -> int:
        """Bytes from an interrupt's registers to where the link on its IRQ stack points."""
        if self.new_interrupts:
            return -32 if self._symbol("asm_call_on_stack") is None else -64
        return 40

    @cached_property
    def irq_gap(self) -> int:
        """Bytes at the top of an IRQ stack that are not used (64 before 4.9)."""
        kernel = self.kernel
        pointer = self._symbol("irq_stack_ptr")
        if pointer is None:
            return 0
        cpu = min(kernel.cpus.possible, default=0)
        try:
            top = kernel.read_word(kernel.cpus.address(pointer, cpu), "irq_stack_ptr")
        except ReadError:
            return 64
        return 64 if top & 0xFFF else 0

    @cached_property
    def repeat_nmi(self) -> int | None:
        """The address of repeat_nmi, where an NMI may interrupt an NMI."""
        return self._symbol("repeat_nmi")

    @cached_property
    def thread_return(self) -> int:
        """Where a sleeping task goes on: behind the call that switches tasks."""
        symbol = self._symbol("thread_return")
        if symbol is not None:
            return symbol
        targets = {self._symbol("__switch_to"), self._symbol("__switch_to_asm")} - {None}
        for name in ("schedule", "__schedule"):
            span = self.kernel.symbol_span(name)
            if span is None:
                continue
            start, size = span
            try:
                code = self.kernel.read(start, min(size, MAX_CODE), name)
            except ReadError:
                continue
            at = code.find(b"\xe8")
            while at >= 0:
                if call_target(code[at : at + 5], start + at) in targets:
                    return start + at + 5
                at = code.find(b"\xe8", at + 1)
        return self._symbol("schedule") or 0

    @cached_property
    def keeps_frame_pointers(self) -> bool:
        """Whether functions begin with push %rbp; mov %rsp,%rbp, which only older kernels do."""
        seen = 0
        for name in (
            "sys_open",
            "sys_fork",
            "sys_read",
            "__x64_sys_open",
            "__x64_sys_fork",
            "__x64_sys_read",
            "do_futex",
            "do_fork",
            "_do_fork",
            "sys_write",
            "vfs_read",
            "__schedule",
        ):
            address = self._symbol(name)
            if address is None:
                continue
            try:
                code = self.kernel.read(address, 9, "framepointer check")
            except ReadError:
                return False
            # The tracer's five bytes come first where it is built in.
            if code[:4] in (b"\x66\x66\x66\x66", b"\x0f\x1f\x44\x00"):
                code = code[5:]
            seen += code[:4] == b"\x55\x48\x89\xe5"
            if seen > 2:
                return True
        return False

    @cached_property
    def has_orc(self) -> bool:
        """Whether ORC tables describe this kernel's text."""
        return not self.keeps_frame_pointers and self.tables.exists

    @cached_property
    def init_text(self) -> range:
        """The memory of functions that are gone once the kernel has booted."""
        begin, end = self._symbol("__init_begin"), self._symbol("__init_end")
        return range(begin or 0, end or 0)

    @cached_property
    def kernel_start(self) -> int:
        """The lowest address of the kernel's half."""
        return self.kernel.arch.tables.kernel_base

    @cached_property
    def user_top(self) -> int:
        """The end of user addresses."""
        return self.kernel.arch.tables.user_top

    @cached_property
    def entry_stack(self) -> Stack | None:
        """The per-CPU template of the stack that entries run on before they leave it (4.15)."""
        kernel = self.kernel
        if self._symbol("pti_init") is None and self._symbol("kaiser_init") is None:
            return None
        base = self._symbol("entry_stack_storage")
        if base is None:
            return None
        words = find_member(kernel.prog, "struct entry_stack", "words")
        page = find_member(kernel.prog, "struct entry_stack_page", "stack")
        if words is None or page is None:
            return None
        return Stack(base + page.offset, words.size)

    def site(self, address: int) -> Site | None:
        """What is known of a text address; None for any other address."""
        try:
            return self.sites[address]
        except KeyError:
            site = None
            if address >= self.lowest_text and self.symbols.is_text(address):
                site = self._make_site(address)
            self.sites[address] = site
            return site

    def named_site(self, address: int) -> Site | None:
        """What is known of an address that need not be text; None without a symbol."""
        return self.site(address) or self._make_site(address)

    def _make_site(self, address: int) -> Site | None:
        found = self.symbols.lookup(address)
        if found is None:
            return None
        symbol, offset = found
        saves = bool(offset) and symbol.name in self.exceptions
        # The tables of functions that are gone are gone as well.
        here = self.has_orc and symbol.address not in self.init_text
        entry = self.tables.find(address) if here else None
        if entry is not None and not entry.call:
            entry = None
        return Site(address, symbol.name, symbol.address, symbol.module, saves, entry)

    def is_mapped(self, address: int) -> bool:
        """Whether an address lies in memory that the kernel maps page by page."""
        low, high = self.symbols.kernel_symbols.image
        if address < self._vmalloc_start or low <= address < high:
            return False
        return self.kernel.arch.tables.kernel_physical(address) is not None

    @cached_property
    def _vmalloc_start(self) -> int:
        address = self._symbol("vmalloc_base")
        if address is not None:
            try:
                return self.kernel.read_word(address, "vmalloc_base")
            except ReadError:
                pass
        return 0xFFFFC90000000000

    def name(self, address: int) -> str:
        """The function nearest below an address, empty where there is none."""
        site = self.sites.get(address)
        if site is not None:
            return site.name
        found = self.symbols.lookup(address)
        return found[0].name if found is not None else ""

    def counted(self, site: Site, interrupted: bool) -> int | None:
        """The size of a frame from the function's code; None where it cannot be read."""
        key = site.pc, interrupted
        if key not in self._counted:
            self._counted[key] = self._count(site, interrupted)
        return self._counted[key]

    def called_by(self, address: int) -> str:
        """The name of the function that a direct call at an address leads to, or nothing."""
        try:
            target = call_target(self.kernel.read(address, 5, "call byte"), address)
        except ReadError:
            return ""
        return self.name(target) if target is not None else ""

    def readable(self, address: int) -> bool:
        """Whether a word can be read."""
        try:
            self.kernel.read(address, _WORD)
        except ReadError:
            return False
        return True

    def in_user_stack(self, task: Task, address: int) -> bool:
        """Whether an address lies in memory of the task that can be a stack (vm_area_struct)."""
        if not task.mm or address >= self.user_top:
            return False
        import drgn
        from drgn.helpers.linux.mm import vma_find

        try:
            mm = drgn.Object(self.kernel.prog, "struct mm_struct *", task.mm)
            vma = vma_find(mm, address)
            flags = vma.vm_flags.value_() if vma else 0
        except (drgn.FaultError, LookupError):
            return False
        read_write, grows_down = 0x3, 0x100
        return bool(flags & grows_down) or flags & read_write == read_write

    def _count(self, site: Site, interrupted: bool) -> int | None:
        if site.offset > MAX_CODE:
            return None
        if site.name == "irq_entries_start":
            # Each of its stubs pushes one number and jumps.
            try:
                code = self.kernel.read(site.pc, 1, "irq_entries_start instruction")
            except ReadError:
                return 8
            return 0 if code == b"\x6a" else 8
        try:
            code = self.kernel.read(site.function, site.offset + 16, site.name)
        except ReadError:
            return None
        return count_frame(code, site.offset, interrupted)

    def _symbol(self, name: str) -> int | None:
        # A few dozen names: the table of all symbols would take longer to get ready.
        return self.kernel.symbol_address(name)
