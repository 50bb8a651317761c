"""Path names through mounts, damaged names, and the mounts of a namespace."""

from __future__ import annotations

import pytest

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.vfs.dentries import Dentries
from pycrash.kernel.vfs.mounts import Mounts
from pycrash.kernel.vfs.paths import Paths
from pycrash.kernel.walks.lists import DuplicateEntry
from tests.kernel.fake_files import MNT_IN_MOUNT, FakeFiles


def test_a_path_goes_up_through_the_mounts() -> None:
    fake = FakeFiles()
    rootfs = fake.dentry("/")
    bottom = fake.mount(rootfs)
    ext4 = fake.dentry("/")
    over = fake.mount(ext4, bottom, rootfs)
    usr = fake.dentry("usr", ext4)
    tmpfs = fake.dentry("/")
    inner = fake.mount(tmpfs, over, usr)
    name = fake.dentry("a name of more than thirty-one letters", fake.dentry("dir", tmpfs))
    paths = fake.kernel.part(Paths)
    path = "/usr/dir/a name of more than thirty-one letters"
    assert paths.path(name, inner + MNT_IN_MOUNT) == path
    assert paths.path(name) == path.removeprefix("/usr")
    assert paths.path(tmpfs, inner + MNT_IN_MOUNT) == "/usr"
    assert paths.path(usr, over + MNT_IN_MOUNT) == "/usr"
    assert paths.path(ext4, over + MNT_IN_MOUNT) == "/"


def test_names_without_a_directory_have_no_slash() -> None:
    fake = FakeFiles()
    top = fake.dentry("/")
    mount = fake.mount(top) + MNT_IN_MOUNT
    paths = fake.kernel.part(Paths)
    assert paths.path(fake.dentry("[eventfd]"), mount) == "[eventfd]"
    assert paths.path(fake.dentry(""), mount) == ""


def test_a_name_that_is_not_as_long_as_it_says_ends_the_path() -> None:
    fake = FakeFiles()
    top = fake.dentry("/")
    bad, gone = fake.dentry("bad", top), fake.dentry("gone", top)
    fake.write(bad + 36, "I", 9)
    fake.write(gone + 40, "Q", 0x10)
    paths = fake.kernel.part(Paths)
    assert paths.path(fake.dentry("leaf", bad)) == "leaf"
    assert paths.path(fake.dentry("leaf", gone)) == "leaf"


def test_parents_that_go_round_are_found() -> None:
    fake = FakeFiles()
    one = fake.dentry("one")
    two = fake.dentry("two", one)
    fake.write(one + 24, "Q", two)
    with pytest.raises(DuplicateEntry):
        fake.kernel.part(Paths).path(two)


def test_a_missing_dentry_is_said() -> None:
    fake = FakeFiles()
    with pytest.raises(ReadError, match="fill_dentry_cache"):
        fake.kernel.part(Paths).path(fake.dentry("x", 0xFFFF9999_00000000))


def test_a_removed_name_is_not_hashed() -> None:
    fake = FakeFiles()
    top = fake.dentry("/", hashed=False)
    dentries = fake.kernel.part(Dentries)
    assert dentries.get(fake.dentry("gone", top, hashed=False)).removed
    assert not dentries.get(fake.dentry("there", top)).removed
    assert not dentries.get(top).removed


@pytest.mark.parametrize("tree", [False, True])
def test_the_mounts_of_a_namespace_in_their_order(tree: bool) -> None:
    fake = FakeFiles(tree)
    top = fake.dentry("/")
    first = fake.mount(top, devname="rootfs")
    others = [fake.mount(fake.dentry("/"), first, fake.dentry(n, top), n) for n in ("proc", "sys")]
    task = fake.task(proxy=fake.namespace(first, *others))
    mounts = fake.kernel.part(Mounts)
    found = list(mounts.of_task(task))
    assert [m.address for m in found] == [first, *others]
    assert [mounts.device(m) for m in found] == ["rootfs", "proc", "sys"]
    assert mounts.get(first + MNT_IN_MOUNT) is found[0]


def test_a_task_that_has_ended_is_in_no_namespace() -> None:
    fake = FakeFiles()
    with pytest.raises(CrashError, match="cannot determine mount list location!"):
        list(fake.kernel.part(Mounts).of_task(fake.task()))
