"""x/i and disassemble over a function of five instructions."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.gdb.examine import examine_command
from pycrash.cexpr.gdb.instructions import disassemble_command
from pycrash.cexpr.printing.addressnames import AddressNames
from pycrash.cexpr.syntax.errors import ExprError
from pycrash.kernel.text.disasm.listing import CodeError
from tests.cexpr.fake_expressions import BASE, make_session

RUN = BASE + 0x800
#: push %rbp, call RUN, nopl, ret; and far from it the cold part: ud2.
CODE = bytes.fromhex("55 e8faffffff 0f1f00 c3".replace(" ", ""))
COLD = BASE + 0x900


class Names:
    def place(self, address: int, decoded: bool = True) -> tuple[str, int] | None:
        if RUN <= address < RUN + len(CODE):
            return "run", address - RUN
        return ("run.cold", address - COLD) if COLD <= address < COLD + 2 else None

    def function(self, address: int) -> tuple[int, int] | None:
        if RUN <= address < RUN + len(CODE):
            return RUN, RUN + len(CODE)
        return (COLD, COLD + 2) if COLD <= address < COLD + 2 else None


@pytest.fixture
def session() -> Session:
    made = make_session()
    kernel = made.kernel
    memory = bytearray(0x1000)
    memory[0x800 : 0x800 + len(CODE)] = CODE
    memory[0x900:0x902] = b"\x0f\x0b"

    def read(address: int, size: int, what: str) -> bytes:
        if not BASE <= address < BASE + 0x1000:
            kernel.memory.read_slowly(address, size, what)
        return bytes(memory[address - BASE :][:size])

    cold = SimpleNamespace(address=COLD)
    kernel.symbols.by_name = lambda name: cold if name == "run.cold" else None  # type: ignore[method-assign, assignment, return-value]
    kernel.symbols.is_text = lambda address: address >= RUN  # type: ignore[method-assign]
    kernel.__dict__["read"] = read
    kernel.__dict__["arch"] = SimpleNamespace(name="x86_64")
    kernel._parts[AddressNames] = Names()
    return made


LINES = [
    f"   {RUN:#x} <run>:\tpush   %rbp",
    f"   {RUN + 1:#x} <run+1>:\tcall   {RUN:#x} <run>",
    f"   {RUN + 6:#x} <run+6>:\tnopl   (%rax)",
    f"   {RUN + 9:#x} <run+9>:\tret",
]


def shown(pieces: object) -> list[str]:
    return "".join(pieces).splitlines()  # type: ignore[arg-type]


def test_examine(session: Session) -> None:
    assert shown(examine_command(session, "/2i run")) == LINES[:2]
    # It goes on behind them, with their format.
    assert shown(examine_command(session, "")) == LINES[2:]
    assert shown(examine_command(session, "/-2i run+9")) == LINES[1:3]


def test_too_few_before(session: Session) -> None:
    first, *rest = shown(examine_command(session, "/-5i run+1"))
    assert first == f"No line number information available for address {RUN - 1:#x}"
    assert rest == LINES[:1]


def test_memory_that_is_missing(session: Session) -> None:
    pieces = examine_command(session, f"/2i {BASE + 0x2000:#x}")
    assert next(pieces) == f"   {BASE + 0x2000:#x}:\t"
    with pytest.raises(CodeError):
        next(pieces)


def test_a_range(session: Session) -> None:
    assert shown(disassemble_command(session, "/r run,+6")) == [
        f"Dump of assembler code from {RUN:#x} to {RUN + 6:#x}:",
        f"   {RUN:#018x} <run+0>:\t55                 \tpush   %rbp",
        f"   {RUN + 1:#018x} <run+1>:\te8 fa ff ff ff     \tcall   {RUN:#x} <run>",
        "End of assembler dump.",
    ]


def test_a_function_in_two_places(session: Session) -> None:
    lines = shown(disassemble_command(session, "run"))
    assert lines[:3] == [
        "Dump of assembler code for function run:",
        f"Address range {RUN:#x} to {RUN + len(CODE):#x}:",
        f"   {RUN:#018x} <+0>:\tpush   %rbp",
    ]
    assert lines[-3:] == [
        f"Address range {COLD:#x} to {COLD + 2:#x}:",
        f"   {COLD:#018x} <+256>:\tud2",
        "End of assembler dump.",
    ]


@pytest.mark.parametrize("text", ["", "/", "/r", "/x run", "/sm run", "nosuch", "counter", "0,+3"])
def test_refusals(session: Session, text: str) -> None:
    with pytest.raises(ExprError):
        list(disassemble_command(session, text))
