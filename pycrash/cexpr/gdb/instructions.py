"""x/i and disassemble: instructions as gdb shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from drgn import TypeKind

from pycrash.cexpr.eval.evaluator import Evaluator
from pycrash.cexpr.eval.kinds import kind_of
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.printing.addressnames import AddressNames
from pycrash.cexpr.syntax.errors import ExprError
from pycrash.kernel.text.disasm.instruction import Instruction
from pycrash.kernel.text.disasm.listing import READING, CodeError, Disassembler

if TYPE_CHECKING:
    pass

#: The width that the bytes of an instruction fill at least.
RAW = 19
_MODIFIERS = re.compile(r"/([a-zA-Z]*)\s*")


class GapError(CodeError):
    """A failed read behind which an empty line stands."""


def walk(session: Session, address: int, user: bool) -> Iterator[Instruction]:
    """The instructions from an address on: of the kernel, or with `user` of the current task
    where the address is not the kernel's. Raises CodeError."""
    kernel, memory = session.kernel, session.kernel.memory

    def read(at: int, size: int) -> bytes:
        if memory.is_kernel(at) or not user:
            return kernel.read(at, size, READING)
        return memory.read_user(session.task, at, size, READING)

    yield from kernel.part(Disassembler).walk(address, read)


def examine_instructions(
    session: Session, address: int, count: int, user: bool
) -> Iterator[tuple[str, int, int]]:
    """Pieces of text of `x/COUNTi`, each with the address it is of and where x goes on.

    A negative count shows what lies before the address. Raises CodeError.
    """
    names = session.kernel.part(AddressNames)
    found: Iterable[Instruction] = islice(walk(session, address, user), max(count, 0))
    if count < 0:
        span = names.function(address - 1)
        start = address if span is None else span[0]
        before = takewhile(lambda one: one.address < address, walk(session, start, user))
        found = list(before)[count:]
        if len(found) < -count:
            at = f"{(found[0].address if found else address) - 1:#x}"
            yield f"No line number information available for address {at}\n", address, address
    following = address
    try:
        for one in found:
            following = one.end
            yield f"{_head(names, one.address)}:\t{_text(names, one)}\n", one.address, following
    except CodeError:
        yield f"{_head(names, following)}:\t", following, following
        raise


def _head(names: AddressNames, address: int) -> str:
    return f"   {address:#x}{_name(names, address)}"


def _text(names: AddressNames, found: Instruction) -> str:
    return found.text + ("" if found.target is None else _name(names, found.target))


def _name(names: AddressNames, address: int, always: bool = False) -> str:
    """` <symbol+offset>`, the offset 0 where `always` is given; empty where gdb names nothing."""
    found = names.place(address, decoded=False)
    if found is None:
        return ""
    name, offset = found
    return f" <{name}+{offset}>" if offset or always else f" <{name}>"


def disassemble_command(session: Session, arguments: str) -> Iterator[str]:
    """What `disassemble [/rb] FUNCTION`, `START,END` or `START,+LENGTH` prints.

    Raises ExprError, CodeError.
    """
    match = _MODIFIERS.match(arguments)
    letters, text = ("", arguments) if match is None else (match[1], arguments[match.end() :])
    wrong = next((letter for letter in letters if letter not in "rbms"), "")
    if wrong or (match is not None and not letters):
        raise ExprError("Invalid disassembly modifier." if wrong else "Missing modifier.")
    if "m" in letters and "s" in letters:
        raise ExprError("Cannot specify both /m and /s.")
    if "m" in letters or "s" in letters:
        raise ExprError("disassemble /s and /m are not supported here: dis -l shows lines.")
    if not text.strip():
        raise ExprError("No frame selected.")
    begin, comma, end = _split(text)
    first = _address(session, begin)
    raw = bool(letters)
    if comma and end:
        last = first + _address(session, end[1:]) if end[0] == "+" else _address(session, end)
        yield f"Dump of assembler code from {first:#x} to {last:#x}:\n"
        yield from _range(session, first, last, None, raw)
    else:
        yield from _function(session, first, raw)
    yield "End of assembler dump.\n"


def _split(text: str) -> tuple[str, bool, str]:
    """What stands before and behind the comma that is in no brackets."""
    depth = 0
    for at, char in enumerate(text):
        depth += (char in "([") - (char in ")]")
        if char == "," and not depth:
            return text[:at].strip(), True, text[at + 1 :].strip()
    return text.strip(), False, ""


def _address(session: Session, text: str) -> int:
    evaluator = Evaluator(session)
    value = evaluator.value(evaluator.parse(text))
    if kind_of(value) == TypeKind.FUNCTION:
        return int(value.address_ or 0)
    if kind_of(value) in (TypeKind.STRUCT, TypeKind.UNION, TypeKind.CLASS):
        raise ExprError("Value can't be converted to integer.")
    return evaluator.arith.number(value) & session.kernel.word_mask


def _function(session: Session, address: int, raw: bool) -> Iterator[str]:
    kernel = session.kernel
    names = kernel.part(AddressNames)
    span, place = names.function(address), names.place(address)
    if span is None or place is None or not kernel.symbols.is_text(address):
        raise ExprError("No function contains specified address.")
    name = place[0].removesuffix(".cold")
    spans = [span]
    for other in (f"{name}.cold", name):
        symbol = kernel.symbols.by_name(other)
        far = names.function(symbol.address) if symbol is not None else None
        if far is not None and far != span:
            spans.append(far)
            break
    yield f"Dump of assembler code for function {name}:\n"
    spans.sort(key=lambda one: one != span or place[0] != name)
    for low, high in spans:
        if len(spans) > 1:
            yield f"Address range {low:#x} to {high:#x}:\n"
        yield from _range(session, low, high, spans[0][0], raw)


def _range(session: Session, first: int, last: int, start: int | None, raw: bool) -> Iterator[str]:
    """The lines of a range; behind `start` alone the bytes from there are told."""
    names = session.kernel.part(AddressNames)
    digits = 2 * session.kernel.word_size
    at = first
    try:
        for one in walk(session, first, user=False) if first < last else ():
            if one.address >= last:
                return
            shown = f"{' '.join(f'{byte:02x}' for byte in one.data):{RAW}}\t" if raw else ""
            where = _place(names, one.address, start)
            yield f"   0x{one.address:0{digits}x}{where}:\t{shown}{_text(names, one)}\n"
            at = one.end
    except CodeError as error:
        yield f"   0x{at:0{digits}x}{_place(names, at, start)}:\t"
        if not session.kernel.memory.is_kernel(error.address):
            # crash reads the kernel alone here, and has nothing to say of the rest.
            yield "\n"
            raise ExprError(f"Cannot access memory at address {at:#x}") from error
        raise GapError(error, error.times) from error


def _place(names: AddressNames, address: int, start: int | None) -> str:
    if start is not None:
        return f" <+{address - start}>"
    return _name(names, address, always=True)
