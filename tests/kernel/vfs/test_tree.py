"""Directories by path, across mounts, with what is damaged told."""

from __future__ import annotations

import pytest

from pycrash.errors import CrashError
from pycrash.kernel.vfs.filetimes import FileTimes
from pycrash.kernel.vfs.tree import DirectoryTree
from tests.kernel.fake_files import FakeFiles

#: Where a dentry has the list of those below it, and its place in such a list.
BELOW, BESIDE = 128, 144


class FakeTree(FakeFiles):
    """/ with etc (motd, and no "gone"), and a mount on /mnt that has a file of a long name."""

    def __init__(self, older: bool) -> None:
        super().__init__()
        self.older = older
        links = self.types["list_head"]
        first = self.struct("hlist_head", 8, first=(0, "P"))
        node = self.struct("hlist_node", 16, next=(0, "P"), pprev=(8, "P"))
        lists = {"d_children": (BELOW, first), "d_sib": (BESIDE, node)}
        if older:
            lists = {"d_subdirs": (BELOW, links), "d_child": (BESIDE, links)}
        old = self.types["dentry"]
        members = {m.name or "": (m.bit_offset // 8, m.type) for m in old.members or ()}
        self.struct("dentry", 160, **members, **lists)
        self.long = "a-name-that-does-not-fit-into-the-dentry-itself"
        self.top = self.dentry("/", inode=self.inode(0o40755))
        self.etc = self.dentry("etc", self.top, self.inode(0o40755))
        self.motd = self.dentry("motd", self.etc, self.inode())
        self.gone = self.dentry("gone", self.etc)
        self.mnt = self.dentry("mnt", self.top, self.inode(0o40755))
        self.disk = self.dentry("/", inode=self.inode(0o40755))
        self.deep = self.dentry(self.long, self.disk, self.inode())
        self.link(self.top, [self.etc, self.mnt])
        self.link(self.etc, [self.motd, self.gone])
        self.link(self.disk, [self.deep])
        for empty in (self.motd, self.gone, self.mnt, self.deep):
            self.link(empty, [])
        root = self.mount(self.top)
        self.on = self.mount(self.disk, root, self.mnt)
        proxy = self.namespace(root, self.on)
        self.who = self.task(fs=(self.top, root), proxy=proxy)

    def link(self, above: int, below: list[int]) -> None:
        ring = [above + BELOW, *(each + BESIDE for each in below)]
        for place, link in enumerate(ring):
            last = link == ring[-1]
            following = 0 if last and not self.older else ring[(place + 1) % len(ring)]
            self.write(link, "Q", following)

    def seen(self) -> DirectoryTree:
        return DirectoryTree(self.kernel, self.who)


@pytest.mark.parametrize("older", [False, True])
def test_names_are_found_across_mounts(older: bool) -> None:
    fake = FakeTree(older)
    tree = fake.seen()
    assert tree.find("/").dentry.address == fake.top
    assert tree.find("/etc/motd").dentry.address == fake.motd
    assert tree.find("//etc/../etc/./motd/").path == "/etc/motd"
    mounted = tree.find("/mnt")
    assert (mounted.dentry.address, mounted.mount) == (fake.disk, fake.on)
    assert tree.find(f"/mnt/{fake.long}").dentry.address == fake.deep
    for path in ("/etc/none", "/etc/motd/x", "relative"):
        with pytest.raises(CrashError, match=path):
            tree.find(path)


@pytest.mark.parametrize("older", [False, True])
def test_all_names_below(older: bool) -> None:
    fake = FakeTree(older)
    problems: list[CrashError] = []
    found = list(fake.seen().walk(fake.seen().root, problems.append))
    assert [place.path for place in found] == [
        *("/", "/etc", "/etc/gone", "/etc/motd", "/mnt", f"/mnt/{fake.long}")
    ]
    assert found[2].dentry.inode == 0
    assert problems == []


def test_damaged_lists_are_told_and_end() -> None:
    fake = FakeTree(older=False)
    # A name that leads back, a directory below itself, and one that cannot be read.
    fake.write(fake.gone + BESIDE, "Q", fake.motd + BESIDE)
    fake.write(fake.motd + BELOW, "Q", fake.etc + BESIDE)
    fake.write(fake.disk + BELOW, "Q", 0x10000)
    problems: list[CrashError] = []
    found = [place.path for place in fake.seen().walk(fake.seen().root, problems.append)]
    assert found[:3] == ["/", "/etc", "/etc/gone"]
    assert found[-1] == "/mnt"
    assert len(found) < 10
    assert len(problems) == 2


def test_a_task_without_directories() -> None:
    fake = FakeTree(older=False)
    with pytest.raises(CrashError, match="has no root directory"):
        DirectoryTree(fake.kernel, fake.task()).find("/etc")


@pytest.mark.parametrize("member", ["i_mtime", "__i_mtime", "i_mtime_sec"])
def test_when_a_file_was_written(member: str) -> None:
    fake = FakeFiles()
    spec = fake.struct("timespec64", 16, tv_sec=(0, "q"), tv_nsec=(8, "q"))
    if member == "i_mtime_sec":
        fake.struct("inode", 64, i_mtime_sec=(16, "q"), i_mtime_nsec=(40, "I"))
        fake.write(0x1000, "16xq16xI20x", -5, 7)
    else:
        fake.struct("inode", 64, **{member: (16, spec)})
        fake.write(0x1000, "16xqq32x", -5, 7)
    assert fake.kernel.part(FileTimes).modified(0x1000) == (-5, 7)
