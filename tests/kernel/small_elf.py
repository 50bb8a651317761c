"""A small ELF file with DWARF in it, made by hand."""

from __future__ import annotations

import struct
from pathlib import Path

STRINGS = b"\0list_head\0pid_t\0byte_t\0hidden\0x_text\0char\0"


def offset(name: bytes) -> bytes:
    """Where a string lies, as a reference to it."""
    return struct.pack("<I", STRINGS.index(name + b"\0"))


def abbreviation(code: int, tag: int, children: int, *pairs: int) -> bytes:
    return bytes((code, tag, children, *pairs, 0, 0))


ABBREVIATIONS = (
    abbreviation(1, 0x11, 1)
    + abbreviation(2, 0x24, 0, 0x0B, 0x0B, 0x3E, 0x0B, 0x03, 0x08)  # base: size, encoding, name
    + abbreviation(3, 0x13, 1, 0x03, 0x0E, 0x0B, 0x0B, 0x01, 0x13)  # struct: name, size, sibling
    + abbreviation(4, 0x0D, 0, 0x03, 0x08, 0x49, 0x13)  # member: name, type
    + abbreviation(5, 0x16, 0, 0x03, 0x0E, 0x49, 0x13)  # typedef: name, type
    + abbreviation(6, 0x01, 1, 0x49, 0x13, 0x01, 0x13)  # array: type, sibling
    + abbreviation(7, 0x21, 0)  # subrange without a bound
    + abbreviation(8, 0x13, 0, 0x03, 0x0E, 0x3C, 0x19)  # struct, only declared
    + abbreviation(9, 0x34, 0, 0x03, 0x0E, 0x49, 0x13, 0x3C, 0x19)  # variable, only declared
    + abbreviation(10, 0x13, 1, 0x03, 0x08, 0x0B, 0x0B)  # struct: inline name, size; no sibling
    + b"\0"
)


def entries() -> bytes:
    """A unit: int and char, structures, typedefs, an array of one, and a declared variable."""
    head = 12
    out = bytearray(b"\x01")
    at = {}

    def here() -> int:
        return head + len(out)

    at["int"] = here()
    out += b"\x02\x04\x05int\0"
    at["char"] = here()
    out += b"\x02\x01\x06char\0"
    start = len(out)
    out += b"\x03" + offset(b"list_head") + b"\x10" + b"\0\0\0\0"
    out += b"\x04next\0" + struct.pack("<I", at["int"]) + b"\0"
    out[start + 6 : start + 10] = struct.pack("<I", here())
    out += b"\x0arq\0\x20" + b"\x04nr\0" + struct.pack("<I", at["int"]) + b"\0"
    out += b"\x05" + offset(b"pid_t") + struct.pack("<I", at["int"])
    at["byte_t"] = here()
    out += b"\x05" + offset(b"byte_t") + struct.pack("<I", at["char"])
    start = len(out)
    out += b"\x06" + struct.pack("<I", at["byte_t"]) + b"\0\0\0\0" + b"\x07\0"
    out[start + 5 : start + 9] = struct.pack("<I", here())
    at["chars"] = here()
    start = len(out)
    out += b"\x06" + struct.pack("<I", at["char"]) + b"\0\0\0\0" + b"\x07\0"
    out[start + 5 : start + 9] = struct.pack("<I", here())
    out += b"\x08" + offset(b"hidden")
    out += b"\x09" + offset(b"_text") + struct.pack("<I", at["chars"])
    out += b"\0"
    body = struct.pack("<HBBI", 5, 1, 8, 0) + out
    return struct.pack("<I", len(body)) + body


def write_elf(path: Path, info: bytes | None = None) -> Path:
    """Write the file; `info` takes the place of .debug_info."""
    sections = {
        ".debug_info": entries() if info is None else info,
        ".debug_abbrev": ABBREVIATIONS,
        ".debug_str": STRINGS,
    }
    names = b"\0" + b"".join(n.encode() + b"\0" for n in (*sections, ".shstrtab"))
    data = bytearray(64)
    headers = [bytes(64)]
    for name, body in (*sections.items(), (".shstrtab", names)):
        kind = 3 if name == ".shstrtab" else 1
        place = names.index(name.encode() + b"\0")
        headers.append(
            struct.pack("<IIQQQQIIQQ", place, kind, 0, 0, len(data), len(body), 0, 0, 1, 0)
        )
        data += body
    table = len(data)
    data += b"".join(headers)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    data[:64] = ident + struct.pack(
        "<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, len(headers), len(headers) - 1
    )
    path.write_bytes(data)
    return path
