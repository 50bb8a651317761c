"""The lines of cls, cfind and ccat, made of rows, and files that ccat writes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from commands.ccat import BeginRow, Ccat, PieceRow, TotalRow
from commands.cfind import Cfind, CountRow, NameRow
from commands.cls import Cls, DirectoryRow
from pycrash.api import Begin, Command, Context, CrashError, Part, Row, Settings, View
from pycrash.api.args import parse_args
from pycrash.api.cachedfiles import CachedFileRow
from pycrash.api.registry import Registry
from pycrash.kernel.mm.filecontent import FileContent
from pycrash.kernel.vfs.inodes import Inode, Inodes
from tests.kernel.fake_kernel import FakeKernel

AT = 0xFF170A5801410540


def lines(command: Command, words: str, *rows: Row) -> list[str]:
    args = parse_args(command.name, command.flags, words.split())
    return list(command.text(View(Settings()), args, iter(rows)))


def file(
    shown: str, kind: str = "REG", mode: int = 0o100644, size: int = 5000, removed: bool = False
) -> CachedFileRow:
    inode = AT + 0x100 if kind else 0
    return CachedFileRow(
        *(f"/x/{shown}", AT, inode, AT + 0x200, kind, mode, size, 86400, 7, 1, 4096),
        removed=removed,
        shown=shown,
    )


def test_cls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.localtime", __import__("time").gmtime)
    begun = "ff170a5801410540 ff170a5801410640       1"
    assert lines(Cls(), "/x", file("."), file("a", mode=0o100755), file("b", "LNK")) == [
        "DENTRY           INODE            NRPAGES   % PATH",
        *(f"{begun}  50 .", f"{begun}  50 a*", f"{begun}  50 b@"),
    ]
    assert lines(Cls(), "-l /x", file("gone", removed=True), file("no", "")) == [
        f"DENTRY           INODE            NRPAGES   %   MODE        SIZE {'MTIME':29} PATH",
        f"{begun}  50 100644        5000 1970-01-02.00:00:00.000000007 (gone)",
        f"ff170a5801410540 {'-':16}       -   -      -           - {'-':29} no",
    ]
    assert lines(Cls(), "/x /y", DirectoryRow("/x"), file("/x", "DIR"), DirectoryRow("/y")) == [
        *("/x:", "DENTRY           INODE            NRPAGES   % PATH", f"{begun}  50 /x/"),
        *("", "/y:"),
    ]
    assert file("large", size=4096 * 1000).percent == 0
    assert file("empty", size=0).percent == 0


def test_cfind() -> None:
    assert lines(Cfind(), "/", NameRow("/a", AT, AT + 0x100), NameRow("/b", AT, 0)) == [
        "ff170a5801410540 ff170a5801410640 /a",
        f"ff170a5801410540 {'-':16} /b",
    ]
    assert lines(Cfind(), "-c /", Begin(), CountRow("/boot", 18, 6)) == [
        "  TOTAL DENTRY N_DENT PATH",
        "     18     12      6 /boot",
    ]


def test_ccat() -> None:
    said = lines(Ccat(), "/a", PieceRow(0, b"text\n"), PieceRow(4096, b"\xff\xc3"))
    assert said == ["text\n", "\udcff\udcc3"]
    assert all(isinstance(part, Part) for part in said)
    rows = (BeginRow("/a", "extracting", "out"), BeginRow("/a", "estimating", None))
    assert lines(Ccat(), "-d /a out", *rows, TotalRow(5, 4096)) == [
        *("Extracting /a to out...", "Estimating /a...", "Total 5 pages (20 KiB)")
    ]


class Cached(FakeKernel):
    """A file of 9000 bytes, of which the second page is cached."""

    def __init__(self) -> None:
        super().__init__()
        inode = Inode(0x5000, 0o100644, 0, 0x6000, 1, 9000, 1)
        self.give(Inodes, SimpleNamespace(get=lambda address: inode))
        pieces = [(4096, b"x" * 4096)]
        self.give(FileContent, SimpleNamespace(pieces=lambda inode, problem: iter(pieces)))
        self.context = Context(self.kernel, Settings(), Registry(), cast(Any, None))

    def run(self, words: str) -> list[Row]:
        return list(Ccat().run(self.context, parse_args("ccat", Ccat.flags, words.split())))


def test_ccat_writes_files(tmp_path: Path) -> None:
    fake = Cached()
    assert fake.run(f"5000 {tmp_path}/holes") == [TotalRow(1, 4096)]
    assert (tmp_path / "holes").read_bytes() == bytes(4096) + b"x" * 4096 + bytes(9000 - 8192)
    fake.run(f"-S 5000 {tmp_path}/none")
    assert (tmp_path / "none").read_bytes() == b"x" * 4096
    assert fake.run(f"-c 5000 {tmp_path}/counted") == [TotalRow(1, 4096)]
    assert not (tmp_path / "counted").exists()
    assert fake.run("5000") == [PieceRow(4096, b"x" * 4096)]


def test_ccat_writes_over_nothing(tmp_path: Path) -> None:
    (tmp_path / "target").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CrashError, match="File exists"):
        Cached().run(f"5000 {tmp_path}/target")
    assert not (tmp_path / "elsewhere").exists()
