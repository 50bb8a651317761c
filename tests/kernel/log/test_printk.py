"""The message log in its three shapes, whole and damaged."""

from __future__ import annotations

import pytest

from pycrash.kernel.log.printk import KernelLog, LogDamage, Record
from tests.kernel.fake_kernel import FakeKernel

BASE = 0xFFFF888000000000
PRB, RING, DESCS, INFOS, TEXT = (BASE + at for at in (0, 0x100, 0x1000, 0x2000, 0x3000))
RING_NOTE = f"""SYMBOL(prb)={PRB:x}
SIZE(printk_ringbuffer)=88
OFFSET(printk_ringbuffer.desc_ring)=0
OFFSET(printk_ringbuffer.text_data_ring)=48
OFFSET(prb_desc_ring.count_bits)=0
OFFSET(prb_desc_ring.descs)=8
OFFSET(prb_desc_ring.infos)=16
OFFSET(prb_desc_ring.head_id)=24
OFFSET(prb_desc_ring.tail_id)=32
SIZE(prb_desc)=24
OFFSET(prb_desc.state_var)=0
OFFSET(prb_desc.text_blk_lpos)=8
OFFSET(prb_data_blk_lpos.begin)=0
OFFSET(prb_data_blk_lpos.next)=8
SIZE(printk_info)=88
OFFSET(printk_info.seq)=0
OFFSET(printk_info.ts_nsec)=8
OFFSET(printk_info.text_len)=16
OFFSET(printk_info.caller_id)=20
OFFSET(printk_info.dev_info)=24
OFFSET(dev_printk_info.subsystem)=0
LENGTH(printk_info_subsystem)=16
OFFSET(dev_printk_info.device)=16
LENGTH(printk_info_device)=48
OFFSET(prb_data_ring.size_bits)=0
OFFSET(prb_data_ring.data)=8
OFFSET(atomic_long_t.counter)=0
"""
COMMITTED, FINALIZED, RESERVED = 1 << 62, 2 << 62, 0


class FakeRing(FakeKernel):
    """A ring of four descriptors and 256 bytes of text; `head` and `tail` are ids."""

    def __init__(self, tail: int, head: int) -> None:
        super().__init__()
        self.note(RING_NOTE)
        self.write(PRB, "Q", RING)
        self.write(RING, "QQQQQQ", 2, DESCS, INFOS, head, tail, 0)
        self.room(RING, 88)
        self.spans[RING] = bytearray(88)
        self.write(RING, "QQQQQQQQ", 2, DESCS, INFOS, head, tail, 0, 8, TEXT)
        self.room(DESCS, 4 * 24)
        self.room(INFOS, 4 * 88)
        self.room(TEXT, 256)

    def put(
        self,
        number: int,
        text: bytes,
        at: int,
        *,
        state: int = FINALIZED,
        length: int | None = None,
        end: int | None = None,
        device: bytes = b"",
        flags: int = 6 << 5,
        caller: int = 7,
        facility: int = 0,
    ) -> None:
        size = len(text) if length is None else length
        end = at + 8 + len(text) if end is None else end
        slot = number % 4
        self.write(DESCS + slot * 24, "QQQ", number | state, at, end)
        info = (number, 1500 * number, size, facility, flags, caller)
        self.write(INFOS + slot * 88, "QQHBBI", *info)
        self.write(INFOS + slot * 88 + 24, "16s48s", b"pci" if device else b"", device)
        place = at % 256
        if (at % 256) > (end % 256):
            place = 0
        self.write(TEXT + place, f"Q{len(text)}s", number, text)

    def records(self) -> list[Record]:
        return list(KernelLog(self.kernel).records())


def test_records_come_oldest_first_with_what_the_kernel_noted() -> None:
    ring = FakeRing(tail=6, head=7)
    ring.put(7, b"second", 32, device=b"+pci:0000", flags=3 << 5 | 9, facility=1)
    ring.put(6, b"first", 0, caller=0x80000001)
    first, second = ring.records()
    assert first == Record(9000, "first", 6, 0x80000001, (), 6)
    assert second == Record(10500, "second", 3, 7, ("SUBSYSTEM=pci", "DEVICE=+pci:0000"), 7, 1)


@pytest.mark.parametrize(
    ("state", "seen"), [(COMMITTED, True), (FINALIZED, True), (RESERVED, False), (3 << 62, False)]
)
def test_only_committed_records_count(state: int, seen: bool) -> None:
    ring = FakeRing(tail=5, head=5)
    ring.put(5, b"text", 0, state=state)
    assert bool(ring.records()) is seen


def test_slots_of_other_ids_are_passed_over() -> None:
    ring = FakeRing(tail=8, head=11)
    ring.put(8, b"here", 0)
    ring.put(5, b"long gone", 32)
    ring.put(14, b"not yet", 64)
    assert [record.text for record in ring.records()] == ["here"]


def test_a_record_without_a_block_has_no_text() -> None:
    ring = FakeRing(tail=4, head=4)
    ring.put(4, b"", 16, end=16)
    assert ring.records()[0].text is None


def test_a_block_that_wraps_begins_the_ring_anew() -> None:
    ring = FakeRing(tail=4, head=4)
    ring.put(4, b"from zero", 240, end=256 + 17)
    assert ring.records()[0].text == "from zero"


def test_text_longer_than_its_block_is_cut() -> None:
    ring = FakeRing(tail=4, head=5)
    ring.put(4, b"cut off", 0, length=60000)
    ring.put(5, b"x\xffy", 32)
    assert [record.text for record in ring.records()] == ["cut off", "x\udcffy"]


