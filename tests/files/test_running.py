"""Which kernel is read where no dump is given, and what is said where none can be."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pycrash.errors import CrashError
from pycrash.files import running
from pycrash.files.debuginfo import Identity, NoVmlinux, Search
from pycrash.files.kinds import KernelFiles, file_kind, is_part, sort_files
from pycrash.files.latest import newest_dump
from pycrash.fleet.walk import find_dumps


@pytest.fixture
def kcore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for /proc/kcore; nothing of it is ever read here."""
    path = tmp_path / "kcore"
    path.touch()
    monkeypatch.setattr(running, "RUNNING", path)
    return path


@pytest.fixture
def vmlinux(tmp_path: Path) -> Path:
    path = tmp_path / "vmlinux"
    path.write_bytes(b"\x7fELF\2\1\1".ljust(16, b"\0") + b"\2\0" + bytes(100))
    return path


@pytest.fixture
def vmcore(tmp_path: Path) -> Path:
    path = tmp_path / "vmcore"
    path.write_bytes(b"KDUMP   " + bytes(100))
    return path


def message(run: Callable[[], object]) -> str:
    with pytest.raises(CrashError) as caught:
        run()
    return str(caught.value)


def test_the_running_kernel_is_read_where_no_dump_is_given(kcore: Path, vmlinux: Path) -> None:
    assert sort_files([], or_running=True) == KernelFiles(kcore)
    assert sort_files([vmlinux], or_running=True) == KernelFiles(kcore, vmlinux)


def test_a_dump_that_is_given_is_the_one(kcore: Path, vmlinux: Path, vmcore: Path) -> None:
    assert sort_files([vmlinux, vmcore], or_running=True) == KernelFiles(vmcore, vmlinux)


def test_nobody_reads_the_running_kernel_who_did_not_ask(kcore: Path, vmlinux: Path) -> None:
    for files in ([], [vmlinux]):
        assert message(lambda: sort_files(files)) == "dumpfile argument required"  # noqa: B023


def test_the_running_kernel_can_be_named(kcore: Path, vmlinux: Path, vmcore: Path) -> None:
    link = kcore.parent / "link"
    link.symlink_to(kcore)
    assert sort_files([kcore]) == KernelFiles(kcore)
    assert sort_files([link, vmlinux]) == KernelFiles(link, vmlinux)
    assert file_kind(kcore) == "dump"
    assert not is_part(kcore)
    assert message(lambda: sort_files([kcore, vmcore])) == "too many dumpfile arguments"


def test_whoever_looks_for_dumps_takes_none_that_runs(kcore: Path, vmcore: Path) -> None:
    os.utime(vmcore, (1, 1))
    assert newest_dump(kcore.parent).path == vmcore
    found = find_dumps([kcore.parent])
    assert found.dumps == [(vmcore,)]
    assert found.skipped == [(kcore, "the running kernel, not a dump")]


def test_where_there_is_none_it_is_said_what_to_give(kcore: Path) -> None:
    kcore.unlink()
    why = f"{kcore}: No such file or directory"
    assert message(lambda: sort_files([kcore])) == why
    assert message(lambda: sort_files([], or_running=True)) == (
        "dumpfile argument required: pycrash [VMLINUX] DUMP; the running kernel cannot be read: "
        + why
    )


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_who_may_not_read_it_is_told_so(
    kcore: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    refusal = PermissionError(number, "not you")

    def refuse(*given: object) -> None:
        raise refusal

    monkeypatch.setattr(running, "open", refuse, raising=False)
    assert message(lambda: sort_files([kcore])) == f"{kcore}: not you: it takes root's rights"


def test_its_vmlinux_is_not_looked_for_in_proc() -> None:
    search = Search(Identity("0.0-none", None), None)
    with pytest.raises(NoVmlinux):
        search.run()
    assert search.tried
    assert not any("/proc" in line for line in search.tried)
