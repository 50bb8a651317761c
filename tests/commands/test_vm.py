"""vm on a kernel made by hand: which options go together, and what -R finds."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from pycrash.api.vmrows import AreaLists
from pycrash.errors import ReadError
from pycrash.kernel.core.memory import Memory
from pycrash.kernel.core.pagetables import Run, SwapEntry
from pycrash.kernel.mm.swap import SwapAreas
from pycrash.kernel.mm.vmas import Vma, Vmas
from pycrash.kernel.system.facts import SystemFacts
from pycrash.kernel.vfs.files import Files
from tests.commands.crowd import Crowd

SWAPPED = 0x700
TEXT = Vma(0xFFFF888000000100, 0x400000, 0x403000, 0x75, 0x5000, 0x1000, 0x2000)
DATA = Vma(0xFFFF888000000200, 0x600000, 0x602000, 0x100073, 0, 0, 0x2000)
#: The second page of the text is nowhere but in its file, the first of the data is swapped out.
RUNS = {
    TEXT.start: [Run(0x400000, 0x1000, (1, 0, 1), [0x8000, None, 0x9000])],
    DATA.start: [
        Run(0x600000, 0x1000, (SWAPPED,), [None]),
        Run(0x601000, 0x1000, (0,), [None]),
    ],
}
HEAD = "      VMA           START       END     FLAGS FILE"
TEXT_LINE = "ffff888000000100     400000     403000     75 /bin/sh"
DATA_LINE = "ffff888000000200     600000     602000 100073 "
PAGES = "VIRTUAL     PHYSICAL"
USAGE = "usage"


class Areas:
    """The areas of every space; with `broken` the second cannot be read."""

    broken = False

    def of(self, mm: int) -> Iterator[Vma]:
        yield TEXT
        if self.broken:
            raise ReadError(DATA.address, "fill_vma_cache", "seek error")
        yield DATA

    def name(self, vma: Vma) -> str:
        return "[heap]"

    def flag_names(self, flags: int) -> tuple[str, ...]:
        return tuple(name for bit, name in ((1, "READ"), (4, "EXEC")) if flags & bit)


class Spaces(Crowd):
    def __init__(self) -> None:
        super().__init__()
        self.areas = Areas()
        self.give(Vmas, self.areas)
        self.give(Memory, SimpleNamespace(is_kernel=lambda at: at >= 1 << 63, zero_excluded=False))
        self.give(Files, SimpleNamespace(get=lambda at: at, path=lambda at: "/bin/sh"))
        self.give(SystemFacts, SimpleNamespace(memory=1 << 28))
        self.give(AreaLists, AreaLists(self.kernel))
        area = SimpleNamespace()
        self.give(
            SwapAreas,
            SimpleNamespace(all=[area], path=lambda a: "/mnt/swap", place=lambda e: "/mnt/swap"),
        )
        tables = SimpleNamespace(
            user_runs=lambda mm, start, end: iter(RUNS[start]),
            swap=lambda entry: SwapEntry(0, 77),
        )
        self.kernel.arch.__dict__["tables"] = tables


@pytest.fixture
def spaces() -> Spaces:
    return Spaces()


def header(spaces: Spaces, task: int, pid: int, comm: str) -> str:
    return f'PID: {pid:<7}  TASK: {task:x}  CPU: {int(pid > 3)}    COMMAND: "{comm}"'


def test_the_areas_of_tasks(spaces: Spaces) -> None:
    lines = spaces.run("vm 20 2")
    assert lines[0] == header(spaces, spaces.daemon, 20, "daemon")
    assert lines[3:6] == [HEAD, TEXT_LINE, DATA_LINE]
    assert lines[6:8] == ["", header(spaces, spaces.kthreadd, 2, "kthreadd")]
    assert len(lines) == 10


def test_areas_before_one_that_cannot_be_read(spaces: Spaces) -> None:
    spaces.areas.broken = True
    assert spaces.run("vm 20")[3:] == [
        HEAD,
        TEXT_LINE,
        'vm: seek error: kernel virtual address: ffff888000000200  type: "fill_vma_cache"',
    ]
    spaces.areas.broken = False
    assert spaces.run("vm 20")[-1] == DATA_LINE


def test_a_word_that_is_no_task(spaces: Spaces) -> None:
    lines = spaces.run("vm zz 2 yy")
    assert lines[0] == "vm: invalid task or pid value: zz"
    assert lines[1:3] == ["", header(spaces, spaces.kthreadd, 2, "kthreadd")]
    assert lines[-1] == "vm: \ninvalid task or pid value: yy"


def test_pages(spaces: Spaces) -> None:
    lines = "\n".join(spaces.run("vm -p 20")).split("\n")
    assert lines[3:] == [
        HEAD,
        TEXT_LINE,
        PAGES,
        "400000          8000",
        "401000      FILE: /bin/sh  OFFSET: 2000",
        "402000          9000",
        HEAD,
        DATA_LINE,
        PAGES,
        "600000      SWAP: /mnt/swap  OFFSET: 77",
        "601000      (not mapped)",
    ]


def test_one_area(spaces: Spaces) -> None:
    assert spaces.run(f"vm -P {DATA.address:x} 20")[1:4] == [HEAD, DATA_LINE, PAGES]
    assert spaces.run("vm -P 1 20")[1:] == ["(not found)"]


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("2000", []),  # the mm_struct itself
        ("sh", [HEAD, TEXT_LINE]),
        ("75", [HEAD, TEXT_LINE]),
        (f"{DATA.address:x}", [HEAD, DATA_LINE]),
        ("401000", [HEAD, TEXT_LINE, PAGES, "401000      FILE: /bin/sh  OFFSET: 2000"]),
        ("9000", [HEAD, TEXT_LINE, PAGES, "402000          9000"]),
        ("77", [HEAD, DATA_LINE, PAGES, "600000      SWAP: /mnt/swap  OFFSET: 77"]),
        ("mnt", [HEAD, DATA_LINE, PAGES, "600000      SWAP: /mnt/swap  OFFSET: 77"]),
    ],
)
def test_what_refers_to_something(spaces: Spaces, reference: str, found: list[str]) -> None:
    first, *rest = spaces.run(f"vm -R {reference} 20")
    assert first == header(spaces, spaces.daemon, 20, "daemon")
    assert rest[2:] == [*found, ""]


@pytest.mark.parametrize("reference", ["nosuch", "4000", "78", "/"])
def test_what_refers_to_nothing_is_not_shown(spaces: Spaces, reference: str) -> None:
    assert spaces.run(f"vm -R {reference} 20") == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("vm -p -m 20", USAGE),
        ("vm -R a -p 20", USAGE),
        ("vm -m -f 75", USAGE),
        ("vm -x -d -m 20", "vm: -d and -x are mutually exclusive"),
        ("vm -M 1 2", "vm: invalid mm_struct address: 1"),
        ("vm -P zz 20", 'vm: invalid input: "zz"'),
    ],
)
def test_options_that_do_not_go_together(spaces: Spaces, line: str, said: str) -> None:
    assert spaces.run(line)[-1] == said


@pytest.mark.parametrize("line", ["vm -R a -R b", "vm -p -R a -R b", "vm -R a -m -R b"])
def test_one_reference_alone_is_taken(spaces: Spaces, line: str) -> None:
    assert spaces.run(line) == ["vm: only one -R option allowed", USAGE]


def test_one_that_does_not_fit_is_none(spaces: Spaces) -> None:
    assert spaces.run("vm -m -R a -R b") == [USAGE]


def test_nothing_is_read_behind_flags(spaces: Spaces) -> None:
    assert spaces.run("vm -f 5 -z") == ["5: (READ|EXEC)"]
    assert spaces.run("vm -p -f 5 -z") == ["usage vm: invalid option -- 'z'"]


def test_foreach_refuses_what_does_not_go_together(spaces: Spaces) -> None:
    only = "vm command accepts only one of -p, -m or -v flags"
    assert spaces.run("foreach vm -p -m") == [f"foreach: {only}"]
    assert spaces.run("foreach vm -R x -m") == [
        "foreach: vm: -m is not applicable to the -R option"
    ]
    both = ["foreach: vm: -x and -d options are mutually exclusive"]
    assert spaces.run("foreach vm -x -d") == spaces.run("foreach vm -h -d") == both