def test_a_head_far_beyond_the_ring_still_ends() -> None:
    ring = FakeRing(tail=4, head=3)
    ring.put(5, b"kept", 0)
    assert [record.text for record in ring.records()] == ["kept"]


@pytest.mark.parametrize(
    ("gone", "what"),
    [
        (RING, "printk_ringbuffer"),
        (DESCS, "prb_desc_ring"),
        (INFOS, "prb_info_ring"),
        (TEXT, "prb_text_data_ring"),
    ],
)
def test_a_missing_part_is_named(gone: int, what: str) -> None:
    ring = FakeRing(tail=4, head=4)
    del ring.spans[gone]
    with pytest.raises(LogDamage, match=f"cannot read {what} contents") as found:
        ring.records()
    assert found.value.level == "WARNING"


@pytest.mark.parametrize("offset", [0, 48])
def test_a_size_that_cannot_be_is_not_read(offset: int) -> None:
    ring = FakeRing(tail=4, head=4)
    ring.write(RING + offset, "I", 60)
    with pytest.raises(LogDamage, match="cannot read"):
        ring.records()


@pytest.mark.parametrize(
    "line",
    [
        "OFFSET(prb_desc_ring.count_bits)=4000",
        "OFFSET(printk_info.caller_id)=17",
        "SIZE(printk_info)=4",
        "SIZE(prb_desc)=0",
    ],
)
def test_offsets_that_fit_nothing_are_said(line: str) -> None:
    ring = FakeRing(tail=4, head=4)
    ring.put(4, b"text", 0)
    ring.note(RING_NOTE + line)
    with pytest.raises(LogDamage, match="have changed"):
        ring.records()


RECORD_NOTE = f"""SYMBOL(log_buf)={BASE:x}
SYMBOL(log_buf_len)={BASE + 8:x}
SYMBOL(log_first_idx)={BASE + 12:x}
SYMBOL(log_next_idx)={BASE + 16:x}
SIZE(printk_log)=16
OFFSET(printk_log.ts_nsec)=0
OFFSET(printk_log.len)=8
OFFSET(printk_log.text_len)=10
OFFSET(printk_log.dict_len)=12
"""
BUFFER = BASE + 0x1000


class FakeBuffer(FakeKernel):
    """The buffer of 3.5 to 5.9, of 128 bytes."""

    def __init__(self, first: int, following: int) -> None:
        super().__init__()
        self.note(RECORD_NOTE)
        self.write(BASE, "QIII", BUFFER, 128, first, following)
        self.room(BUFFER, 128)

    def put(self, at: int, text: bytes, extra: bytes = b"", length: int | None = None) -> int:
        size = -(-(16 + len(text) + len(extra)) // 8) * 8 if length is None else length
        self.write(BUFFER + at, "QHHHBB", 42, size, len(text), len(extra), 3, 5 << 5 | 2)
        self.write(BUFFER + at + 16, f"{len(text)}s{len(extra)}s", text, extra)
        return at + size


def test_records_of_varying_length() -> None:
    buffer = FakeBuffer(0, 56)
    behind = buffer.put(0, b"one", b"SUBSYSTEM=pci\0DEVICE=x")
    buffer.write(BASE + 16, "I", buffer.put(behind, b"two"))
    one, two = KernelLog(buffer.kernel).records()
    assert one == Record(42, "one", 5, None, ("SUBSYSTEM=pci", "DEVICE=x"), facility=3)
    assert (two.text, two.properties) == ("two", ())


def test_the_mark_of_the_end_leads_to_the_beginning() -> None:
    buffer = FakeBuffer(96, 24)
    buffer.put(96, b"old")
    buffer.write(BUFFER + 120, "Q", 0)
    buffer.write(BASE + 16, "I", buffer.put(0, b"new"))
    buffer.spans[BUFFER] += bytearray(32)
    buffer.write(BASE + 8, "I", 144)
    assert [r.text for r in KernelLog(buffer.kernel).records()] == ["old", "new"]


@pytest.mark.parametrize(
    ("length", "message"), [(0, "duplicate log_buf message"), (2000, "invalid log_buf entry")]
)
def test_damaged_lengths_end_the_walk(length: int, message: str) -> None:
    buffer = FakeBuffer(0, 64)
    buffer.put(0, b"only", length=length)
    log = KernelLog(buffer.kernel).records()
    assert next(log).text == "only"
    with pytest.raises(LogDamage, match=message):
        list(log)


@pytest.mark.parametrize(
    ("end", "levels", "text"),
    [
        (15, False, "one\ntwo.\n"),
        (15, True, "<6>one\n<4>two.\n"),
        # Overwritten: it may begin amid a line, and NULs end the wait for a level.
        (32 + 7, False, "<4>two.\n<6>one\n"),
    ],
)
def test_plain_text(end: int, levels: bool, text: str) -> None:
    fake = FakeKernel()
    fake.note("")
    for name, at, size in (("log_buf", 0, 8), ("log_buf_len", 8, 4), ("log_end", 16, 4)):
        fake.symbol(name, BASE + at, size)
    fake.write(BASE, "QIxxxxI", BUFFER, 32, end)
    fake.write(BUFFER, "32s", b"<6>one\n<4>two\xe9\n")
    log = KernelLog(fake.kernel)
    assert log.shape == "text"
    assert log.plain(levels=levels) == text
