"""A vmlinux whose debugging data is damaged: what is wrong is said once, and the rest goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

import pycrash
from pycrash.files.compressed import unpacked
from pycrash.objects.elf import ElfFile, Section
from tests.golden.sample import SAMPLE


def open_damaged(copy: Path, name: str, damage: bytes) -> pycrash.Dump:
    """The sample with a vmlinux of which a section begins with other bytes."""
    vmlinux = unpacked(SAMPLE / "vmlinux.xz")
    section = section_of(vmlinux, name)
    copy.write_bytes(vmlinux.read_bytes())
    with copy.open("r+b") as file:
        file.seek(section.offset)
        file.write(damage[: section.size])
    return pycrash.open_dump(SAMPLE / "vmcore", copy)


def section_of(vmlinux: Path, name: str) -> Section:
    return next(s for s in ElfFile(vmlinux).sections if s.name == name)


@pytest.mark.parametrize(
    ("section", "damage", "said"),
    [
        (".debug_info", bytes(1 << 20), ".debug_info or .debug_abbrev: libdw error: invalid DWARF"),
        (".debug_abbrev", b"\xff" * 4096, ".debug_abbrev+0: "),
    ],
)
def test_types_are_given_up_and_the_rest_is_shown(
    section: str, damage: bytes, said: str, tmp_path: Path
) -> None:
    copy = tmp_path / "vmlinux"
    dump = open_damaged(copy, section, damage)
    (note,) = dump.kernel.notes
    assert note.startswith(f"{copy}: {said}")
    assert note.endswith("; no types are known")
    assert "Linux version 6.12.117-sample" in dump.text("log")
    assert dump.text("sym schedule").startswith("ffffffffa87eab10 (T) schedule")
    assert dump.text("dis schedule 1").startswith("0xffffffffa87eab10 <schedule>:\tendbr64")
    assert dump.text("rd jiffies 1").startswith("ffffffffa90079c0:  00000000fffee526")
    for line in ("bt", "ps", "sys", "struct task_struct", "p jiffies", "mod", "set"):
        answer = dump.text(line)
        assert 1 <= len(answer.splitlines()) <= 2, answer
        assert "internal error" not in answer


def test_names_that_are_gone_are_missed_once(tmp_path: Path) -> None:
    copy = tmp_path / "vmlinux"
    dump = open_damaged(copy, ".debug_str", bytes(1 << 22))
    assert dump.kernel.notes == [f"{copy}: its debugging data has no struct task_struct"]
    assert dump.text("sym schedule").startswith("ffffffffa87eab10 (T) schedule")


def test_a_name_that_is_no_text_is_named(tmp_path: Path) -> None:
    vmlinux = unpacked(SAMPLE / "vmlinux.xz")
    section = section_of(vmlinux, ".debug_str")
    strings = bytearray(vmlinux.read_bytes()[section.offset : section.offset + section.size])
    at = strings.index(b"\0sk_busy_poll_budget\0")
    strings[at + 19] = 0xF4
    copy = tmp_path / "vmlinux"
    dump = open_damaged(copy, ".debug_str", bytes(strings))
    assert not dump.kernel.notes
    wrong = f"{copy}: .debug_str: a name is no text: {b'sk_busy_poll_budge' + bytes([0xF4])!r}"
    assert dump.text("struct sock") == f"struct: {wrong}\n"
    assert "struct task_struct {" in dump.text("struct task_struct")
