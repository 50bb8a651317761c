"""BPF programs, maps and instructions, in memory made by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.bpf.bytecode import Bytecode
from pycrash.kernel.bpf.objects import BpfObjects
from pycrash.kernel.symbols.table import SymbolTable
from tests.kernel.fake_kernel import FakeKernel

PROG_IDR, MAP_IDR, CALL_BASE, TABLE = 0xFFFFFFFF82000000, 0xFFFFFFFF82000100, 1 << 40, 0x9000
NODE, PROGRAM, AUX, MAP, USER = (0xFFFF888000000000 + place * 0x1000 for place in range(5))
RING, USED, TAG = 0xFFFF888000010000, 0xFFFF888000011000, bytes(range(8))


@pytest.fixture
def fake() -> FakeKernel:
    """Programs 3 and 4, of which the second cannot be read; a ring 5, and a map 6 for CPUs."""
    fake = FakeKernel()
    root = fake.struct("xarray", 16, xa_head=(8, "P"))
    fake.struct("idr", 16, idr_rt=(0, root))
    fake.struct("xa_node", 576, shift=(0, "B"), slots=(40, fake.array(fake._member("P"), 64)))
    fake.struct(
        "bpf_prog",
        64,
        aux=(0, "P"),
        type=(8, "I"),
        tag=(12, "8s"),
        len=(20, "I"),
        jited_len=(24, "I"),
        bpf_func=(32, "P"),
        pages=(40, "H"),
        insnsi=(48, fake.array(fake._member("Q"), None)),
    )
    fake.struct(
        "bpf_prog_aux",
        64,
        used_maps=(0, "P"),
        used_map_cnt=(8, "I"),
        load_time=(16, "Q"),
        user=(24, "P"),
        name=(32, "16s"),
    )
    fake.struct(
        "bpf_map",
        64,
        map_type=(0, "I"),
        map_flags=(4, "I"),
        key_size=(8, "I"),
        value_size=(12, "I"),
        max_entries=(16, "I"),
        name=(24, "16s"),
    )
    fake.struct("user_struct", 16, uid=(4, "I"))
    fake.struct("bpf_ringbuf_map", 128, map=(0, "64s"), rb=(64, "P"))
    fake.struct("bpf_ringbuf", 12288, nr_pages=(8, "i"), consumer_pos=(4096, "Q"))
    fake.enum("bpf_prog_type", BPF_PROG_TYPE_UNSPEC=0, BPF_PROG_TYPE_XDP=6)
    kinds = {"PERCPU_ARRAY": 6, "CGROUP_OLD": 19, "CGROUP_NEW": 19, "RINGBUF": 27}
    fake.enum("bpf_map_type", **{f"BPF_MAP_TYPE_{kind}": n for kind, n in kinds.items()})
    for symbol, at, node in (("prog_idr", PROG_IDR, NODE), ("map_idr", MAP_IDR, NODE + 576)):
        fake.symbol(symbol, at)
        fake.write(at + 8, "Q", node | 2)
        fake.room(node, 576)
    fake.write(NODE + 40 + 8 * 3, "QQ", PROGRAM, PROGRAM + 0x100000)
    fake.write(NODE + 576 + 40 + 8 * 5, "QQ", MAP, MAP + 256)
    fake.room(PROGRAM, 128)
    fake.room(AUX, 64)
    fake.write(PROGRAM, "QI8sIIxxxxQH", AUX, 6, TAG, 2, 19, 0xFFFFFFFFC0000000, 16)
    fake.write(AUX, "QIxxxxQQ16s", USED, 2, 5 * 10**9, USER, b"one")
    fake.write(USER, "II", 0, 1000)
    fake.write(USED, "QQ", MAP + 256, 0x1234)
    fake.room(MAP, 512)
    fake.write(MAP, "IIIIIxxxx16s", 27, 0, 0, 0, 8192, b"ring")
    fake.write(MAP + 64, "Q", RING)
    fake.write(RING + 8, "i", 5)
    fake.write(MAP + 256, "IIIIIxxxx16s", 6, 1, 4, 12, 500, b"")
    fake.kernel.__dict__["cpus"] = SimpleNamespace(possible=frozenset({0, 1}))
    return fake


def test_a_program(fake: FakeKernel) -> None:
    found = fake.kernel.part(BpfObjects)
    assert found.program_places == {3: PROGRAM, 4: PROGRAM + 0x100000}
    program = found.program(3)
    assert program[:5] == (3, PROGRAM, AUX, "XDP", TAG)
    assert program[5:13] == (2, 19, 0xFFFFFFFFC0000000, 16, None, 5 * 10**9, "one", 1000)
    assert found.used_maps(program) == [6]
    with pytest.raises(ReadError):
        found.program(4)


def test_a_user_and_maps_that_cannot_be_read(fake: FakeKernel) -> None:
    found = fake.kernel.part(BpfObjects)
    fake.write(AUX, "QIxxxxQQ", 0x5000, 2**32 - 1, 0, 0x6000)
    program = found.program(3)
    assert program.uid is None
    with pytest.raises(ReadError):
        found.used_maps(program)


def test_memory_of_maps(fake: FakeKernel) -> None:
    found = fake.kernel.part(BpfObjects)
    ring, percpu = found.map(5), found.map(6)
    assert (ring.type, ring.memory) == ("RINGBUF", 128 + 5 * 4096 + (1 + 2 + 2 * 2) * 8)
    # 500 entries of a key and two values of 16 bytes each, in whole pages.
    assert (percpu.type, percpu.flags, percpu.memory) == ("PERCPU_ARRAY", 1, 5 * 4096)
    assert (ring.name, percpu.name, percpu.user, percpu.uid) == ("ring", "", 0, None)
    fake.write(MAP + 256, "IIIII", 99, 0, 4, 4, 0)
    assert found.map(6)[2:8] == ("", 0, 4, 4, 0, None)
    fake.write(MAP + 256, "I", 19)
    assert found.map(6).type == "CGROUP_OLD"


def test_a_length_that_is_none(fake: FakeKernel) -> None:
    fake.write(PROGRAM + 20, "I", 2**31)
    found = fake.kernel.part(BpfObjects)
    with pytest.raises(CrashError, match="invalid number of BPF instructions: 2147483648"):
        found.bytecode(found.program(3))


def test_instructions(fake: FakeKernel) -> None:
    names = {CALL_BASE + 0x100: ("helper", 0), CALL_BASE - 8: ("inside", 4)}
    lookup = {at: (SimpleNamespace(name=name), offset) for at, (name, offset) in names.items()}
    fake.give(SymbolTable, SimpleNamespace(lookup=lookup.get))
    fake.symbol("__bpf_call_base", CALL_BASE)
    fake.symbol("func_id_str", TABLE, 16)
    fake.write(TABLE, "QQ", 0, TABLE + 32)
    fake.write(TABLE + 32, "16s", b"bpf_lookup")
    code = bytes.fromhex("18a100000000000000000000000000008500000001000000")
    code = code[:4] + (MAP & 0xFFFFFFFF).to_bytes(4, "little") + code[8:]
    code = code[:12] + (MAP >> 32).to_bytes(4, "little") + code[16:]
    code += bytes.fromhex("850000000001000085000000f8ffffff8510000001000000")
    # A load of a constant whose second half is cut off.
    code += bytes.fromhex("1801feff05000000")
    found = list(fake.kernel.part(Bytecode).decode(code))
    assert [each.place for each in found] == [0, 2, 3, 4, 5, 6]
    assert found[0][2:] == (0x18, 1, 10, 0, MAP, 5, None)
    assert [each.function for each in found[1:5]] == ["bpf_lookup", "helper", None, None]
    assert (len(found[5].data), found[5].offset, found[5].constant) == (8, -2, 5)
