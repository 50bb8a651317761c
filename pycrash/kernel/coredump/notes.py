"""The notes of a core file: what the process was, its threads, its files."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from pycrash.errors import ReadError
from pycrash.kernel.core.layout import Layout, constant, find_member, member_offset
from pycrash.kernel.core.reader import Reader
from pycrash.kernel.mm.vmas import Vma
from pycrash.kernel.stacks.userstate import UserState
from pycrash.kernel.tasks.arguments import stack_text
from pycrash.kernel.tasks.signals import Signals
from pycrash.kernel.tasks.table import Task, TaskTable
from pycrash.kernel.vfs.files import Files
from pycrash.objects.corefile import Note

_PRSTATUS, _PRPSINFO, _AUXV, _FILE = 1, 3, 6, 0x46494C45
#: struct elf_prstatus up to the registers: signal, sets of signals, ids, four times.
_STATUS = struct.Struct("<iiihxxQQiiii8Q")
#: struct elf_prpsinfo.
_PROCESS = struct.Struct("<BcBbxxxxQIIiiii16s80s")
#: The letters of pr_sname by the lowest bit of a task's state, and the one behind them.
_LETTERS, _OTHER = b"RSDTZW", b"."
_MIDDLE_PRIORITY = 120
_LONGEST_ARGUMENTS = 79
_BILLION = 1_000_000_000
#: More bytes than any kernel's saved_auxv has.
_MOST_AUXV = 4096


class Ids(NamedTuple):
    """The group and session of a process, its parent, and whose it is."""

    parent: int
    group: int
    session: int
    user: int
    users_group: int


class ProcessNotes:
    """The notes of processes. Methods raise ReadError and MissingFeature."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._tasks = kernel.part(TaskTable)
        self._signals = kernel.part(Signals)

    def of_thread(self, state: UserState, task: Task) -> tuple[Note, list[Note]]:
        """NT_PRSTATUS of a thread, and its other sets of registers.

        Raises CrashError where the thread has no registers of user mode.
        """
        registers = state.registers(task)
        ids = self.ids(task)
        pending = self._signals.private(task).signals, self._signals.blocked(task)
        times = (*_timeval(task.utime), *_timeval(task.stime), 0, 0, 0, 0)
        head = (0, 0, 0, 0, *pending, task.pid, ids.parent, ids.group, ids.session, *times)
        words = struct.pack(f"<{len(registers)}Q", *registers)
        sets = [Note(*found) for found in state.sets(task)]
        known = int(any(note.type != _PRSTATUS for note in sets))
        data = _STATUS.pack(*head) + words + struct.pack("<ii", known, 0)
        return Note("CORE", _PRSTATUS, data), sets

    def of_process(self, task: Task, areas: Sequence[Vma]) -> Iterator[Note]:
        """NT_PRPSINFO, NT_AUXV and NT_FILE."""
        yield Note("CORE", _PRPSINFO, self._process(task))
        yield Note("CORE", _AUXV, self._auxv(task.mm))
        yield Note("CORE", _FILE, self._mapped(areas))

    def ids(self, task: Task) -> Ids:
        """Whose a task is."""
        parent = self._tasks.by_address.get(task.parent)
        group, session = (
            self._number_of(task.signal, kind) for kind in ("PIDTYPE_PGID", "PIDTYPE_SID")
        )
        layout = self._credentials
        cred = self._kernel.read_word(task.address + self._cred_at, "task_struct cred")
        data = self._kernel.read(cred + layout.start, layout.size, "cred")
        user, users_group = layout.unpack(data)
        return Ids(0 if parent is None else parent.tgid, group, session, user, users_group)

    def _process(self, task: Task) -> bytes:
        state = (task.state & -task.state).bit_length()
        letter = bytes((_LETTERS[state],)) if state < len(_LETTERS) else _OTHER
        ids, nice = self.ids(task), self._priority(task) - _MIDDLE_PRIORITY
        return _PROCESS.pack(
            *(state, letter, int(letter == b"Z"), nice, task.flags),
            *(ids.user, ids.users_group, task.tgid, ids.parent, ids.group, ids.session),
            *(task.comm.encode("utf-8", "surrogateescape"), self._arguments(task)),
        )

    def _arguments(self, task: Task) -> bytes:
        """The command line as ps shows it, as far as it is in the dump."""
        try:
            text = stack_text(self._kernel, task)
            size = min(text.arg_end - text.arg_start, _LONGEST_ARGUMENTS)
            if size <= 0:
                return b""
            where = (task.address, text.arg_start, size)
            data = self._kernel.memory.read_user(*where, "user stack contents")
        except ReadError:
            return b""
        return data.replace(b"\0", b" ").rstrip(b" ")

    def _auxv(self, mm: int) -> bytes:
        """What the kernel told the program as it began, up to the end's mark and with it."""
        layout, kernel = self._in_mm, self._kernel
        at, size = mm + layout.at("saved_auxv"), layout.width("saved_auxv")
        data = kernel.read(at, min(size, _MOST_AUXV), "mm_struct saved_auxv")
        pair = 2 * kernel.word_size
        for at in range(0, len(data) - pair + 1, pair):
            if not any(data[at : at + pair // 2]):
                return data[: at + pair]
        return data

    def _mapped(self, areas: Sequence[Vma]) -> bytes:
        """The areas that are of files, and the names of these."""
        files, page = self._kernel.part(Files), self._kernel.page_size
        places, names = [], []
        for area in areas:
            if not area.file:
                continue
            try:
                path = files.path(files.get(area.file))
            except ReadError:
                continue
            places += [area.start, area.end, area.offset // page]
            names.append(path.encode("utf-8", "surrogateescape") + b"\0")
        head = struct.pack(f"<{2 + len(places)}Q", len(names), page, *places)
        return head + b"".join(names)

    def _number_of(self, signal: int, kind: str) -> int:
        """The number of a process's group or session in the first pid namespace."""
        kernel, which = self._kernel, constant(self._kernel.prog, kind)
        if which is None or self._pids_at is None:
            return 0
        word = kernel.word_size
        pid = kernel.read_word(signal + self._pids_at + which * word, "signal_struct pids")
        if not pid:
            return 0
        at = pid + member_offset(kernel.prog, "struct pid", "numbers")
        at += member_offset(kernel.prog, "struct upid", "nr")
        return kernel.unsigned(kernel.read(at, 4, "pid numbers"))

    def _priority(self, task: Task) -> int:
        place = member_offset(self._kernel.prog, "struct task_struct", "static_prio")
        data = self._kernel.read(task.address + place, 4, "task_struct static_prio")
        return self._kernel.unsigned(data)

    @cached_property
    def _cred_at(self) -> int:
        return member_offset(self._kernel.prog, "struct task_struct", "cred")

    @cached_property
    def _pids_at(self) -> int | None:
        """Where a process has its group and session; before 4.19 they were with each task."""
        place = find_member(self._kernel.prog, "struct signal_struct", "pids")
        return None if place is None else place.offset

    @cached_property
    def _credentials(self) -> Layout:
        return Layout(self._kernel.prog, "struct cred", ("uid", "gid"))

    @cached_property
    def _in_mm(self) -> Layout:
        return Layout(self._kernel.prog, "struct mm_struct", ("saved_auxv",))


def _timeval(nanoseconds: int) -> tuple[int, int]:
    """Seconds and microseconds."""
    return nanoseconds // _BILLION, nanoseconds % _BILLION // 1000
