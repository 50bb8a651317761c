"""The sample dump as other makers would have saved its machine: it opens, and answers the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import drgn
import pytest

import pycrash
from pycrash.errors import CrashError
from pycrash.files.compressed import unpacked
from tests.files import foreign_files as made
from tests.files.foreign_files import END, PAGE, START
from tests.golden.sample import SAMPLE
from tests.patched import sample
from tests.test_formats import runs

LINES = ("bt", "mod", "rd jiffies", "log | tail -3", "sys | grep TASKS")


def memory() -> Iterator[tuple[int, bytes]]:
    """The runs of pages that the sample has, each with its address."""
    prog = drgn.Program()
    prog.set_core_dump(sample().path)
    for first, last in runs():
        size = (last - first) * PAGE
        yield first * PAGE, prog.read(first * PAGE, size, physical=True)


def end_of_memory() -> int:
    return max(last for _, last in runs()) * PAGE


def qemu(folder: Path) -> list[Path]:
    path = folder / "guest.save"
    with path.open("wb") as file:
        file.write(made.head() + made.ram(START, made.sizes({"pc.ram": end_of_memory()})))
        block: str | None = "pc.ram"
        for address, data in memory():
            pages = []
            for at in range(0, len(data), PAGE):
                pages.append(made.page(address + at, data[at : at + PAGE], block))
                block = None
            file.write(made.ram(2, b"".join(pages)))
        file.write(made.ram(END, b"") + b"\0")
    return [path]


def vmware(folder: Path) -> list[Path]:
    path = folder / "guest.vmss"
    path.write_bytes(made.vmss([]))
    with (folder / "guest.vmem").open("wb") as file:
        for address, data in memory():
            file.seek(address)
            file.write(data)
    return [path]


def sadump(folder: Path) -> list[Path]:
    dumped = [number for first, last in runs() for number in range(first, last)]
    count = end_of_memory() // PAGE
    bits = made.bits(range(count), count), made.bits(dumped, count)
    heads = made.disk_set([b"B" * 16]) + made.sadump_head(*bits, count)
    paths = [folder / "disk1", folder / "disk2"]
    pages = b"".join(data for _, data in memory())
    half = len(dumped) // 2 * PAGE
    used = PAGE + len(heads) + half
    paths[0].write_bytes(made.partition(1, used) + heads + pages[:half])
    paths[1].write_bytes(made.partition(2, 1 << 40, b"B" * 16) + pages[half:])
    return paths[::-1]


@pytest.fixture(scope="module", autouse=True)
def vmlinux(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The sample's; what is made of dumps goes with them, and types are looked up once."""
    found = unpacked(SAMPLE / "vmlinux.xz")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield found


@pytest.mark.parametrize("make", [qemu, vmware, sadump])
def test_the_sample(make: Callable[[Path], list[Path]], vmlinux: Path, tmp_path: Path) -> None:
    whole = pycrash.open_dump(SAMPLE / "vmcore", vmlinux)
    dump = pycrash.open_dump(*make(tmp_path), vmlinux)
    assert not dump.kernel.notes
    for line in LINES:
        assert dump.text(line) == whole.text(line), line


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    (path,) = qemu(tmp_path)
    with path.open("r+b") as file:
        file.truncate(5_000_000)
    with pytest.raises(CrashError) as refused:
        pycrash.open_dump(path)
    assert str(refused.value) == f"{path}: cut short at byte 5,000,000"
