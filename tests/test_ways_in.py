"""Each option for broken dumps opens one of which its part is broken, and is named if it helps."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from random import Random

from pycrash.files.compressed import unpacked
from pycrash.kernel.kernel import Kernel
from pycrash.kernel.opening import open_files
from tests.faults.dumpfiles import KdumpBytes
from tests.faults.pages import KINDS
from tests.golden.sample import SAMPLE
from tests.patched import PAGE, descriptor, sample, write_changed

_leave_out = dict(KINDS)["left out"]


@cache
def whole() -> Kernel:
    return open_files([SAMPLE / "vmcore", unpacked(SAMPLE / "vmlinux.xz")])


def place(address: int) -> int:
    found = whole().arch.tables.kernel_physical(address)
    assert found is not None
    return found


def without(copy: Path, symbol: str) -> Path:
    """A copy that lacks the page of a variable."""
    page = place(whole().required_symbol(symbol)) // PAGE * PAGE
    rank = (descriptor(page) - sample().descriptors[0]) // 24
    dump = KdumpBytes(sample().path.read_bytes())
    content = bytearray(dump.content)
    _leave_out(dump, content, [rank], Random(0))
    copy.write_bytes(content)
    return copy


def changed(copy: Path, words: Mapping[int, int]) -> Path:
    return write_changed(copy, {place(at): struct.pack("<Q", word) for at, word in words.items()})


def said(dump: Path, line: str, *options: str) -> str:
    vmlinux = unpacked(SAMPLE / "vmlinux.xz")
    done = subprocess.run(
        [sys.executable, "-m", "pycrash", *options, str(vmlinux), str(dump)],
        input=f"{line}\nexit\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stdout + done.stderr
    assert "internal error" not in done.stdout
    return done.stdout


def test_zero_excluded_is_named_where_it_helps(tmp_path: Path) -> None:
    dump = without(tmp_path / "dump", "init_uts_ns")
    advice = "; --zero_excluded reads what was left out as zeros\n"
    answer = said(dump, "ps | head -1")
    assert "NOTE: page excluded: kernel virtual address: ffffffffa90d1d60" in answer
    assert answer.count(advice) == 1
    assert "NODENAME" not in answer
    answer = said(dump, "ps | head -1", "--zero_excluded")
    assert advice not in answer
    assert "    NODENAME: \n" in answer


def test_no_modules_leaves_a_list_in_circles_alone(tmp_path: Path) -> None:
    first = whole().read_word(whole().required_symbol("modules"))
    dump = changed(tmp_path / "dump", {whole().read_word(first): first})
    assert "MODULE" in said(dump, "mod", "-s")
    answer = said(dump, "mod\nsys | head -1", "-s", "--no_modules")
    assert "mod: cannot access vmalloc'd module memory" in answer
    assert "KERNEL: " in answer


def test_no_kmem_cache_leaves_wild_caches_alone(tmp_path: Path) -> None:
    first = whole().read_word(whole().required_symbol("slab_caches"))
    dump = changed(tmp_path / "dump", {first: 0xFFFF888FFFFF0000})
    assert "KERNEL: " in said(dump, "sys | head -1", "-s", "--no_kmem_cache")


def test_minimal_needs_no_run_queues(tmp_path: Path) -> None:
    dump = without(tmp_path / "dump", "__per_cpu_offset")
    answer = said(dump, "log | tail -1\nrd jiffies", "-s", "--minimal")
    assert "CR2: 0000000000000010" in answer
    assert "ffffffffa90079c0:  " in answer
