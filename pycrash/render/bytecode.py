"""Lines of BPF bytecode, in the notation of the kernel's verifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

_ALU = {
    0x00: "+=", 0x10: "-=", 0x20: "*=", 0x30: "/=", 0x40: "|=", 0x50: "&=", 0x60: "<<=",
    0x70: ">>=", 0x90: "%=", 0xA0: "^=", 0xB0: "=", 0xC0: "s>>=",
}  # fmt: skip
_JUMP = {
    0x10: "==", 0x20: ">", 0x30: ">=", 0x40: "&", 0x50: "!=", 0x60: "s>", 0x70: "s>=",
    0xA0: "<", 0xB0: "<=", 0xC0: "s<", 0xD0: "s<=",
}  # fmt: skip
_SIZE = {0x00: "u32", 0x08: "u16", 0x10: "u8", 0x18: "u64"}
#: The operations on memory that nothing comes between; with 1 added they fetch what was there.
_ATOMIC = {0x00: "+=", 0x40: "|=", 0x50: "&=", 0xA0: "^="}
_FETCH = {0x00: "add", 0x40: "or", 0x50: "and", 0xA0: "xor"}
#: Loads and stores that may fault differ from others by their mode alone.
_PLAIN_MODES, _SIGNED_MODES = (0x20, 0x60, 0xA0), (0x40, 0x80)
_ATOMIC_MODES = (0xC0, 0xE0)


class Decoded(Protocol):
    """An instruction: its parts as pycrash.kernel.bpf.bytecode has them."""

    @property
    def code(self) -> int: ...
    @property
    def destination(self) -> int: ...
    @property
    def source(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def constant(self) -> int: ...
    @property
    def map(self) -> int | None: ...
    @property
    def function(self) -> str | None: ...


def instruction_text(given: Decoded) -> str:
    """An instruction as text, its code first; what is none as BUG and its code."""
    text = _CLASSES[given.code & 7](given)
    return text if text.startswith("BUG") else f"({given.code:02x}) {text}"


def opcode_text(data: bytes) -> str:
    """The bytes of an instruction."""
    halves = [data[at : at + 8] for at in range(0, len(data), 8)]
    return " ".join(half.hex(" ") for half in halves)


def _load(given: Decoded) -> str:
    size, mode = _SIZE[given.code & 0x18], given.code & 0xE0
    if mode == 0x20:
        return f"r0 = *({size} *)skb[{given.constant}]"
    if mode == 0x40:
        return f"r0 = *({size} *)skb[r{given.source} + {given.constant}]"
    if given.code != 0x18:
        return f"BUG_ld_{given.code:02x}"
    value = f"{given.constant:#x}" if given.map is None else f"map[id:{given.map}]"
    return f"r{given.destination} = {value}"


def _load_memory(given: Decoded) -> str:
    size, mode = _SIZE[given.code & 0x18], given.code & 0xE0
    if mode in _SIGNED_MODES:
        size = size.replace("u", "s")
    elif mode not in _PLAIN_MODES:
        return f"BUG_ldx_{given.code:02x}"
    return f"r{given.destination} = *({size} *)(r{given.source} {given.offset:+d})"


def _store(given: Decoded) -> str:
    if given.code & 0xE0 not in _PLAIN_MODES:
        return "nospec" if given.code == 0xC2 else f"BUG_st_{given.code:02x}"
    return f"{_memory(given)} = {given.constant}"


def _store_register(given: Decoded) -> str:
    mode, source = given.code & 0xE0, f"r{given.source}"
    if mode in _PLAIN_MODES:
        return f"{_memory(given)} = {source}"
    if mode not in _ATOMIC_MODES:
        return f"BUG_{given.code:02x}"
    kind, fetches = given.constant & ~1, given.constant & 1
    place = _memory(given)
    wide = "64" if given.code & 0x18 == 0x18 else ""
    pointer = place.removeprefix("*")
    if kind in _ATOMIC and not fetches:
        return f"lock {place} {_ATOMIC[kind]} {source}"
    if kind in _FETCH:
        return f"{source} = atomic{wide}_fetch_{_FETCH[kind]}({pointer}, {source})"
    if given.constant == 0xE1:
        return f"{source} = atomic{wide}_xchg({pointer}, {source})"
    if given.constant == 0xF1:
        return f"r0 = atomic{wide}_cmpxchg({pointer}, r0, {source})"
    size = _SIZE[given.code & 0x18]
    if given.constant == 0x100:
        load = f"({size} *)(r{given.source} {given.offset:+d})"
        return f"r{given.destination} = load_acquire({load})"
    if given.constant == 0x110:
        return f"store_release({pointer}, {source})"
    return f"BUG_{given.code:02x}"


def _memory(given: Decoded) -> str:
    """What a store stores to."""
    size = _SIZE[given.code & 0x18]
    return f"*({size} *)(r{given.destination} {given.offset:+d})"


def _arithmetic(given: Decoded) -> str:
    operation, target = given.code & 0xF0, f"r{given.destination}"
    narrow = "(u32) " if given.code & 7 == 4 else ""
    if operation == 0xD0:
        to = "bswap" if given.code & 7 == 7 else "be" if given.code & 8 else "le"
        return f"{target} = {to}{given.constant} {target}"
    if operation == 0x80:
        return f"{target} = {narrow}-{target}"
    if operation not in _ALU:
        return f"BUG_alu_{given.code:02x}"
    sign, source = _ALU[operation], f"{given.constant}"
    if given.code & 8:
        source = f"r{given.source}"
    if given.offset and operation == 0xB0:
        return f"{narrow}{target} = {narrow}(s{given.offset}){source}"
    if given.offset and operation in (0x30, 0x90):
        sign = f"s{sign}"
    return f"{narrow}{target} {sign} {narrow}{source}"


def _jump(given: Decoded) -> str:
    operation, narrow = given.code & 0xF0, given.code & 7 == 6
    if given.code == 0x85 and given.source == 1:
        return f"call pc{given.constant:+d}"
    if given.code == 0x85:
        return f"call {given.function or 'unknown'}#{given.constant}"
    if given.code == 0xF5:
        return f"call {given.function}"
    if operation == 0x00:
        return f"gotol pc{given.constant:+d}" if narrow else f"goto pc{given.offset:+d}"
    if given.code == 0x95:
        return "exit"
    if given.code == 0xE5:
        return f"may_goto pc{given.offset:+d}"
    if operation not in _JUMP:
        return f"BUG_jmp_{given.code:02x}"
    name = "w" if narrow else "r"
    other = f"{name}{given.source}" if given.code & 8 else f"{given.constant & 0xFFFFFFFF:#x}"
    return f"if {name}{given.destination} {_JUMP[operation]} {other} goto pc{given.offset:+d}"


_CLASSES: list[Callable[[Decoded], str]] = [
    *(_load, _load_memory, _store, _store_register),
    *(_arithmetic, _jump, _jump, _arithmetic),
]
