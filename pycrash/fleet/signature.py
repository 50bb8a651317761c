"""The stack of a crash without what differs between builds, boots and machines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from pycrash.triage.culprit import is_known_machinery

#: A function and the module it is in, empty for the kernel proper.
Call = tuple[str, str]

#: What lies below this many functions is how the work came about, not what it was.
DEEPEST = 24

#: The ways into a system call, which machines and releases name each in their own way.
_SYSTEM_CALL = re.compile(
    r"(?:__(?:x64|x32|ia32|arm64|riscv|loongarch|s390x?|powerpc|se|do)(?:_compat)?_sys"
    r"|(?:compat_)?(?:ksys|SyS|sys))_(?P<name>\w+)"
)
_MODULE_INIT = re.compile(r"_MODULE_INIT_(?:TEXT_)?START_(?P<module>\w+)")
#: What every task's stack begins with.
_ENTRY = re.compile(
    r"entry_\w+|do_syscall_64|do_(?:fast|int80)_syscall\w*|do_SYSENTER\w*|(?:x64|ia32|x32)_sys_call"
    r"|(?:do_)?el0_\w+|el1_\w+|invoke_syscall\w*|asm_\w+|ret_from_fork\w*|kthread|ret_fast_syscall"
    r"|syscall_\w+|system_call\w*|secondary_startup_64\w*|start_secondary|__switch_to_asm"
)
#: Where the log says the processor was in kernel code, and a line of the trace below.
_AT = re.compile(
    r"(?:RIP: \w{4}:|\bpc : )(?P<name>[\w.]+)\+0x[0-9a-f]+/0x\w+(?: \[(?P<module>\w+))?"
)
_TRACED = re.compile(
    r"^\s*(?:\[<[0-9a-f]+>\]\s*)?(?P<name>[\w.]+)\+0x[0-9a-f]+/0x[0-9a-f]+"
    r"(?: \[(?P<module>\w+)[^]]*\])?(?: \(\w+\))?\s*$"
)
_BEGINS = re.compile(r"Call [Tt]race:")
_ENDS = re.compile(r"---\[ end |Kernel Offset:|Rebooting in ")
#: Lines of a report that are looked at.
_LONGEST_REPORT = 200


def normalised(calls: Iterable[Call]) -> tuple[str, ...]:
    """Names of functions, the latest first: without suffixes of clones, entries, repetitions."""
    names: list[str] = []
    for symbol, module in calls:
        name = bare(symbol)
        if (call := _SYSTEM_CALL.fullmatch(name)) is not None:
            name = f"sys_{call['name']}"
        elif (init := _MODULE_INIT.fullmatch(name)) is not None:
            name = f"init of {init['module']}"
        elif not module and _ENTRY.fullmatch(name):
            continue
        if names[-1:] != [name]:
            names.append(name)
    return tuple(names[:DEEPEST])


def bare(symbol: str) -> str:
    """A function without what the compiler hangs on the name of a clone."""
    return symbol.partition(".")[0]


def after_machinery(calls: Sequence[Call]) -> list[Call]:
    """The calls from the first on that is to blame by its name; all where none is."""
    for place, (symbol, module) in enumerate(calls):
        if module or not is_known_machinery(symbol):
            return list(calls[place:])
    return list(calls)


def calls_in_log(lines: Iterable[str]) -> list[Call]:
    """The first stack that a report in the log shows, the latest call first, from where the
    processor met its exception if it says so. Lines that the kernel marks as doubtful ("?")
    are left out."""
    calls: list[Call] = []
    traced = False
    for line in _report(lines):
        if (at := _AT.search(line)) is not None:
            # What came later than an exception is the handling of it.
            calls = [_call(at)]
        elif _BEGINS.search(line):
            if traced:
                break
            traced = True
        elif traced and (call := _TRACED.match(line)) is not None:
            calls.append(_call(call))
    return calls


def _report(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number >= _LONGEST_REPORT or _ENDS.search(line):
            return
        yield line


def _call(found: re.Match[str]) -> Call:
    return found["name"], found["module"] or ""
