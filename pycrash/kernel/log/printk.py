"""The kernel's message log, in each of the shapes it has had.

Since 5.10 a ring of descriptors, infos and text (struct printk_ringbuffer); from 3.5 to 5.9 a
buffer of records of varying length (struct printk_log); before that plain text. VMCOREINFO
has the addresses and offsets of the first two, so they are read without debug information.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Literal

from pycrash.errors import CrashError, ReadError
from pycrash.kernel.core.places import Places
from pycrash.kernel.core.reader import Reader

#: What the kernel says as it goes down, each told by these words.
FATAL_WORDS = (
    "Unable to handle kernel",
    "BUG: unable to handle kernel",
    "Kernel BUG at",
    "kernel BUG at",
    "Bad mode in",
    "Oops",
    "Kernel panic",
)
#: A log has at most 2 GiB of text and a descriptor for every 32 bytes; more is damage.
MAX_TEXT_BITS = 31
MAX_DESCRIPTOR_BITS = MAX_TEXT_BITS - 5
#: enum desc_state: the two states in which a record may be read.
COMMITTED, FINALIZED = 1, 2


class LogDamage(CrashError):
    """The log could not be read further; `level` says how crash reports that."""

    def __init__(self, text: str, level: Literal["INFO", "WARNING"]) -> None:
        super().__init__(text)
        self.level = level


@dataclass(frozen=True, slots=True)
class Record:
    """One message.

    `time` is in nanoseconds of the kernel's clock. `text` is None where the record holds none.
    `level` is the syslog level; `facility` who spoke: 0 is the kernel, all else a program that
    wrote to /dev/kmsg; `caller` the raw caller id, None where this kernel keeps none;
    `properties` what dev_printk added, as `KEY=value`. Bytes that are no UTF-8 are in `text`
    and `properties` as surrogate escapes.
    """

    time: int
    text: str | None
    level: int
    caller: int | None = None
    properties: tuple[str, ...] = ()
    sequence: int | None = None
    facility: int = 0


@dataclass(frozen=True, slots=True)
class SafeBuffer:
    """What one CPU printed where printk could not take its lock (struct printk_safe_seq_buf).

    `length` and `lost` are the kernel's counts; `text` the bytes as they lie there, each line
    led by an SOH and its level.
    """

    name: str
    cpu: int
    address: int
    length: int
    lost: int
    text: bytes


class KernelLog:
    """The log of one kernel: `shape` is "ring", "records" or "text"."""

    def __init__(self, kernel: Reader) -> None:
        self._kernel = kernel
        self._places = Places(kernel)
        self.shape: Literal["ring", "records", "text"] = "text"
        if self._places.find("prb") is not None:
            self.shape = "ring"
        elif self._places.find("log_first_idx") is not None:
            self.shape = "records"

    def records(self) -> Iterator[Record]:
        """Every message from the oldest on. Raises LogDamage, perhaps after some.

        A log of shape "text" has no records: see `plain`.
        """
        try:
            if self.shape == "ring":
                yield from Ring(self._kernel, self._places).records()
            elif self.shape == "records":
                yield from RecordBuffer(self._kernel, self._places).records()
        except struct.error:
            # The note gave offsets or sizes that fit no structure.
            raise LogDamage("\nlog buf data structure(s) have changed", "WARNING") from None

    def plain(self, levels: bool = False) -> str:
        """A log of shape "text", its lines without the `<N>` that leads them unless `levels`.

        Bytes beyond ASCII are dots. Raises CrashError, LogDamage.
        """
        places = self._places
        start, length = places.symbol("log_buf"), places.symbol_size("log_buf")
        if places.find("log_buf_len") is not None:
            length = _integer(self._kernel, places.symbol("log_buf_len"), 4, "log_buf_len")
            start = self._kernel.read_word(start, "log_buf")
        if not length:
            raise CrashError("cannot determine length of log_buf")
        size = places.symbol_size("log_end") or 4
        end = _integer(self._kernel, places.symbol("log_end"), size, "log_end")
        data = _contents(self._kernel, start, length, "log_buf")
        wrapped = end >= length
        if wrapped:
            index = end & (length - 1)
            data = data[index:] + data[:index]
        return _plain_text(data, levels, at_level=not wrapped and data.startswith(b"<"))

    @cached_property
    def pid_max(self) -> int | None:
        """The largest pid plus one, where it is one for the whole kernel (before 6.14)."""
        address = self._places.find("pid_max")
        try:
            return None if address is None else _integer(self._kernel, address, 4, "pid_max")
        except ReadError:
            return None

    def safe_buffers(self) -> Iterator[SafeBuffer]:
        """The per-CPU buffers of 4.7 to 5.14, by name and then by CPU; none on other kernels."""
        from pycrash.kernel.core.layout import Layout

        kernel, fields = self._kernel, ("len", "message_lost", "buffer")
        if not kernel.has_member("struct printk_safe_seq_buf", "buffer"):
            return
        shape = Layout(kernel.prog, "struct printk_safe_seq_buf", fields)
        form = kernel.struct_format("i")
        for name in ("nmi_print_seq", "safe_print_seq"):
            base = kernel.symbol_address(name)
            if base is None:
                continue
            for cpu in range(kernel.cpus.count):
                address = kernel.cpus.address(base, cpu)
                data = kernel.read(address, shape.whole, "printk_safe_seq_buf buffer")
                length, lost = (
                    struct.unpack_from(form, data, shape.at(count))[0] for count in fields[:2]
                )
                start = shape.at("buffer")
                text = data[start : start + max(length, 0)]
                yield SafeBuffer(name, cpu, address, length, lost, text)


class Ring:
    """The log since 5.10: struct printk_ringbuffer, to which `prb` points."""

    def __init__(self, kernel: Reader, places: Places) -> None:
        self._kernel = kernel
        self._places = places

    def records(self) -> Iterator[Record]:
        """The records between the tail and the head that are whole, oldest first."""
        offset = self._places.offset
        prb = self._kernel.read_word(self._places.symbol("prb"), "prb")
        size = self._places.size("printk_ringbuffer")
        ring = self._read(prb, size, "printk_ringbuffer")
        desc_ring = offset("printk_ringbuffer.desc_ring")
        text_ring = offset("printk_ringbuffer.text_data_ring")
        (bits,) = self._unpack("I", ring, desc_ring + offset("prb_desc_ring.count_bits"))
        if bits > MAX_DESCRIPTOR_BITS:
            raise LogDamage("\ncannot read prb_desc_ring contents", "WARNING")
        descs, infos = (
            self._unpack("P", ring, desc_ring + offset(f"prb_desc_ring.{name}"))[0]
            for name in ("descs", "infos")
        )
        counter = offset("atomic_long_t.counter")
        tail, head = (
            self._unpack("P", ring, desc_ring + offset(f"prb_desc_ring.{name}") + counter)[0]
            for name in ("tail_id", "head_id")
        )
        places = self._between(descs, 1 << bits, tail, head)
        info_size = self._places.size("printk_info")
        details = self._read(infos, info_size << bits, "prb_info_ring")
        (bits,) = self._unpack("I", ring, text_ring + offset("prb_data_ring.size_bits"))
        (data,) = self._unpack("P", ring, text_ring + offset("prb_data_ring.data"))
        if bits > MAX_TEXT_BITS:
            raise LogDamage("\ncannot read prb_text_data_ring contents", "WARNING")
        text = self._read(data, 1 << bits, "prb_text_data_ring")
        yield from self._decode(places, details, text)

    def _between(
        self, address: int, count: int, tail: int, head: int
    ) -> list[tuple[int, int, int, int]]:
        """(age, slot, begin, next) of the readable descriptors from tail to head, by age.

        Asking each slot for its id, in place of counting up from the tail, also ends where
        tail and head are damaged.
        """
        offset, word = self._places.offset, self._kernel.word_size * 8
        mask = (1 << (word - 2)) - 1
        block = offset("prb_desc.text_blk_lpos")
        fields = [
            (offset("prb_desc.state_var") + offset("atomic_long_t.counter"), "P"),
            (block + offset("prb_data_blk_lpos.begin"), "P"),
            (block + offset("prb_data_blk_lpos.next"), "P"),
        ]
        size = self._places.size("prb_desc")
        data = self._read(address, size * count, "prb_desc_ring")
        found = []
        span = (head - tail) & mask
        for slot, entry in enumerate(Fields(self._kernel, fields, size).each(data)):
            state, begin, following = entry
            age = (state - tail) & mask
            if (
                state >> (word - 2) in (COMMITTED, FINALIZED)
                and age <= span
                and (state & mask) % count == slot
            ):
                found.append((age, slot, begin, following))
        found.sort()
        return found

    def _decode(
        self, places: list[tuple[int, int, int, int]], infos: bytes, data: bytes
    ) -> Iterator[Record]:
        offset, word = self._places.offset, self._kernel.word_size
        size = self._places.size("printk_info")
        text_len = offset("printk_info.text_len")
        # facility, then flags and level in one byte, have always followed text_len.
        fields = [
            (offset("printk_info.seq"), "Q"),
            (offset("printk_info.ts_nsec"), "Q"),
            (text_len, "H"),
            (text_len + 2, "B"),
            (text_len + 3, "B"),
            (offset("printk_info.caller_id"), "I"),
        ]
        shape = Fields(self._kernel, fields, size)
        device = offset("printk_info.dev_info")
        names = [
            (
                key,
                device + offset(f"dev_printk_info.{key.lower()}"),
                self._places.length(f"printk_info_{key.lower()}", f"dev_printk_info.{key.lower()}"),
            )
            for key in ("SUBSYSTEM", "DEVICE")
        ]
        for _, slot, begin, following in places:
            at = slot * size
            sequence, time, length, facility, flags, caller = shape.at(infos, at)
            begin, following = begin % len(data), following % len(data)
            text: str | None = None
            if begin != following:
                # A block that would not fit behind the others begins the ring anew; every
                # block is led by its descriptor's id.
                begin = (0 if begin > following else begin) + word
                end = min(begin + length, following) if begin <= following else begin + length
                text = _text(data[begin:end])
            properties = tuple(
                f"{key}={_text(value)}"
                for key, start, width in names
                if (value := infos[at + start : at + start + width].partition(b"\0")[0])
            )
            yield Record(time, text, self._level(flags), caller, properties, sequence, facility)

    def _level(self, flags: int) -> int:
        return flags >> 5 if self._kernel.byte_order == "<" else flags & 7

    def _unpack(self, code: str, data: bytes, at: int) -> tuple[int, ...]:
        return struct.unpack_from(self._kernel.struct_format(code), data, at)

    def _read(self, address: int, size: int, what: str) -> bytes:
        return _contents(self._kernel, address, size, what)


class RecordBuffer:
    """The log of 3.5 to 5.9: `log_buf` full of struct printk_log, each with text and properties."""

    def __init__(self, kernel: Reader, places: Places) -> None:
        self._kernel = kernel
        self._places = places

    def records(self) -> Iterator[Record]:
        """The records from log_first_idx to log_next_idx."""
        kernel, places = self._kernel, self._places
        first, following, length = (
            _integer(kernel, places.symbol(name), 4, name)
            for name in ("log_first_idx", "log_next_idx", "log_buf_len")
        )
        start = kernel.read_word(places.symbol("log_buf"), "log_buf")
        data = _contents(kernel, start, length, "log_buf")
        name = "printk_log" if self._has("printk_log.ts_nsec") else "log"  # renamed in 3.11
        fields = [
            (places.offset(f"{name}.{member}"), code)
            for member, code in (("ts_nsec", "Q"), ("len", "H"), ("text_len", "H"))
        ]
        dict_len = places.offset(f"{name}.dict_len")
        # facility, then flags and level in one byte, follow dict_len (since 3.6).
        fields += [(dict_len, "H"), (dict_len + 2, "B"), (dict_len + 3, "B")]
        callers = self._has(f"{name}.caller_id")  # 5.1, CONFIG_PRINTK_CALLER
        if callers:
            fields.append((places.offset(f"{name}.caller_id"), "I"))
        size = places.size(name)
        shape = Fields(kernel, fields, size)
        index, seen = first, set[int]()
        while index != following:
            if index + size > length:
                raise LogDamage("\ninvalid log_buf entry encountered", "INFO")
            entry = shape.at(data, index)
            if not entry[1]:
                # The mark of the buffer's end: the next record is the first one.
                index = 0
                entry = shape.at(data, index)
            time, total, text_len, dict_len, facility, flags = entry[:6]
            text = data[index + size : index + size + text_len]
            extra = data[index + size + text_len : index + size + text_len + dict_len]
            yield Record(
                time,
                _text(text),
                flags >> 5 if kernel.byte_order == "<" else flags & 7,
                entry[6] if callers else None,
                tuple(_text(part) for part in extra.split(b"\0")) if extra else (),
                facility=facility,
            )
            if index in seen:
                raise LogDamage("\nduplicate log_buf message pointer", "INFO")
            seen.add(index)
            index += total
            if index >= length:
                if first <= following:
                    raise LogDamage("\ninvalid log_buf entry encountered", "INFO")
                index = 0

    def _has(self, path: str) -> bool:
        try:
            self._places.offset(path)
        except (CrashError, LookupError):
            return False
        return True


def _plain_text(data: bytes, levels: bool, at_level: bool) -> str:
    out: list[str] = []
    for char in data.decode("latin-1"):
        if at_level and not levels:
            if char in "<01234567":
                continue
            at_level = False
            if char == ">":
                continue
        if char != "\0":
            out.append(char if char <= "\x7f" else ".")
            at_level = char == "\n"
    return "".join(out)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


class Fields:
    """Chosen members of a structure of so many bytes: (offset, struct code) each."""

    def __init__(self, kernel: Reader, fields: Sequence[tuple[int, str]], size: int) -> None:
        code, end = "", 0
        ordered = sorted(fields)
        for offset, form in ordered:
            form = kernel.struct_format(form)
            code += f"{offset - end}x{form[1:]}"
            end = offset + struct.calcsize(form)
        self._struct = struct.Struct(f"{kernel.byte_order}{code}{size - end}x")
        self._pick = itemgetter(*(ordered.index(field) for field in fields))

    def at(self, data: bytes, offset: int) -> tuple[int, ...]:
        """The members, in the order they were given, of the structure at an offset of `data`."""
        found: tuple[int, ...] = self._pick(self._struct.unpack_from(data, offset))
        return found

    def each(self, data: bytes) -> Iterator[tuple[int, ...]]:
        """The members of every structure of an array."""
        return map(self._pick, self._struct.iter_unpack(data))


def _integer(kernel: Reader, address: int, size: int, what: str) -> int:
    data = kernel.read(address, size, what)
    return int(struct.unpack(kernel.struct_format("Q" if size == 8 else "I"), data)[0])


def _contents(kernel: Reader, address: int, size: int, what: str) -> bytes:
    if size <= 1 << MAX_TEXT_BITS:
        try:
            return kernel.read(address, size, f"{what} contents")
        except ReadError:
            pass
    raise LogDamage(f"\ncannot read {what} contents", "WARNING")
