"""A dump whose vmlinux nobody has: symbols and types come from the dump's own memory."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import pycrash
from pycrash.errors import CrashError
from pycrash.files.debuginfo import NoVmlinux
from pycrash.kernel import opening
from pycrash.kernel.core import btftypes
from pycrash.objects.kallsyms import Tables
from tests.golden.sample import SAMPLE

#: Lines that need no line of source, no size of a function and no variable's type.
SAME = [
    "bt -a",
    "foreach bt",
    "ps",
    "log",
    "mod",
    "files",
    "vm",
    "kmem -i",
    "kmem -s",
    "net",
    "timer",
    "runq",
    "mount",
    "irq",
    "dev",
    "sys -t",
    "task",
    "struct task_struct",
    "sym -m crashme",
    "p PIDTYPE_SID",
    "p runqueues:0",
]


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample's dump alone in a folder, and a cache of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("DEBUGINFOD_URLS", raising=False)
    (tmp_path / "dump").mkdir()
    return Path(shutil.copy(SAMPLE / "vmcore", tmp_path / "dump" / "vmcore"))


def test_the_memory_says_what_the_vmlinux_would(alone: Path, tmp_path: Path) -> None:
    whole = pycrash.open_dump(SAMPLE / "vmcore", SAMPLE / "vmlinux.xz")
    dump = pycrash.open_dump(alone)
    (note,) = dump.kernel.notes
    assert note.startswith("no vmlinux of kernel 6.12.117-sample (build ID 8fb5b7c8e2f8")
    assert note.endswith(
        "; symbols come from the dump's kallsyms, types from its BTF, which has few variables"
    )
    for line in SAME:
        assert dump.text(line) == whole.text(line), line
    assert dump.text("sym schedule") == "ffffffffa87eab10 (T) schedule \n"
    assert dump.text("dis schedule").startswith(whole.text("dis schedule"))
    assert dump.text("p jiffies") == "p: gdb request failed: p jiffies\n"
    told, known = dump.kernel.symbols.kernel_symbols, whole.kernel.symbols.kernel_symbols
    assert (told.bias, told.image, len(told) > 45_000) == (known.bias, known.image, True)
    places = set(zip(known.addresses, known.all[0], strict=True))
    assert set(zip(told.addresses, told.all[0], strict=True)) <= places
    kept = list((tmp_path / "cache" / "pycrash").glob("kallsyms1-*"))
    assert [dump.kernel.vmlinux] == kept
    assert pycrash.open_dump(alone).kernel.vmlinux == kept[0]


def test_a_file_that_does_not_fit_is_named(alone: Path) -> None:
    (alone.parent / "vmlinux").write_text("something else")
    (note,) = pycrash.open_dump(alone).kernel.notes
    assert f"; {alone.parent}/vmlinux: not an ELF file; symbols come from" in note


def refused(dump: Path) -> None:
    with pytest.raises(NoVmlinux, match=r"^namelist argument required: .*; tried:\n"):
        pycrash.open_dump(dump)


def test_damaged_tables_are_refused(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*_: object) -> None:
        raise CrashError("kallsyms: damaged")

    monkeypatch.setattr(Tables, "symbols", damaged)
    refused(alone)


def test_without_btf_it_is_refused(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    symbols = Tables.symbols
    monkeypatch.setattr(
        Tables, "symbols", lambda *its: [s for s in symbols(*its) if "BTF" not in s.name]
    )
    refused(alone)


def test_damaged_btf_is_refused(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(btftypes, "use_btf", lambda kernel: False)
    refused(alone)


def test_a_made_file_that_cannot_be_used_is_not(
    alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unusable(*_: object) -> None:
        raise CrashError("not usable as a vmlinux")

    monkeypatch.setattr(opening, "_add_vmlinux", unusable)
    refused(alone)
