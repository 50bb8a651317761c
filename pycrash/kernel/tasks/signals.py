"""Signals: what a task does with them, which it blocks, and which wait for it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from pycrash.kernel.core.layout import Layout, find_member, member_offset
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.system.facts import SystemFacts
from pycrash.kernel.tasks.table import Task
from pycrash.kernel.walks.lists import Chain, entries

#: The signals, and the first of those that are real-time signals.
COUNT = 64
_FIRST_RT = 32

_NAMES = (
    *("HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2"),
    *("PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG"),
    *("XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS"),
)
_ALIASES = {6: "SIGIOT", 17: "SIGCLD", 29: "SIGPOLL", 31: "SIGUNUSED"}


def signal_name(signal: int) -> str:
    """What a signal is called, "SIGRTMAX-3"; a number that is no signal's is itself."""
    if not 0 < signal <= COUNT:
        return str(signal)
    if signal < _FIRST_RT:
        return "SIG" + _NAMES[signal - 1]
    middle = (_FIRST_RT + COUNT) // 2
    if signal <= middle:
        return "SIGRTMIN" + (f"+{signal - _FIRST_RT}" if signal > _FIRST_RT else "")
    return "SIGRTMAX" + (f"-{COUNT - signal}" if signal < COUNT else "")


def signal_alias(signal: int) -> str | None:
    """Another name of a signal."""
    return _ALIASES.get(signal)


def signals_in(signals: int) -> list[int]:
    """The signals of a set, of which signal 1 is the lowest bit."""
    return [signal for signal in range(1, COUNT + 1) if signals >> signal - 1 & 1]


class Action(NamedTuple):
    """What a thread group does with a signal, and where that stands (struct k_sigaction)."""

    address: int
    handler: int
    mask: int
    flags: int


class QueuedSignal(NamedTuple):
    """A signal that waits, and what is known of it (struct kernel_siginfo)."""

    signal: int
    info: int


class Pending(NamedTuple):
    """The signals that wait (struct sigpending), and what is queued of them."""

    signals: int
    queue: tuple[QueuedSignal, ...]


class Group(NamedTuple):
    """A thread group's struct signal_struct, 0 for none; `threads` None where it has no count."""

    address: int
    threads: int | None


class Signals:
    """The signals of tasks. Methods raise ReadError, CrashError for a damaged queue."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._prog = kernel.prog

    def group(self, task: Task) -> Group:
        """The thread group's signals."""
        place = find_member(self._prog, "struct signal_struct", "count", "nr_threads")
        if not task.signal or place is None:
            return Group(task.signal, None)
        data = self._kernel.read(task.signal + place.offset, 4, "signal_struct buffer")
        return Group(task.signal, self._kernel.unsigned(data))

    def actions(self, task: Task) -> tuple[Action, ...]:
        """What is done with each signal, from signal 1 on."""
        kernel, layout = self._kernel, self._action
        table = kernel.read_word(self._at(task, "sighand"), "task_struct")
        start = table + member_offset(self._prog, "struct sighand_struct", "action")
        data = kernel.read(start, COUNT * layout.whole, "sighand_struct buffer")
        found = []
        for at in range(0, len(data), layout.whole):
            handler, flags, mask = layout.unpack(data, at + layout.start)
            found.append(Action(start + at, handler, kernel.unsigned(mask), flags))
        return tuple(found)

    def is_pending(self, task: Task) -> bool:
        """Whether the task is to look for signals (TIF_SIGPENDING)."""
        place = find_member(self._prog, "struct thread_info", "flags")
        if place is None:
            return False
        data = self._kernel.read(task.thread_info + place.offset, 4, "thread_info")
        return bool(self._kernel.unsigned(data) >> self._signal_bit & 1)

    def blocked(self, task: Task) -> int:
        """The set of signals a task blocks."""
        return self._set(self._at(task, "blocked"), "task_struct")

    def private(self, task: Task) -> Pending:
        """What waits for a task."""
        return self._pending(self._at(task, "pending"), "task_struct")

    def shared(self, task: Task) -> Pending:
        """What waits for its thread group."""
        offset = member_offset(self._prog, "struct signal_struct", "shared_pending")
        return self._pending(task.signal + offset, "signal")

    @cached_property
    def _signal_bit(self) -> int:
        # 6.18 gave the machines bits in common.
        common = self._kernel.part(SystemFacts).config.get("CONFIG_HAVE_GENERIC_TIF_BITS")
        return 1 if common == "y" else self._kernel.arch.signal_bit

    def _at(self, task: Task, member: str) -> int:
        return task.address + member_offset(self._prog, "struct task_struct", member)

    @cached_property
    def _action(self) -> Layout:
        fields = ("sa.sa_handler", "sa.sa_flags", "sa.sa_mask")
        return Layout(self._prog, "struct k_sigaction", fields)

    def _set(self, address: int, what: str) -> int:
        return self._kernel.unsigned(self._kernel.read(address, COUNT // 8, what))

    def _pending(self, address: int, what: str) -> Pending:
        prog = self._prog
        signals = self._set(address + member_offset(prog, "struct sigpending", "signal"), what)
        head = address + member_offset(prog, "struct sigpending", "list")
        return Pending(signals, tuple(self._queue(head)))

    def _queue(self, head: int) -> Iterator[QueuedSignal]:
        kernel, prog = self._kernel, self._prog
        link = member_offset(prog, "struct sigqueue", "list")
        info = member_offset(prog, "struct sigqueue", "info")
        number = member_offset(prog, "struct sigqueue", "info.si_signo")
        first = kernel.read_word(head, "sigqueue")
        for entry in entries(kernel, Chain(first, end=head), "signal_queue/sigqueue"):
            at = entry - link
            data = kernel.read(at + number, 4, "signal_queue/sigqueue")
            yield QueuedSignal(kernel.unsigned(data), at + info)
