"""files: what -R refers to, files without a name, and the order of headings and gaps."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from commands.files import FilesCommand
from pycrash.api import Context, CrashError, Notice, Settings, UsageError
from pycrash.kernel.mm.folios import Folios
from pycrash.kernel.mm.nodes import Node, Nodes
from pycrash.kernel.mm.pages import Page, Pages
from pycrash.kernel.tasks.table import Task
from pycrash.kernel.vfs.pagecache import PageCache
from tests.kernel.fake_files import FakeFiles

HEAD = " FD       FILE            DENTRY           INODE       TYPE PATH"


class Bench:
    """Task 7 in /home, with a pipe as 0, a file as 3, and as 5 one without a name."""

    def __init__(self) -> None:
        fake = self.fake = FakeFiles()
        top = fake.dentry("/", inode=fake.inode(0o040755))
        mount = fake.mount(top)
        home = fake.dentry("home", top, fake.inode(0o040755))
        self.inode = fake.inode()
        self.name = fake.dentry("notes", home, self.inode)
        pipe = fake.file(fake.dentry("", inode=fake.inode(0o010600)), mount)
        self.file, nameless = fake.file(self.name, mount), fake.file(0, mount)
        self.pages = 0
        files = {0: pipe, 3: self.file, 5: nameless}
        self.address = fake.task(files, (home, mount))
        self.idle = fake.task()
        self.lines_of = {0: f"{pipe:x}", 3: f"{self.file:x}", 5: f"{nameless:x}"}
        found = {7: self._task(self.address, 7), 8: self._task(self.idle, 8)}
        tasks = SimpleNamespace(
            get=lambda address: found[7],
            by_pid=lambda pid: [found[pid]] if pid in found else [],
            by_address={task.address: task for task in found.values()},
        )
        kernel = fake.kernel
        kernel.__dict__.update(tasks=tasks)
        self.ctx = Context(kernel, Settings(task=7), cast(Any, None), cast(Any, None))

    @staticmethod
    def _task(address: int, pid: int) -> Task:
        rest = (0,) * (len(Task._fields) - 5)
        return Task(address, pid, pid, "editor", 0, *rest)

    def line(self, text: str) -> list[str]:
        """The lines; notices among them, led by their level."""
        command = FilesCommand()
        args = command.parse(text.split())

        def rows() -> Any:
            for row in command.run(self.ctx, args):
                if isinstance(row, Notice):
                    said.append(f"{row.level}: {row.text}")
                else:
                    yield row

        said: list[str] = []
        return [*command.text(self.ctx.view, args, rows()), *said]

    def shown(self, text: str) -> list[str]:
        """The descriptors that a line shows."""
        return [line[:3].strip() for line in self.line(text) if line[:3].strip().isdigit()]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def header(address: int, pid: int) -> str:
    return f'PID: {pid:<7}  TASK: {address:x}  CPU: 0    COMMAND: "editor"'


def test_all_of_a_task(bench: Bench) -> None:
    whole = [
        header(bench.address, 7),
        "ROOT: /home    CWD: /home",
        HEAD,
        f"  3 {bench.file:x} {bench.name:x} {bench.inode:x} REG  /home/notes",
        f"  5 {bench.lines_of[5]} 0000000000000000        ?         ?    ?",
    ]
    lines = bench.line("")
    assert [line for line in lines if not line.startswith("  0 ")] == whole
    assert lines[3].endswith(" FIFO ")


def test_an_empty_line_behind_a_pid_and_before_every_further_task(bench: Bench) -> None:
    ended = [header(bench.idle, 8), "No open files"]
    assert bench.line("8 8") == [*ended, "", "", *ended, ""]
    assert bench.line(f"{bench.idle:x} {bench.idle:x}") == [*ended, "", *ended]
    assert bench.line("9") == ["INFO: invalid task or pid value: 9"]


def test_what_a_reference_may_be(bench: Bench) -> None:
    task = f" {bench.address:x}"
    for reference in ("3", "notes", "REG", f"{bench.file:x}", f"0x{bench.name:x}", "0x3"):
        assert bench.shown(f"-R {reference}{task}") == ["3"], reference
    # The task is in it, and so is a file.
    assert bench.line(f"-R home{task}")[1] == "ROOT: /home    CWD: /home "
    assert bench.shown(f"-R home{task}") == ["3"]
    assert bench.shown(f"-R /{task}") == []
    assert bench.line(f"-R nosuch{task}") == []
    assert bench.line("-R nosuch 7") == [""]


def test_a_number_beyond_the_table_is_hexadecimal(bench: Bench) -> None:
    assert bench.shown(f"-R 64 {bench.address:x}") == []
    assert bench.shown(f"-R {bench.lines_of[0]} {bench.address:x}") == ["0"]


def test_one_reference_alone(bench: Bench) -> None:
    with pytest.raises(UsageError):
        bench.line("-R a -R b")


def cache(bench: Bench, *physical: int, count: int, others: tuple[int, ...] = ()) -> None:
    """Give the notes these cached pages, the first a folio of four, on two nodes."""
    first = 0xFFFFEA0000000000
    numbers = {first + place * 64: at for place, at in enumerate(physical)}
    page = {at: Page(address, at, 0, 0, 1, 0) for address, at in numbers.items()}
    entries = [*numbers, *others]
    fake = bench.fake
    tree = SimpleNamespace(tree_name="xarray", count=lambda _: count, entries=lambda _: entries)
    fake.give(PageCache, tree)
    fake.give(Pages, SimpleNamespace(physical=numbers.get, get=page.get, flag_names=lambda _: ()))
    fake.give(Folios, SimpleNamespace(pages=lambda page: 4 if page.address == first else 1))
    nodes = [Node(0, 0, 0, 8), Node(0, 1, 8, 8)]
    of_page = {number: nodes[number // 8] for number in range(16)}.get
    fake.give(Nodes, SimpleNamespace(all=nodes, of_page=of_page))
    fake.kernel.__dict__.update(system=SimpleNamespace(memory=1 << 32))


@pytest.mark.parametrize("count", [6, 5])
def test_cached_pages_by_node(bench: Bench, count: int) -> None:
    cache(bench, 0x0, 0x7000, 0x8000, count=count)
    table = ["     NODE           PAGES", "      0                 5", "      1                 1"]
    said = [] if count == 6 else ["INFO: xarray page count: 6  nrpages: 5"]
    head = ["     INODE        NRPAGES", f"{bench.inode:x}  {count:7}", ""]
    assert bench.line(f"-n {bench.inode:x}") == head + table + said


def test_cached_pages_in_a_list(bench: Bench) -> None:
    cache(bench, 0x0, 0x7000, 0x8000, count=6)
    lines = bench.line(f"-p {bench.inode:x}")
    assert lines[3] == "      PAGE        PHYSICAL      MAPPING       INDEX CNT FLAGS"
    assert [line.split()[:2] for line in lines[4:]] == [
        ["ffffea0000000000", "0"],
        ["ffffea0000000040", "7000"],
        ["ffffea0000000080", "8000"],
    ]


def test_what_is_no_page_ends_the_list(bench: Bench) -> None:
    cache(bench, 0x0, count=1, others=(0x1238,))
    with pytest.raises(CrashError, match="entry: 1  item: 1238"):
        bench.line(f"-p {bench.inode:x}")


def test_foreach_hands_on_no_inode() -> None:
    command = FilesCommand()
    args = command.parse(["-c", "-R", "x"])
    assert command.task_words(args, []) == ["-c", "-R", "x"]
    assert not command.introduces(args)
    with pytest.raises(CrashError, match="does not support -p"):
        list(command.check_each(command.parse(["-p", "1"]), []))
