"""A vmlinux whose debugging data is damaged: what is wrong is said once, and the rest goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

import pycrash
from pycrash.files.compressed import unpacked
from pycrash.kernel.core import btftypes
from pycrash.objects.elf import ElfFile, Section
from tests.golden.sample import SAMPLE


def open_damaged(copy: Path, name: str, damage: bytes, *, and_btf: bool = False) -> pycrash.Dump:
    """The sample with a vmlinux of which a section begins with other bytes, and .BTF too."""
    vmlinux = unpacked(SAMPLE / "vmlinux.xz")
    section = section_of(vmlinux, name)
    copy.write_bytes(vmlinux.read_bytes())
    with copy.open("r+b") as file:
        file.seek(section.offset)
        file.write(damage[: section.size])
    if and_btf:
        damage_btf(copy)
    return pycrash.open_dump(SAMPLE / "vmcore", copy)


def section_of(vmlinux: Path, name: str) -> Section:
    return next(s for s in ElfFile(vmlinux).sections if s.name == name)


def damage_btf(copy: Path) -> None:
    with copy.open("r+b") as file:
        file.seek(section_of(copy, ".BTF").offset)
        file.write(bytes(4096))


DAMAGES = pytest.mark.parametrize(
    ("section", "damage", "said"),
    [
        (".debug_info", bytes(1 << 20), ".debug_info or .debug_abbrev: libdw error: invalid DWARF"),
        (".debug_abbrev", b"\xff" * 4096, ".debug_abbrev+0: "),
        (".debug_str", bytes(1 << 22), "its debugging data has no struct task_struct"),
    ],
)


@DAMAGES
def test_types_come_from_btf(section: str, damage: bytes, said: str, tmp_path: Path) -> None:
    copy = tmp_path / "vmlinux"
    dump = open_damaged(copy, section, damage)
    (note,) = dump.kernel.notes
    assert note.startswith(f"{copy}: {said}")
    assert note.endswith("; types come from BTF, which has few variables")
    whole = pycrash.open_dump(SAMPLE / "vmcore")
    for line in ("bt -a", "ps", "struct list_head", "kmem -i", "mod", "sys -t", "p PIDTYPE_SID"):
        assert dump.text(line) == whole.text(line), line
    assert dump.text("p jiffies") == "p: gdb request failed: p jiffies\n"


def test_a_vmlinux_without_dwarf_is_enough(tmp_path: Path) -> None:
    """As `objcopy -g` leaves it: here its debug sections have names that mean nothing."""
    copy = tmp_path / "vmlinux"
    data = unpacked(SAMPLE / "vmlinux.xz").read_bytes()
    names = section_of(unpacked(SAMPLE / "vmlinux.xz"), ".shstrtab")
    table = data[names.offset : names.offset + names.size].replace(b".debug_", b".dubeg_")
    copy.write_bytes(data[: names.offset] + table + data[names.offset + names.size :])
    dump = pycrash.open_dump(SAMPLE / "vmcore", copy)
    said = "no debugging data available; types come from BTF, which has few variables"
    assert dump.kernel.notes == [f"{copy}: {said}"]
    assert dump.text("bt") == pycrash.open_dump(SAMPLE / "vmcore").text("bt")


def test_the_memory_has_btf_too(tmp_path: Path) -> None:
    copy = tmp_path / "vmlinux"
    dump = open_damaged(copy, ".debug_str", bytes(1 << 22), and_btf=True)
    assert dump.kernel.notes[0].endswith("; types come from BTF, which has few variables")
    assert dump.text("bt") == pycrash.open_dump(SAMPLE / "vmcore").text("bt")


@DAMAGES
def test_types_are_given_up_and_the_rest_is_shown(
    section: str, damage: bytes, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(btftypes, "_in_memory", lambda kernel: b"")
    copy = tmp_path / "vmlinux"
    dump = open_damaged(copy, section, damage, and_btf=True)
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
