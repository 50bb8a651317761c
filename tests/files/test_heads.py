"""Headers and notes of kdump files, damaged in every way, made good for libkdumpfile."""

from __future__ import annotations

import io
import struct

import pytest

from pycrash.files.heads import Heads, apply, elf_machine

BLOCK = 4096
TEXT = b"OSRELEASE=6.1.0\nPAGESIZE=4096\nSYMBOL(init_uts_ns)=ffffffff81000000\n"
#: Where the strings of struct new_utsname and the note of the first CPU are.
SYSNAME, RELEASE, MACHINE = (12 + 65 * number for number in (0, 2, 4))
NOTES = BLOCK + 104
SIZES = {b"x86_64": 336, b"aarch64": 392, b"ppc64": 504, b"riscv64": 376}


def note(name: bytes, kind: int, data: bytes, order: str = "<") -> bytes:
    name += b"\0"
    head = struct.pack(order + "III", len(name), len(data), kind)
    return b"".join(part.ljust(-(-len(part) // 4) * 4, b"\0") for part in (head, name, data))


def kdump(machine: bytes = b"x86_64", size: int = 0, order: str = "<") -> bytes:
    """The heads of a dump with two CPUs."""
    names = (b"Linux", b"host", b"6.1.0", b"#1", machine, b"(none)")
    head = b"KDUMP   " + struct.pack(order + "I", 6)
    head += b"".join(name.ljust(65, b"\0") for name in names)
    head = head.ljust(424, b"\0") + struct.pack(order + "IIIII", 1, BLOCK, 1, 2, 64)
    head = head.ljust(456, b"\0") + struct.pack(order + "I", 2)
    size = size or SIZES[machine]
    cpus = [note(b"CORE", 1, bytes([number + 1]) * size, order) for number in range(2)]
    notes = b"".join([*cpus, note(b"VMCOREINFO", 0, TEXT, order)])
    info = NOTES + len(notes) - -(-len(TEXT) // 4) * 4
    places = (info, len(TEXT), NOTES, len(notes), 0, 0)
    sub = bytes(32) + struct.pack(order + "6Q", *places)
    return (head.ljust(BLOCK, b"\0") + sub.ljust(104, b"\0") + notes).ljust(4 * BLOCK, b"\0")


def changed(content: bytes, *changes: tuple[int, bytes]) -> bytes:
    file = io.BytesIO(content)
    apply(changes, file)
    return file.getvalue()


def mended(content: bytes, machine: bytes = b"") -> bytes:
    """What becomes of a file, which is then whole."""
    content = changed(content, *Heads(io.BytesIO(content), machine).changes)
    again = Heads(io.BytesIO(content), machine)
    assert again.has_sound_notes
    assert again.changes == []
    return content


def registers(content: bytes) -> list[bytes]:
    """What the notes of the CPUs hold, as libkdumpfile finds them."""
    place, size = struct.unpack_from("<QQ", content, BLOCK + 48)
    found, at = [], place
    while at < place + size:
        name_size, data_size, kind = struct.unpack_from("<III", content, at)
        data = content[at + 12 + -(-name_size // 4) * 4 :][:data_size]
        found += [data] if kind == 1 else []
        at += 12 + -(-name_size // 4) * 4 + -(-data_size // 4) * 4
    return found


@pytest.mark.parametrize("machine", SIZES)
def test_whole_heads_are_left_alone(machine: bytes) -> None:
    heads = Heads(io.BytesIO(kdump(machine)))
    assert heads.has_sound_notes
    assert heads.changes == []


@pytest.mark.parametrize(
    ("at", "data"),
    [
        (SYSNAME, b"\xff" * 65),
        (SYSNAME, b"Minux"),
        (RELEASE, b"\0"),
        (RELEASE, b"\xff" * 65),
        (MACHINE, b"\xff\1"),
        (MACHINE, b"\0"),
        (MACHINE, b"x86_44"),
        (MACHINE + 65, b"\xff" * 65),
        (SYSNAME, bytes(260)),
    ],
)
def test_names_are_made_good(at: int, data: bytes) -> None:
    names = mended(changed(kdump(), (at, data)))
    assert names[SYSNAME : SYSNAME + 6] == b"Linux\0"
    assert names[RELEASE] not in (0, 0xFF)
    assert names[MACHINE : MACHINE + 7] == b"x86_64\0"
    assert names[MACHINE + 65 + 64] == 0


@pytest.mark.parametrize("machine", SIZES)
def test_the_machine_is_told_by_the_notes(machine: bytes) -> None:
    unknown = changed(kdump(machine), (MACHINE, b"Unknown\0"))
    assert mended(unknown)[MACHINE:].startswith(machine + b"\0")


def test_two_machines_of_one_size_are_told_by_their_byte_order() -> None:
    content = kdump(b"Unknown", 336, ">")
    content = changed(content, *Heads(io.BytesIO(content)).changes)
    assert content[MACHINE:].startswith(b"s390x\0")


def test_the_machine_is_told_by_the_vmlinux() -> None:
    content = changed(kdump(b"Unknown", 100))
    assert mended(content, b"aarch64")[MACHINE:].startswith(b"aarch64\0")
    wrong = changed(kdump(), (MACHINE, b"i686\0\0\0"))
    assert mended(wrong, b"x86_64")[MACHINE:].startswith(b"x86_64\0")
    # A vmlinux of another machine is not believed where header and notes agree.
    assert Heads(io.BytesIO(kdump()), b"aarch64").changes == []


@pytest.mark.parametrize(
    ("at", "data"),
    [
        (NOTES, b"\xff" * 4),
        (NOTES, bytes(4)),
        (NOTES + 4, b"\xff" * 4),
        (NOTES + 4, bytes(4)),
        (NOTES + 4, struct.pack("<I", 7)),
        (NOTES + 356, b"\xff" * 12),
        (BLOCK + 56, bytes(8)),
        (BLOCK + 56, struct.pack("<Q", 1 << 30)),
        (BLOCK + 56, b"\xff" * 8),
    ],
)
def test_notes_that_lead_nowhere_are_written_anew(at: int, data: bytes) -> None:
    content = mended(changed(kdump(), (at, data)))
    place, size = struct.unpack_from("<QQ", content, BLOCK + 32)
    assert content[place : place + size] == TEXT
    assert registers(content) in ([], [b"\1" * 336, b"\2" * 336])


def test_cpus_keep_their_registers() -> None:
    content = mended(changed(kdump(), (NOTES + 4, bytes(4))))
    assert registers(content) == [b"\1" * 336, b"\2" * 336]


def test_no_registers_where_one_cpu_has_lost_its_note() -> None:
    assert registers(mended(changed(kdump(), (NOTES, b"\xff" * 30)))) == []


def test_lines_of_vmcoreinfo_that_are_none_go() -> None:
    at = kdump().index(b"PAGESIZE")
    content = mended(changed(kdump(), (at + 2, b"\0"), (at + 20, b"\xff")))
    place, size = struct.unpack_from("<QQ", content, BLOCK + 32)
    assert content[place : place + size] == b"OSRELEASE=6.1.0\n"


@pytest.mark.parametrize("places", [bytes(32), b"\xff" * 32])
def test_vmcoreinfo_is_found_where_no_place_is_said(places: bytes) -> None:
    content = mended(changed(kdump(), (BLOCK + 32, places)))
    place, size = struct.unpack_from("<QQ", content, BLOCK + 32)
    assert content[place : place + size] == TEXT


def test_notes_that_are_lost_stay_so() -> None:
    heads = Heads(io.BytesIO(changed(kdump(), (NOTES, bytes(2000)))))
    assert not heads.has_sound_notes
    assert heads.changes == []


def test_erased_data_outside_of_the_file_is_none() -> None:
    content = mended(changed(kdump(), (BLOCK + 72, b"\xff" * 4)))
    assert content[BLOCK + 64 : BLOCK + 80] == bytes(16)


def test_other_files_are_left_alone() -> None:
    for content in (b"", b"\x7fELF", b"KDUMP   ".ljust(8192, b"\0")):
        assert Heads(io.BytesIO(content)).changes == []


def test_the_machine_of_a_vmlinux() -> None:
    head = b"\x7fELF\2\1".ljust(18, b"\0")
    assert elf_machine(head + b"\x3e\0") == b"x86_64"
    assert elf_machine(b"\x7fELF\2\2".ljust(18, b"\0") + b"\0\x16") == b"s390x"
    assert elf_machine(head + b"\xff\xff") == b""
    assert elf_machine(b"text") == b""
