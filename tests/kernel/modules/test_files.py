"""Object files of modules: found, read, relocated, and merged with what is known."""

from __future__ import annotations

import lzma
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pycrash.errors import CrashError
from pycrash.kernel.arch.aarch64.architecture import AArch64
from pycrash.kernel.arch.x86_64.architecture import X86_64
from pycrash.kernel.core.reader import Options
from pycrash.kernel.core.utsname import read_utsname
from pycrash.kernel.modules.files import ModuleFinder, is_elf, read_object
from pycrash.kernel.modules.objectfile import LoadedFile
from pycrash.kernel.symbols.loaded import Entry, merged
from pycrash.objects.elf import SHF_COMPRESSED, ElfFile
from pycrash.objects.relocated import RelocatedDwarf, RelocatedFile, open_plain
from tests.kernel.elf_maker import SHF_ALLOC, SHF_EXEC, SHF_WRITE, ObjectMaker
from tests.kernel.fake_kernel import FakeKernel

LOCAL_FUNC, GLOBAL_FUNC, LOCAL_OBJECT, SECTION = 0x02, 0x12, 0x01, 0x03


def maker() -> ObjectMaker:
    made = ObjectMaker()
    made.sections[".text"] = (bytes(64), SHF_ALLOC | SHF_EXEC)
    made.sections[".data"] = (bytes(32), SHF_ALLOC | SHF_WRITE)
    made.sections[".data..percpu"] = (bytes(16), SHF_ALLOC | SHF_WRITE)
    made.sections[".init.text"] = (bytes(16), SHF_ALLOC | SHF_EXEC)
    made.symbols += [
        ("", ".text", 0, SECTION),
        ("start", ".text", 0, GLOBAL_FUNC),
        ("helper", ".text", 32, LOCAL_FUNC),
        ("table", ".data", 8, LOCAL_OBJECT),
        ("counter", ".data..percpu", 8, LOCAL_OBJECT),
        ("begin", ".init.text", 0, LOCAL_FUNC),
        ("printk", "", 0, GLOBAL_FUNC),
    ]
    return made


def finder(tmp_path: Path, tree: str | None = None) -> ModuleFinder:
    fake = FakeKernel()
    fake.kernel.given = (tmp_path / "boot" / "vmlinux", None)
    fake.kernel.options = Options(module_tree=tree)
    fake.give(read_utsname, SimpleNamespace(release="6.0-none"))
    return ModuleFinder(fake.kernel)


def test_files_are_found_by_name_in_a_tree(tmp_path: Path) -> None:
    for name in ("a/dm-mod.ko", "b/dm-region_hash.ko", "c/loop.ko.debug", "d/zram.ko.xz"):
        path = tmp_path / name
        path.parent.mkdir()
        path.touch()
    tree = str(tmp_path)
    find = finder(tmp_path).find
    assert find("dm_mod", tree=tree) == f"{tree}/a/dm-mod.ko"
    assert find("dm_region_hash", tree=tree) == f"{tree}/b/dm-region_hash.ko"
    assert find("loop", tree=tree) == f"{tree}/c/loop.ko.debug"
    assert find("zram", tree=tree) == f"{tree}/d/zram.ko.xz"
    assert find("nothing", tree=tree) is None


def test_the_tree_of_mod_and_the_folder_of_the_vmlinux(tmp_path: Path) -> None:
    for name in ("boot/kernel/loop.ko", "mine/zram.ko", "mine/loop.ko"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    plain = finder(tmp_path)
    assert plain.find("loop") == str(tmp_path / "boot" / "kernel" / "loop.ko")
    assert plain.find("zram") is None
    own = finder(tmp_path, tree=str(tmp_path / "mine"))
    assert own.find("zram") == str(tmp_path / "mine" / "zram.ko")
    assert own.find("loop") == str(tmp_path / "mine" / "loop.ko")
    assert own.find("x", given="zram.ko") is None


def test_of_several_builds_the_right_one_is_found(tmp_path: Path) -> None:
    for folder, build_id in (("a", b"one"), ("b", b"two"), ("c", b"two")):
        made = maker()
        made.build_id(build_id)
        made.write(tmp_path / folder / "loop.ko")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "loop.ko").write_text("no object")
    find = finder(tmp_path).find
    tree = str(tmp_path)
    assert find("loop", tree=tree, build_id=b"one") == f"{tree}/a/loop.ko"
    assert find("loop", tree=tree, build_id=b"two") in (f"{tree}/b/loop.ko", f"{tree}/c/loop.ko")
    assert find("loop", tree=tree, build_id=b"three") == find("loop", tree=tree)


def test_links_that_go_round_are_left(tmp_path: Path) -> None:
    below = tmp_path / "a"
    below.mkdir()
    (below / "up").symlink_to(tmp_path)
    (below / "loop.ko").touch()
    assert finder(tmp_path).find("loop", tree=str(tmp_path)) == str(below / "loop.ko")


def test_elf_files_are_told_by_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = maker().write(tmp_path / "x.ko")
    packed = tmp_path / "x.ko.xz"
    packed.write_bytes(lzma.compress(file.read_bytes()))
    text = tmp_path / "text"
    text.write_text("no object")
    assert is_elf(file)
    assert is_elf(packed)
    assert not is_elf(text)
    assert not is_elf(tmp_path)
    assert not is_elf(tmp_path / "missing")


