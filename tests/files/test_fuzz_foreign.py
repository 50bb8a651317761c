"""Dumps of other makers of any bytes: made core files, or refused in one line."""

from __future__ import annotations

import resource
import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pycrash.errors import CrashError
from pycrash.files.foreign import as_core
from pycrash.files.kinds import sort_files
from tests.files import foreign_files as made
from tests.files.foreign_files import END, PAGE, page, ram
from tests.files.test_qemusave import stream
from tests.files.test_sadump import WHOLE, disks
from tests.files.test_vmware import MEMORY, REGIONS, cpus

NUMBERS = st.sampled_from([0, 1, 2, 63, 255, PAGE, 1 << 16, (1 << 31) - 1, (1 << 32) - 1, 1 << 63])
WORDS = st.tuples(st.sampled_from("<>"), NUMBERS)
DATA = st.one_of(
    st.binary(min_size=1, max_size=8),
    WORDS.map(lambda word: struct.pack(word[0] + "I", word[1] & (1 << 32) - 1)),
    WORDS.map(lambda word: struct.pack(word[0] + "Q", word[1])),
)
CHANGES = st.lists(st.tuples(st.integers(0, 1 << 20), DATA), max_size=6)
SEVERAL = settings(
    deadline=None,
    derandomize=True,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
SAVED = stream(ram(END, page(2 * PAGE, 0) + page(3 * PAGE, 0) + page(PAGE, 1)))
INSIDE = made.vmss(cpus(), REGIONS, len(MEMORY)) + MEMORY + b"\0\0"
FORMATS = {
    "QEMU": (SAVED, [(0, 400), (8600, len(SAVED))]),
    "libvirt": (made.libvirt(SAVED), [(0, 500)]),
    "VMware": (INSIDE, [(0, 180), (16384, 18400)]),
    "guest": (made.guest(range(27), 2, 5, (2, 100), 7), [(0, 90)]),
    "sadump": (WHOLE, [(0, 180), (4096, 4220), (12288, 20500)]),
    "disk": (disks()[0], [(0, 180), (4096, 4140), (8192, 8300)]),
    "medium": (made.medium() + made.partition(1) + WHOLE[4096:], [(0, 60), (4096, 4300)]),
}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "dump"


def changed(
    content: bytes, spans: list[tuple[int, int]], changes: list[tuple[int, bytes]]
) -> bytes:
    """A copy with some bytes overwritten in the parts that say what the others are."""
    copy, all_of_them = bytearray(content), sum(end - start for start, end in spans)
    for at, data in changes:
        place = at % all_of_them
        for start, end in spans:
            if place < end - start:
                copy[start + place : start + place + len(data)] = data
                break
            place -= end - start
    return bytes(copy)


@pytest.mark.parametrize("name", FORMATS)
@SEVERAL
@given(changes=CHANGES, end=st.integers(1, 1 << 20))
def test_a_changed_dump(name: str, changes: list[tuple[int, bytes]], end: int, path: Path) -> None:
    content, spans = FORMATS[name]
    content = changed(content, spans, changes)
    path.write_bytes(content[: end % len(content) + 1] if end % 3 == 0 else content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with suppress(CrashError):
        files = sort_files([path])
        as_core(files.parts or (files.dump,))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 19
    for kept in (path.parent / "cache" / "pycrash").glob("*"):
        kept.unlink()
