"""Who is to blame: the first frame that is not the machinery of locks, checks and panics."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pycrash.errors import CrashError
from pycrash.kernel.kernel import Kernel
from pycrash.kernel.stacks.trace import Event, Frame, Registers
from pycrash.triage.evidence import exception_in

#: Source files of code that others call into, and that is not at fault for what they hand it.
_MACHINERY = re.compile(
    r"/(?:lib|kernel/locking|kernel/rcu|kernel/printk|mm/kasan|mm/kfence|arch/[^/]+/lib)/"
    r"|/kernel/(?:panic|exit|crash_core|kexec_core|watchdog\w*|hung_task|softirq)\.[ch]"
    r"|/kernel/(?:sched|time|irq|entry)/"
    r"|/mm/(?:slub|slab|slab_common|slob|usercopy|maccess|oom_kill|page_alloc|util)\.[ch]"
    r"|/include/"
    r"|/arch/[^/]+/(?:kernel|mm|entry)/"
)
#: The same by name, where there is no source line: functions of every kernel.
_BY_NAME = re.compile(
    r"_*(?:list_(?:add|del)\w*|memcpy\w*|memset\w*|memmove\w*|str\w+|copy_(?:to|from)_user\w*"
    r"|(?:raw_)?_*(?:spin|read|write|mutex|rt_mutex|down|up|rwsem|percpu)_\w*"
    r"|(?:mutex|rwsem|semaphore)_\w+|down|up|v?panic|die|oops_\w+|crash_\w+|machine_kexec"
    r"|nmi_panic|dump_stack\w*|dump_backtrace|show_stack"
    r"|kasan_\w+|kfence_\w+|asm_\w+|exc_\w+|do_(?:trap|error_trap|page_fault|user_addr_fault)\w*"
    r"|page_fault_oops|no_context|bad_area\w*|no_semaphore|handle_bug|report_bug|fixup_bug"
    r"|kfree\w*|kmem_cache_\w+|kmalloc\w*|slab_\w+|object_err|usercopy_abort|check_heap_object"
    r"|schedule\w*|schedule|warn_slowpath\w*|warn_\w+|rcu_\w+|native_\w+|delay_\w+|udelay|el1\w*"
    r"|out_of_memory|alloc_pages\w*|get_page_from_freelist|stack_chk_fail\w*|check_object_size)"
)


#: Where a report says the processor was: "RIP: 0010:function+0x4a/0x6e0 [module]", "pc : ...".
_LOGGED = re.compile(r"(?:RIP: \w{4}:|\bpc : )(?P<name>[\w.]+)\+0x(?P<offset>[0-9a-f]+)/0x")
#: The letters of symbols of code.
_TEXT = "tTwW"


@dataclass(frozen=True)
class Culprit:
    """The function to blame, where in it, the module it is in and its source line if known."""

    symbol: str
    offset: int
    address: int
    module: str
    source: str


def is_machinery(kernel: Kernel, symbol: str, pc: int, module: str) -> bool:
    """Whether a call is one of code that is not at fault for what it is handed."""
    if module:
        return False
    return is_known_machinery(symbol) or _MACHINERY.search(_source(kernel, pc)) is not None


def is_known_machinery(symbol: str) -> bool:
    """Whether a function of the kernel proper is machinery by its name alone."""
    return _BY_NAME.fullmatch(symbol.partition(".")[0]) is not None


def culprit_of(kernel: Kernel, events: Sequence[Event]) -> Culprit | None:
    """The first call to blame, from the exception on if there is one. None where all of the
    stack is machinery."""
    for symbol, offset, pc, module in calls_of(kernel, events):
        if not is_machinery(kernel, symbol, pc, module):
            return Culprit(symbol, offset, pc, module, _source(kernel, pc))
    return None


def culprit_in_log(kernel: Kernel, lines: Iterable[str]) -> Culprit | None:
    """The function that a report in the log says the processor was in, if it is to blame."""
    for line in lines:
        if (match := _LOGGED.search(line)) is None:
            continue
        symbol = kernel.symbols.by_name(match["name"]) or kernel.symbols.by_name(
            match["name"].partition(".")[0]
        )
        if symbol is None:
            return None
        offset = int(match["offset"], 16)
        pc = symbol.address + offset
        if is_machinery(kernel, symbol.name, pc, symbol.module):
            return None
        return Culprit(symbol.name, offset, pc, symbol.module, _source(kernel, pc))
    return None


def calls_of(kernel: Kernel, events: Sequence[Event]) -> list[tuple[str, int, int, str]]:
    """Symbol, offset, pc and module of each call below the exception, the exception's own first;
    of the whole stack where it holds none."""
    found = exception_in(events)
    calls: list[tuple[str, int, int, str]] = []
    if found is not None:  # what came later is the handling of it
        calls = [call for pc in _interrupted(kernel, found[1]) if (call := _call(kernel, pc))]
        events = events[found[0] + 1 :]
    return calls + [(e.symbol, e.offset, e.pc, e.module) for e in events if isinstance(e, Frame)]


def _interrupted(kernel: Kernel, registers: Registers) -> list[int]:
    """Where the exception was met; after a jump to where no code is, the place it came from."""
    names = kernel.arch.registers
    pc, sp = registers.values.get(names.pc, 0), registers.values.get(names.sp, 0)
    if _call(kernel, pc) is not None:
        return [pc]
    try:
        return [kernel.read_word(sp, "return address")]
    except CrashError:
        return []


def _call(kernel: Kernel, pc: int) -> tuple[str, int, int, str] | None:
    """Symbol, offset, pc and module of a place in code, None where no code is."""
    found = kernel.symbols.lookup(pc) if pc else None
    if found is None or found[0].letter not in _TEXT:
        return None
    return found[0].name, found[1], pc, found[0].module or ""


def _source(kernel: Kernel, pc: int) -> str:
    """ "FILE: LINE" of a call, empty where it is not known."""
    try:
        return kernel.sources.at(pc)
    except CrashError:
        return ""
