"""mount: which mounts an operand names, and the columns."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from commands.mount import MountCommand
from pycrash.api import Context, CrashError, Notice, Settings
from pycrash.kernel.core.memory import Memory
from tests.kernel.fake_files import MNT_IN_MOUNT, FakeFiles

HEAD = "     MOUNT           SUPERBLK     TYPE   DEVNAME   DIRNAME"


class Bench:
    """A root file system with two others on it, of which one cannot be named."""

    def __init__(self) -> None:
        fake = self.fake = FakeFiles()
        self.blocks = [self._block(name) for name in ("rootfs", "filesystem", "")]
        fake.struct("super_block", 16, s_type=(8, "P"))
        fake.struct("file_system_type", 16, name=(8, "P"))
        top = fake.dentry("/")
        self.root = fake.mount(top, devname="rootfs", sb=self.blocks[0])
        there = fake.dentry("/")
        on = fake.dentry("mnt", top)
        self.other = fake.mount(there, self.root, on, "/dev/sda", self.blocks[1])
        self.nameless = fake.mount(fake.dentry("/"), self.root, on, "", self.blocks[2])
        self.inode = fake.inode(sb=self.blocks[1])
        self.name = fake.dentry("x", there, self.inode)
        fake.write(self.name + 104, "Q", self.blocks[1])
        self.address = fake.task(proxy=fake.namespace(self.root, self.other, self.nameless))
        task = SimpleNamespace(address=self.address, pid=1)
        fake.give(Memory, SimpleNamespace(read_slowly=fake._missing, is_kernel=lambda at: at > 1))
        fake.kernel.__dict__.update(tasks=SimpleNamespace(all=[task]))
        self.ctx = Context(fake.kernel, Settings(), cast(Any, None), cast(Any, None))

    def _block(self, name: str) -> int:
        block, kind = self.fake.take(), self.fake.take()
        self.fake.write(block + 8, "Q", kind)
        self.fake.write(kind + 8, "Q", self.fake.text(name))
        return block

    def line(self, text: str) -> list[str]:
        command = MountCommand()
        args = command.parse(text.split())
        rows = list(command.run(self.ctx, args))
        said = [f"{row.level}: {row.text}" for row in rows if isinstance(row, Notice)]
        return said + list(command.text(self.ctx.view, args, rows))

    def lines(self) -> list[str]:
        first, second, third = self.blocks
        return [
            f"{self.root:x} {first:x} rootfs rootfs    /         ",
            f"{self.other:x} {second:x} filesystem /dev/sda /mnt      ",
            f"{self.nameless:x} {third:x} unknown (unknown) /mnt      ",
        ]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_all(bench: Bench) -> None:
    assert bench.line("") == [HEAD, *bench.lines()]


def test_what_names_a_mount(bench: Bench) -> None:
    named = [HEAD, bench.lines()[1]]
    vfsmount = bench.other + MNT_IN_MOUNT
    for address in (bench.other, vfsmount, bench.blocks[1], bench.name, bench.inode):
        assert bench.line(f"{address:x}") == named
    assert bench.line(f"0x{bench.other:x}") == named
    for word in ("/dev/sda", "filesystem", "//dev/sda/"):
        assert bench.line(word) == named
    assert bench.line("/mnt/") == [HEAD, *bench.lines()[1:]]
    assert bench.line("/dev/sda /") == [*named, bench.lines()[0]]
    assert bench.line("nosuch") == []
    assert bench.line(f"{bench.address:x}") == []


def test_a_mount_without_a_super_block_is_said(bench: Bench) -> None:
    bench.fake.write(bench.other + MNT_IN_MOUNT + 8, "Q", 0)
    text = f"WARNING: cannot get super_block from vfsmnt: 0x{bench.other:x}"
    assert bench.line("") == [text, HEAD, bench.lines()[0], bench.lines()[2]]


def test_a_readers_place_in_the_list_is_no_mount(bench: Bench) -> None:
    bench.fake.write(bench.other + MNT_IN_MOUNT + 8, "Q", 0)
    bench.fake.write(bench.other + MNT_IN_MOUNT + 16, "I", 0x10000000)
    assert bench.line("") == [HEAD, bench.lines()[0], bench.lines()[2]]


@pytest.mark.parametrize("line", ["-f", "-i", "-f /mnt", "-i nosuch"])
def test_lists_that_kernels_no_longer_keep(bench: Bench, line: str) -> None:
    with pytest.raises(CrashError, match="option not supported"):
        bench.line(line)


def test_no_mount_needs_no_list(bench: Bench) -> None:
    assert bench.line("-f nosuch") == []


def test_where_no_task_can_be_found(bench: Bench) -> None:
    bench.fake.kernel.tasks.all.clear()
    bench.fake.symbol("init_task", bench.address, 8)
    assert bench.line("") == [HEAD, *bench.lines()]
