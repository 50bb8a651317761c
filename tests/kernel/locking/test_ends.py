"""Tasks at one end of a pipe or Unix socket, and who has the other end open."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pycrash.kernel.locking.ends import Ends
from pycrash.kernel.vfs.files import Files
from tests.kernel.fake_kernel import FakeTasks

PIPE = 0xFFFF888010000000
SOCKET, PEER = PIPE + 0x100, PIPE + 0x200
SOCK, PEER_SOCK = PIPE + 0x300, PIPE + 0x400
READ, WRITE = 1, 2


class Piped(FakeTasks):
    """Four processes and what they have open: (private pointer of a file, its mode)."""

    def __init__(self) -> None:
        super().__init__()
        self.struct("pipe_inode_info", 64, rd_wait=(8, "Q"), wr_wait=(32, "Q"))
        wait = self.struct("socket_wq", 24, wait=(0, "Q"))
        self.struct("socket", 64, sk=(8, "Q"), wq=(16, wait))
        self.struct("sock", 32, sk_socket=(16, "Q"))
        self.struct("unix_sock", 64, peer=(40, "Q"))
        self.room(PIPE, 0x1000)
        self.addresses = [self.add(10 + n, f"task{n}", mm=1 + n) for n in range(4)]
        self.open: dict[int, list[tuple[int, int]]] = {}
        self.give(
            Files,
            SimpleNamespace(
                of_task=lambda task: enumerate(self.open.get(task, ())),
                get=lambda file: SimpleNamespace(private=file[0], mode=file[1]),
            ),
        )

    def opens(self, number: int, *files: tuple[int, int]) -> None:
        self.open[self.addresses[number]] = list(files)

    def end(self, head: int, *calls: str) -> tuple[str, int, int | None, str]:
        """What the first task waits for: kind, address, the holder's pid, and why."""
        waiter = self.kernel.tasks.get(self.addresses[0])
        found = Ends(self.kernel).of(waiter, head, calls)
        assert found is not None
        owner = found.owner
        assert not owner.certain
        return found.kind, found.address, owner.task and owner.task.pid, owner.why


@pytest.fixture
def fake() -> Piped:
    made = Piped()
    made.opens(0, (PIPE, READ), (SOCKET, READ | WRITE))
    made.write(SOCKET + 8, "Q", SOCK)
    made.write(SOCK + 16, "Q", SOCKET)
    made.write(PEER_SOCK + 16, "Q", PEER)
    return made


def test_the_one_writer(fake: Piped) -> None:
    fake.opens(1, (PIPE, WRITE))
    fake.opens(2, (PIPE, READ))
    said = fake.end(PIPE + 8, "pipe_read", "vfs_read")
    assert said == ("pipe", PIPE, 11, "it alone has its write end open")


def test_the_one_reader(fake: Piped) -> None:
    fake.opens(0, (PIPE, WRITE))
    fake.opens(3, (PIPE, READ))
    said = fake.end(PIPE + 32, "anon_pipe_write")
    assert said == ("pipe", PIPE, 13, "it alone has its read end open")


def test_nobody_is_named_of_several(fake: Piped) -> None:
    fake.opens(1, (PIPE, WRITE))
    fake.opens(2, (PIPE, WRITE))
    assert fake.end(PIPE + 8, "pipe_read")[2:] == (None, "2 processes have its write end open")


def test_nor_where_none_has_it_or_only_itself(fake: Piped) -> None:
    assert fake.end(PIPE + 8, "pipe_read")[2:] == (None, "nobody has its write end open")
    fake.opens(0, (PIPE, READ | WRITE))
    ends = fake.end(PIPE + 8, "pipe_read")
    assert ends[2:] == (None, "only itself has its write end open")


def test_the_peer_of_a_socket(fake: Piped) -> None:
    fake.write(SOCK + 40, "Q", PEER_SOCK)
    fake.opens(1, (PEER, READ | WRITE))
    said = fake.end(SOCKET + 16, "unix_stream_read_generic")
    assert said == ("socket", SOCK, 11, "it alone has the other end open")


def test_a_socket_without_a_peer(fake: Piped) -> None:
    assert fake.end(SOCKET + 16, "unix_dgram_recvmsg")[2:] == (None, "it is connected to none")


def test_another_queue_is_neither(fake: Piped) -> None:
    task = fake.kernel.tasks.get(fake.addresses[0])
    assert Ends(fake.kernel).of(task, PIPE, ["do_wait"]) is None
    # A queue in no struct socket: what lies there does not point back.
    assert Ends(fake.kernel).of(task, PIPE + 0x800, ["unix_stream_sendmsg"]) is None
