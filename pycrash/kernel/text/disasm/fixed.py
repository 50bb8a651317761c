"""x86 instructions that capstone does not know, or knows by another text than binutils."""

from __future__ import annotations

from pycrash.kernel.text.disasm.encoding import DATA16, REPNZ, REPZ, Encoding

#: By the prefix that belongs to the opcode (0 for none) and the opcode: the whole text.
FIXED: dict[tuple[int, bytes], tuple[str, str]] = {
    **{
        (0, bytes((0x0F, 0x01, last))): text
        for last, text in {
            0xC0: ("enclv", ""),
            0xC5: ("pconfig", ""),
            0xC6: ("wrmsrns", ""),
            0xC8: ("monitor", "%rax,%ecx,%edx"),
            0xC9: ("mwait", "%eax,%ecx"),
            0xE8: ("serialize", ""),
            0xFA: ("monitorx", "%rax,%ecx,%edx"),
            0xFB: ("mwaitx", "%eax,%ecx,%ebx"),
            0xFE: ("invlpgb", ""),
            0xFF: ("tlbsync", ""),
        }.items()
    },
    **{
        (REPZ, bytes((0x0F, 0x01, last))): (name, "")
        for last, name in {
            0xC6: "wrmsrlist",
            0xCA: "eretu",
            0xD9: "vmgexit",
            0xE8: "setssbsy",
            0xEA: "saveprevssp",
            0xEC: "uiret",
            0xED: "testui",
            0xEE: "clui",
            0xEF: "stui",
            0xFA: "mcommit",
            0xFD: "rmpquery",
            0xFE: "rmpadjust",
            0xFF: "psmash",
        }.items()
    },
    **{
        (REPNZ, bytes((0x0F, 0x01, last))): (name, "")
        for last, name in {
            0xC6: "rdmsrlist",
            0xCA: "erets",
            0xD9: "vmgexit",
            0xE8: "xsusldtrk",
            0xE9: "xresldtrk",
            0xFD: "rmpread",
            0xFE: "rmpupdate",
            0xFF: "pvalidate",
        }.items()
    },
    **{
        (DATA16, bytes((0x0F, 0x01, last))): (name, "")
        for last, name in {
            0xCC: "tdcall",
            0xCD: "seamret",
            0xCE: "seamops",
            0xCF: "seamcall",
        }.items()
    },
    (0, b"\xc4\xe2\x78\x49\xc0"): ("tilerelease", ""),
}
#: Instructions that take 16 bits of a register, which is shown as wide as that of sldt is.
SELECTORS = {2: "lldt", 3: "ltr", 4: "verr", 5: "verw"}
#: Opcodes that with a register are a nop of it, and the prefixes that make them something else.
HINTS = {
    b"\x0f\x18": (REPZ,),
    b"\x0f\x1a": (REPZ, REPNZ, DATA16),
    b"\x0f\x1b": (REPZ, REPNZ, DATA16),
    b"\x0f\x1e": (REPZ,),
}
#: Opcodes whose operands are those of another that capstone knows: (that, the name).
STAND_INS = {
    **dict.fromkeys((b"\x0f\x19", b"\x0f\x1c", b"\x0f\x1d"), (b"\x0f\x1f", "")),
    b"\x0f\xb9": (b"\x0f\xaf", "ud1"),
    b"\x0f\xff": (b"\x0f\xaf", "ud0"),
    b"\x0f\x02": (b"\x0f\xaf", "lar"),
    b"\x0f\x03": (b"\x0f\xaf", "lsl"),
}


def fixed(encoding: Encoding, data: bytes) -> tuple[int, int, str, str] | None:
    """Of an instruction with a text of its own: its prefix (0 for none), size, name, operands."""
    size = 3 if encoding.opcode == b"\x0f\x01" else 5
    whole = data[encoding.rest :][:size]
    for prefix in (REPZ, REPNZ, DATA16, 0):
        if (prefix in encoding.prefixes or not prefix) and (prefix, whole) in FIXED:
            return prefix, encoding.rest + size, *FIXED[prefix, whole]
    return None
