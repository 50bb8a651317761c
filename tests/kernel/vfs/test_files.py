"""What a task has open, where it is, and the types of inodes."""

from __future__ import annotations

import pytest

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.vfs.files import Files
from pycrash.kernel.vfs.inodes import Inodes
from tests.kernel.fake_files import FakeFiles


def test_the_files_of_a_task_by_descriptor() -> None:
    fake = FakeFiles()
    top = fake.dentry("/", inode=fake.inode(0o040755))
    mount = fake.mount(top)
    inode = fake.inode(size=12)
    name = fake.dentry("data", top, inode)
    file = fake.file(name, mount, position=5)
    task = fake.task({0: file, 3: file, 64: file, 127: file}, (top, mount))
    files = fake.kernel.part(Files)
    assert list(files.of_task(task)) == [(0, file), (3, file), (64, file), (127, file)]
    found = files.open_file(file)
    assert found == (file, name, inode, "REG", "/data", mount, 0, 5, False, inode + 48)
    assert files.room(task) == 128
    assert files.inode(files.get(file)) == inode
    place = files.directories(task)
    assert place is not None
    assert (place.root, place.cwd) == (top, top)
    assert fake.kernel.part(Inodes).get(inode)[1:] == (0o100644, 1, inode + 48, 7, 12, 1)


def test_a_task_without_files() -> None:
    fake = FakeFiles()
    files = fake.kernel.part(Files)
    task = fake.task()
    assert list(files.of_task(task)) == []
    assert files.directories(task) is None
    assert list(files.of_task(fake.task({}))) == []


def test_a_closed_descriptor_and_one_without_a_file_are_left_out() -> None:
    fake = FakeFiles()
    file = fake.file(fake.dentry("x"), fake.mount(fake.dentry("/")))
    assert list(fake.kernel.part(Files).of_task(fake.task({1: 0, 2: file}))) == [(2, file)]


def test_a_table_of_impossible_size_is_refused() -> None:
    fake = FakeFiles()
    task = fake.task({0: 1})
    holder = fake.kernel.read_word(task + 8)
    fake.write(fake.kernel.read_word(holder + 8), "I", 0xFFFFFFC0)
    with pytest.raises(CrashError, match="max_fds"):
        fake.kernel.part(Files).room(task)


def test_files_before_an_unreadable_page_are_there() -> None:
    fake = FakeFiles()
    file = fake.file(fake.dentry("x"), fake.mount(fake.dentry("/")))
    task = fake.task({0: file, 1: file})
    table = fake.kernel.read_word(fake.kernel.read_word(task + 8) + 8)
    short = fake.take(8)
    fake.write(short, "Q", file)
    fake.write(table + 8, "Q", short)
    found = fake.kernel.part(Files).of_task(task)
    assert next(found) == (0, file)
    with pytest.raises(ReadError, match="fd file"):
        next(found)


def test_terminals_of_a_devpts_that_is_not_in_reach() -> None:
    fake = FakeFiles()
    top = fake.dentry("/")
    devpts = fake.mount(fake.dentry("/"), devname="devpts")
    over = fake.mount(top, devname="devpts")
    name = fake.dentry("0", fake.dentry("pts", top))
    files = fake.kernel.part(Files)
    assert files.path(files.get(fake.file(name, over))) == "/dev/pts/0"
    assert files.path(files.get(fake.file(fake.dentry("1", top), devpts))) == "/1"


@pytest.mark.parametrize(
    ("mode", "type_"),
    [
        (0o100600, "REG"),
        (0o040755, "DIR"),
        (0o020600, "CHR"),
        (0o060600, "BLK"),
        (0o120777, "LNK"),
        (0o010600, "FIFO"),
        (0o140777, "SOCK"),
        (0o600, "UNKN"),
    ],
)
def test_types(mode: int, type_: str) -> None:
    fake = FakeFiles()
    assert fake.kernel.part(Inodes).get(fake.inode(mode)).type == type_
