"""gcore on the sample dump, its files read back with pyelftools; and what may go wrong."""

from __future__ import annotations

import os
import resource
import struct
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import NoteSegment

from pycrash.api import Context, Notice, Row, Settings, UsageError
from pycrash.api.registry import Registry
from pycrash.errors import CrashError
from pycrash.files.compressed import unpacked
from pycrash.kernel.kernel import Kernel
from pycrash.kernel.opening import open_files
from tests.golden.sample import SAMPLE

PAGE = 4096
#: In sample_dumps: a process of four threads, which sleep in pause(), and one of its threads.
THREADS, THREAD = 79, 95
#: One thread of the other was running in user mode when the machine died.
SPIN, SPINNER = 80, 111
SWAPPER_OUT, ZOMBIE, KTHREAD = 87, 102, 2


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    return open_files([unpacked(SAMPLE / "vmlinux.xz"), SAMPLE / "vmcore"])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(kernel: Kernel, *words: str) -> Iterator[Row]:
    registry = Registry()
    shell = cast(Any, SimpleNamespace(progress=lambda what, done, total: None))
    command = registry.find("gcore")
    assert command is not None
    ctx = Context(kernel, Settings(), registry, shell)
    return command.run(ctx, command.parse(words))


def said(kernel: Kernel, *words: str) -> list[str]:
    """The notices, and the text of what was saved."""
    command = Registry().find("gcore")
    assert command is not None
    out: list[str] = []
    for row in rows(kernel, *words):
        if isinstance(row, Notice):
            out.append(row.text)
        else:
            out += command.text(cast(Any, None), command.parse(words), [row])
    return out


class Core:
    """A core file: its notes by type, and its memory."""

    def __init__(self, path: Path) -> None:
        with open(path, "rb") as file:
            elf = ELFFile(file)
            self.machine = elf["e_machine"]
            loads = list(elf.iter_segments("PT_LOAD"))
            self.memory = [(load["p_vaddr"], load["p_memsz"], load.data()) for load in loads]
            self.notes: dict[str, list[Any]] = {}
            for segment in elf.iter_segments("PT_NOTE"):
                assert isinstance(segment, NoteSegment)
                for note in segment.iter_notes():
                    self.notes.setdefault(note["n_type"], []).append(note["n_desc"])
                    self.notes.setdefault(f"{note['n_type']} data", []).append(note["n_descdata"])

    def read(self, address: int, size: int) -> bytes:
        start, data = next((s, d) for s, _, d in self.memory if s <= address < s + len(d))
        return data[address - start : address - start + size]

    def words(self, address: int, count: int) -> tuple[int, ...]:
        return struct.unpack(f"<{count}Q", self.read(address, 8 * count))

    @property
    def threads(self) -> dict[int, tuple[int, ...]]:
        """The words of registers of each thread, by its pid, in the order of the file."""
        return {
            struct.unpack_from("<i", data, 32)[0]: struct.unpack_from("<27Q", data, 112)
            for data in self.notes["NT_PRSTATUS data"]
        }


def test_a_process_of_threads(kernel: Kernel, folder: Path) -> None:
    lines = said(kernel, str(THREAD))
    assert lines[-1] == "Saved core.79.thr-two"
    core = Core(folder / "core.79.thr-two")
    assert core.machine == "EM_X86_64"
    # The thread that was named comes first.
    assert list(core.threads) == [THREAD, THREADS, 94, 96]
    # rip, cs and ss of a thread that sleeps in pause(), whose number stands in orig_rax.
    for registers in core.threads.values():
        assert (registers[15], registers[17], registers[20]) == (34, 0x33, 0x2B)
    # On the stacks of three is where pause() returns to, sleeper() in workload.c, as gdb shows it.
    found = {core.words(regs[19] + 24, 1)[0] for pid, regs in core.threads.items() if pid != 79}
    assert found == {0x401721}
    assert len({registers[21] for registers in core.threads.values()}) == 4  # fs_base


def test_the_notes_of_a_process(kernel: Kernel, folder: Path) -> None:
    said(kernel, str(THREADS))
    core = Core(folder / "core.79.threads")
    (process,) = core.notes["NT_PRPSINFO"]
    assert (process["pr_pid"], process["pr_ppid"], process["pr_sname"]) == (79, 75, b"S")
    assert process["pr_fname"].rstrip(b"\0") == b"threads"
    assert process["pr_psargs"].rstrip(b"\0") == b"workload"
    (files,) = core.notes["NT_FILE"]
    assert set(files["filename"]) == {b"/bin/workload"}
    assert files["page_size"] == PAGE
    assert files["Elf_Nt_File_Entry"][0]["vm_start"] == 0x400000
    (auxv,) = core.notes["NT_AUXV data"]
    pairs = dict(struct.iter_unpack("<QQ", auxv))
    assert (pairs[6], pairs[3]) == (PAGE, 0x400040)  # AT_PAGESZ, AT_PHDR
    assert auxv.endswith(bytes(16))
    # What the kernel told the program stands on its stack as well, and so does its name.
    assert core.read(pairs[31], 13) == b"/bin/workload"
    assert core.read(pairs[33], 4) == b"\x7fELF"
    assert len(core.notes["NT_FPREGSET data"]) == 4


