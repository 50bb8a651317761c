"""fuser: every way a task can use a file, and what names one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from commands.fuser import Fuser
from pycrash.api import Args, Context, CrashError, Notice, Settings, UsageError
from pycrash.errors import ReadError
from pycrash.kernel.core.memory import Memory
from pycrash.kernel.mm.vmas import Vma, Vmas
from pycrash.kernel.tasks.table import Task
from tests.kernel.fake_files import FakeFiles

HEAD = " PID         TASK        COMM             USAGE"
AREA, MM, BAD_MM = 0xFFFF888000F00000, 0xFFFF888000E00000, 0xFFFF888000E01000


class Bench:
    """Two tasks in /home: the first has a file open, the other has it in its memory."""

    def __init__(self) -> None:
        fake = FakeFiles()
        self.top_inode, self.inode = fake.inode(0o040755), fake.inode()
        top = fake.dentry("/", inode=self.top_inode)
        mount = fake.mount(top)
        home = fake.dentry("home", top, fake.inode(0o040755))
        self.name = fake.dentry("notes", home, self.inode)
        self.file = fake.file(self.name, mount)
        fake.give(Vmas, SimpleNamespace(of=self._areas))
        fake.give(Memory, SimpleNamespace(read_slowly=fake._missing, is_kernel=lambda at: at > 99))
        self.tasks = [
            self._task(fake.task({0: self.file}, (home, mount)), 7, "a-name-of-13ch", 0),
            self._task(fake.task({}, (top, mount)), 8, "a-name-of-15-ch", MM),
        ]
        self.broken = self._task(fake.task({}, (home, mount)), 9, "broken", BAD_MM)
        fake.kernel.__dict__.update(tasks=SimpleNamespace(all=self.tasks))
        self.ctx = Context(fake.kernel, Settings(), cast(Any, None), cast(Any, None))

    @staticmethod
    def _task(address: int, pid: int, comm: str, mm: int) -> Task:
        values = dict.fromkeys(Task._fields, 0)
        values |= {"address": address, "pid": pid, "mm": mm}
        return Task(**{**values, "comm": comm})  # type: ignore[arg-type]

    def _areas(self, mm: int) -> Any:
        if mm == BAD_MM:
            raise ReadError(mm, "mm_struct mmap")
        yield Vma(AREA, 0x1000, 0x2000, 0, 0, 0, mm)
        yield Vma(AREA + 256, 0x2000, 0x3000, 0, self.file, 0, mm)

    def line(self, text: str) -> list[str]:
        """The lines, messages first."""
        command = Fuser()
        args = command.parse(text.split())
        rows = list(command.run(self.ctx, args))
        said = [row.text for row in rows if isinstance(row, Notice)]
        return said + list(command.text(self.ctx.view, args, rows))

    def uses(self, text: str) -> dict[int, str]:
        """The uses by pid."""
        return {int(line[:5]): line[42:].strip() for line in self.line(text)[1:]}


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_file_by_its_path_or_the_end_of_it(bench: Bench) -> None:
    first, second = bench.tasks
    shown = [
        HEAD,
        f'    7  {first.address:x}  "a-name-of-13ch  fd ',
        f'    8  {second.address:x}  "a-name-of-15-c  mmap ',
    ]
    assert bench.line("/home/notes") == shown
    assert bench.line("/notes") == shown
    assert bench.line("/notes /notes") == shown * 2
    assert bench.line("/ome/notes") == ["No users of /ome/notes found"]


def test_a_file_by_an_address(bench: Bench) -> None:
    both = {7: "fd", 8: "mmap"}
    assert bench.uses(f"{bench.inode:x}") == bench.uses(f"0x{bench.inode:x}") == both
    assert bench.uses(f"{bench.name:x}") == bench.uses(f"{bench.file:x}") == {7: "fd"}
    assert bench.uses(f"{AREA:x}") == {8: "mmap"}
    assert bench.line("0xffff888000d00000") == ["No users of ffff888000d00000 found"]


def test_directories(bench: Bench) -> None:
    assert bench.uses("/home") == {7: "root cwd"}
    assert bench.uses("/") == bench.uses(f"{bench.top_inode:x}") == {8: "root cwd"}


def test_what_is_known_of_a_task_is_shown_where_the_rest_cannot_be_read(bench: Bench) -> None:
    bench.tasks.append(bench.broken)
    lines = bench.line("/home")
    assert "mm_struct mmap" in lines[0]
    assert [line[:5].strip() for line in lines[2:]] == ["7", "9"]


@pytest.mark.parametrize("operand", ["home", "12", "0", "f" * 16, "f" * 17])
def test_what_names_no_file(bench: Bench, operand: str) -> None:
    with pytest.raises(CrashError, match=f"invalid argument: {operand}"):
        bench.line(operand)


def test_what_names_no_file_behind_another(bench: Bench) -> None:
    rows = list(Fuser().run(bench.ctx, Args(operands=("/none", "12", "/home"))))
    said = rows[-1]
    assert isinstance(said, Notice)
    assert (said.text, said.command) == ("invalid argument: 12", "foreach")


def test_nothing_named(bench: Bench) -> None:
    with pytest.raises(UsageError):
        bench.line("")
