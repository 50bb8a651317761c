"""Dumps of sadump, made by hand: their memory as core files."""

from __future__ import annotations

from pathlib import Path

import pytest

from pycrash.errors import CrashError
from pycrash.files.foreign import as_core
from pycrash.files.kinds import sort_files
from tests.files import foreign_files as made
from tests.files.foreign_files import PAGE
from tests.files.test_qemusave import read, segments

#: Pages that are memory, and those of them that were dumped.
MEMORY = (*range(1, 20), *range(40, 60))
DUMPED = (1, 2, 3, 8, 9, 40, 59)
PAGES = b"".join(bytes((number,)) * PAGE for number in DUMPED)
HEADS = made.sadump_head(made.bits(MEMORY, 64), made.bits(DUMPED, 64), 64)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def put(folder: Path, *contents: bytes) -> list[Path]:
    paths = [folder / f"disk{number}" for number in range(1, len(contents) + 1)]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return paths


def require_memory(paths: list[Path]) -> None:
    """The pages at their places, zeros for those that were left out."""
    files = sort_files(paths)
    made_of = as_core(files.parts or (files.dump,))
    assert made_of is not None
    assert made_of[1] == "sadump"
    core = made_of[0]
    assert segments(core) == [(PAGE, 19 * PAGE), (40 * PAGE, 20 * PAGE)]
    for number in MEMORY:
        expected = bytes((number if number in DUMPED else 0,)) * 4
        assert read(core, number * PAGE + PAGE - 4) == expected


def test_a_partition(tmp_path: Path) -> None:
    require_memory(put(tmp_path, made.partition() + HEADS + PAGES))


def test_a_medium(tmp_path: Path) -> None:
    require_memory(put(tmp_path, made.medium() + made.partition(1) + HEADS + PAGES))


def disks(*cuts: int) -> list[bytes]:
    """A set whose disks have so many pages, but the last one, which has the rest."""
    volumes = [bytes((0x61 + number,)) * 16 for number in range(len(cuts) + 1)]
    contents, at = [], 0
    for rank, volume in enumerate(volumes, 1):
        heads = made.disk_set(volumes[1:]) + HEADS if rank == 1 else b""
        end = at + PAGE * cuts[rank - 1] if rank <= len(cuts) else len(PAGES)
        used = PAGE + len(heads) + end - at
        contents.append(made.partition(rank, used, volume) + heads + PAGES[at:end] + b"unused")
        at = end
    return contents


@pytest.mark.parametrize("cuts", [(), (2,), (1, 3), (0, 6)])
def test_a_set_of_disks_in_any_order(cuts: tuple[int, ...], tmp_path: Path) -> None:
    require_memory(put(tmp_path, *disks(*cuts))[::-1])


def test_the_first_version_has_small_numbers(tmp_path: Path) -> None:
    heads = bytearray(HEADS)
    heads[8] = heads[88] = 0
    require_memory(put(tmp_path, made.partition() + heads + PAGES))


WHOLE = made.partition() + HEADS + PAGES
FIRST, SECOND, THIRD = disks(2, 2)


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        ([WHOLE[:3000]], "cut short"),
        ([WHOLE[:9000]], "cut short"),
        ([WHOLE[:-1]], "cut short"),
        ([WHOLE[:1000] + b"\1" + WHOLE[1001:]], "damaged: no head of a partition"),
        ([WHOLE[:4096] + b"\1" + WHOLE[4097:]], "damaged: it has no head of a dump"),
        ([WHOLE[: 4096 + 40] + b"\1" + WHOLE[4096 + 41 :]], "blocks of 4,097 bytes"),
        ([WHOLE[: 4096 + 52] + b"\xff\xff\xff" + WHOLE[4096 + 55 :]], "16,777,215 blocks"),
        ([made.partition() + made.sadump_head(b"\xaa" * 5 * PAGE, bytes(PAGE), 1 << 18) + PAGES],
         "65,536 regions of memory"),
        ([WHOLE[: 4096 + 48] + b"\xff\xff\xff\xff" + WHOLE[4096 + 52 :]], "cut short"),
        ([made.medium(2) + made.partition(1) + HEADS + PAGES], "medium 2 of several"),
        ([b"x" + made.medium()[1:] + made.partition(1) + HEADS], "a medium of another system"),
        ([FIRST], "a disk of a set; disk 2 is missing"),
        ([FIRST, THIRD], "a disk of a set; disk 2 is missing"),
        ([FIRST, SECOND], "a disk of a set; disk 3 is missing"),
        ([SECOND, THIRD], "a disk of a set; the first one is missing"),
        ([FIRST, SECOND, SECOND], "no disk of the set"),
        ([FIRST, SECOND, WHOLE[:8192]], "the first one is missing"),
    ],
)  # fmt: skip
def test_what_is_refused(contents: list[bytes], said: str, tmp_path: Path) -> None:
    with pytest.raises(CrashError) as refused:
        as_core(put(tmp_path, *contents))
    message = str(refused.value)
    assert message.startswith(f"{tmp_path}/disk")
    assert said in message
    assert "\n" not in message