def test_a_thread_that_ran_in_user_mode(kernel: Kernel, folder: Path) -> None:
    said(kernel, str(SPIN))
    core = Core(folder / "core.80.spin")
    frames = kernel.arch.unwinder.exception_frames(kernel.tasks.by_pid(SPINNER)[0], None)
    registers = dict(frames[-1].values)
    assert core.threads[SPINNER][16] == registers["RIP"]
    assert core.threads[SPINNER][19] == registers["RSP"]
    # What it had in the processor's other registers, nobody wrote down.
    assert len(core.notes["NT_FPREGSET data"]) == 1


def test_what_is_not_in_the_dump_is_counted(kernel: Kernel, folder: Path) -> None:
    *notices, saved = rows(kernel, str(SWAPPER_OUT))
    assert [cast(Notice, notice).text for notice in notices] == [
        "core.87.swapper-out: 1538 pages missing: 2 not in the dump, 1536 swapped out"
    ]
    facts = cast(Any, saved)
    path = folder / facts.path
    assert (facts.pid, facts.threads, facts.missing) == (87, 1, 1538)
    assert facts.size == os.stat(path).st_size
    # Of memory that is not there no segment speaks: 6 MB were swapped out.
    core = Core(path)
    held = sum(len(data) for _, _, data in core.memory)
    assert held < 1 << 20
    assert facts.written * PAGE <= held
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_each_missing_page_can_be_told(kernel: Kernel) -> None:
    lines = said(kernel, "-v", "7", str(THREADS))
    assert lines[0] == "Opening file core.79.threads ..."
    assert lines[1] == "Writing 4 threads ..."
    assert sum("page fault at " in line for line in lines) == 2
    assert sum('type: "user page"' in line for line in lines) == 2


def test_the_filter(kernel: Kernel, folder: Path) -> None:
    sizes = []
    for wanted in ("0", "51"):
        said(kernel, "-f", wanted, "86")
        sizes.append(sum(len(data) for _, _, data in Core(folder / "core.86.memory").memory))
        (folder / "core.86.memory").unlink()
    assert sizes[0] <= 2 * PAGE < 12 << 20 < sizes[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((str(KTHREAD),), "The specified task is a kernel thread."),
        ((str(ZOMBIE),), "The user memory space does not exist."),
        (("foo",), "neither pid nor taskp: foo"),
        (("99999",), "invalid task or pid: 99999"),
        (("-v", "8", "1"), "invalid vlevel: 8."),
        (("-v", "x", "1"), "vlevel must be a decimal: x."),
        (("-f", "256", "1"), "invalid filter value: 256."),
    ],
)
def test_what_is_refused(
    kernel: Kernel, folder: Path, words: tuple[str, ...], message: str
) -> None:
    with pytest.raises(CrashError) as error:
        said(kernel, *words)
    assert str(error.value) == message
    assert list(folder.iterdir()) == []


def test_an_option_may_be_given_once(kernel: Kernel) -> None:
    with pytest.raises(UsageError):
        said(kernel, "-v", "1", "-v", "1")


def test_one_that_fails_does_not_keep_the_others(kernel: Kernel, folder: Path) -> None:
    lines = said(kernel, "2", str(SPIN), "x")
    assert lines[0] == "The specified task is a kernel thread."
    assert lines[-2:] == ["Saved core.80.spin", "neither pid nor taskp: x"]


def test_a_file_that_is_there_is_left_alone(kernel: Kernel, folder: Path) -> None:
    (folder / "core.80.spin").write_text("mine")
    with pytest.raises(CrashError, match=r"core\.80\.spin: File exists"):
        said(kernel, str(SPIN))
    assert (folder / "core.80.spin").read_text() == "mine"


def test_a_link_is_not_followed(kernel: Kernel, folder: Path) -> None:
    (folder / "core.80.spin").symlink_to(folder / "elsewhere")
    with pytest.raises(CrashError, match="File exists"):
        said(kernel, str(SPIN))
    assert not (folder / "elsewhere").exists()


def test_a_folder_that_takes_no_files(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/proc")
    with pytest.raises(CrashError, match=r"core\.80\.spin: No such file"):
        said(kernel, str(SPIN))


def test_a_disk_without_room(kernel: Kernel, folder: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limits[1]))
    try:
        with pytest.raises(CrashError, match=r"core\.80\.spin: File too large"):
            said(kernel, str(SPIN))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(folder.iterdir()) == []


def test_a_file_is_not_left_half_written(kernel: Kernel, folder: Path) -> None:
    found = rows(kernel, "-v", "1", str(SPIN))
    next(found)
    next(found)
    assert [path.name for path in folder.iterdir()] == ["core.80.spin"]
    cast(Any, found).close()
    assert list(folder.iterdir()) == []