def test_what_an_object_file_says(tmp_path: Path) -> None:
    made = maker()
    made.build_id(b"\x01\x02")
    bare = tmp_path / "bare"
    bare.write_bytes(b"\x7fELF\x02\x01\x01".ljust(64, b"\0"))
    content = read_object(made.write(tmp_path / "x.ko"), X86_64.symbols)
    assert content.build_id == b"\x01\x02"
    assert content.sections[".text"] == 64
    start = next(s for s in content.symbols if s.name == "start")
    assert (start.section, start.value, start.letter) == (".text", 0, "T")
    assert content.symbols[0].name == "printk"
    with pytest.raises(CrashError, match="no symbols"):
        read_object(bare, X86_64.symbols)


def test_marks_of_the_linker_are_left_out(tmp_path: Path) -> None:
    made = maker()
    made.symbols += [("$x", ".text", 0, 0), ("$d.1", ".data", 0, 0)]
    path = made.write(tmp_path / "x.ko")
    names = {s.name for s in read_object(path, AArch64.symbols).symbols}
    assert {"start", "table"} < names
    assert not {"$x", "$d.1"} & names
    assert "$x" in {s.name for s in read_object(path, X86_64.symbols).symbols}


BASE = 0xFFFFFFFFC0000000
KNOWN = (
    (
        Entry(BASE, "_MODULE_TEXT_START_m", "m"),
        Entry(BASE, "start", "T"),
        Entry(BASE + 0xFFF, "_MODULE_TEXT_END_m", "m"),
    ),
    (
        Entry(BASE + 0x1000, "_MODULE_DATA_START_m", "m"),
        Entry(BASE + 0x1108, "table", "?"),
        Entry(BASE + 0x1200, "exported", "?"),
        Entry(BASE + 0x1FFF, "_MODULE_DATA_END_m", "m"),
    ),
)


def loaded(tmp_path: Path, marks: bool = False) -> LoadedFile:
    path = maker().write(tmp_path / "x.ko")
    return LoadedFile(str(path), path, read_object(path, X86_64.symbols), {}, marks)


def test_sections_are_placed_by_the_symbols_that_are_known(tmp_path: Path) -> None:
    entries = merged(KNOWN, 0x5000, loaded(tmp_path))
    found = {e.name: (e.address, e.letter) for e in entries}
    assert found["start"] == (BASE, "T")
    assert found["helper"] == (BASE + 32, "t")
    assert found["table"] == (BASE + 0x1108, "d")
    assert found["exported"] == (BASE + 0x1200, "?")
    assert found["counter"] == (0x5008, "d")
    assert "begin" not in found
    assert "printk" not in found
    assert entries[1].name == "_MODULE_TEXT_START_m"


def test_marks_of_sections(tmp_path: Path) -> None:
    entries = merged(KNOWN, 0, loaded(tmp_path, marks=True))
    marks = [(e.name, e.address - BASE) for e in entries if e.letter == "S"]
    assert marks == [
        ("_MODULE_SECTION_START [.text]", 0),
        ("_MODULE_SECTION_END [.text]", 64),
        ("_MODULE_SECTION_START [.data]", 0x1100),
        ("_MODULE_SECTION_END [.data]", 0x1120),
    ]


def test_debug_sections_are_relocated_to_where_the_module_lies(tmp_path: Path) -> None:
    made = maker()
    made.sections[".debug_line"] = (bytes(24), 0)
    made.sections[".debug_line_str"] = (b"\0file.c\0", 0)
    made.symbols.append(("", ".debug_line_str", 0, SECTION))
    strings = len(made.symbols)
    made.relocations[".debug_line"] = [
        (0, 3, 1, 4),  # R_X86_64_64 to helper + 4
        (8, strings, 10, 1),  # R_X86_64_32 into the strings
        (16, 3, 2, 0),  # relative to the place: left alone
        (1 << 40, 3, 1, 0),
        (16, 1 << 20, 1, 0),
    ]
    file = RelocatedFile(made.write(tmp_path / "x.ko"), {".text": BASE})
    data = RelocatedDwarf(file).span(".debug_line", 0, 24)
    assert struct.unpack("<QIIQ", data) == (BASE + 36, 1, 0, 0)


def test_compressed_sections_are_unpacked_in_a_copy(tmp_path: Path) -> None:
    made = maker()
    text = b"debug information " * 50
    made.sections[".debug_info"] = (made.compressed(text), SHF_COMPRESSED)
    path = made.write(tmp_path / "x.ko")
    with open(open_plain(path), "rb") as copy:
        copy.seek(0)
        plain = tmp_path / "plain.ko"
        plain.write_bytes(copy.read())
    section = cast(Any, ElfFile(plain).section(".debug_info"))
    assert not section.flags & SHF_COMPRESSED
    assert ElfFile(plain).contents(section) == text
    assert len(ElfFile(plain).symbols) == len(ElfFile(path).symbols)


def test_a_file_without_compressed_sections_is_taken_as_it_is(tmp_path: Path) -> None:
    path = maker().write(tmp_path / "x.ko")
    with open(open_plain(path), "rb") as file:
        assert file.read() == path.read_bytes()
