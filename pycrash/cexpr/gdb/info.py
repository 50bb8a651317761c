"""info line, info symbol, info address, info scope: where things are in the kernel's image."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import drgn
from drgn import TypeKind

from pycrash.cexpr.eval.evaluator import Evaluator
from pycrash.cexpr.eval.kinds import kind_of
from pycrash.cexpr.eval.lookup import Lookup
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.printing.addressnames import AddressNames
from pycrash.cexpr.syntax.errors import ExprError, no_symbol
from pycrash.kernel.core.debugdata import file_bias
from pycrash.objects.elf import SHF_ALLOC, ElfFile

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

_NAMED = re.compile(r"<(.*?)(?:\+(\d+))?>\Z")


def info_command(session: Session, arguments: str) -> Iterator[str]:
    """What `info ...` prints. Raises ExprError for what is not known here."""
    word, _, rest = arguments.partition(" ")
    rest = rest.strip()
    if word in ("line", "li"):
        yield from _line(session, rest)
    elif word in ("symbol", "sy", "sym"):
        yield _symbol(session, rest) + "\n"
    elif word in ("address", "ad", "addr"):
        yield _address(session, rest) + "\n"
    elif word in ("sharedlibrary", "dll"):
        yield "No shared libraries loaded at this time.\n"
    else:
        raise ExprError(f"info {word}: not supported here.")


def _line(session: Session, text: str) -> Iterator[str]:
    """The source line of a function, a symbol or `*address`."""
    kernel, evaluator = session.kernel, Evaluator(session)
    if text.startswith("*"):
        address = evaluator.arith.number(evaluator.value(evaluator.parse(text[1:])))
        address &= kernel.word_mask
    else:
        found = evaluator.lookup.symbol(text)
        if kind_of(found) != TypeKind.FUNCTION or found.address_ is None:
            raise ExprError(f'No line number information for "{text}" here.')
        address = int(found.address_)
    names = kernel.part(AddressNames)
    stretch = kernel.sources.stretch(address)
    if stretch is None:
        place = f"{address:#x} {names.describe(address)}".rstrip()
        yield f"No line number information available for address {place}\n"
        return
    name, line, first, last = stretch
    begin = f"{first:#x} {names.describe(first)}".rstrip()
    end = f"{last:#x} {names.describe(last)}".rstrip()
    evaluator.state.next_address = first
    pointer = evaluator.prog.pointer_type(evaluator.prog.void_type())
    evaluator.state.variables["_"] = drgn.Object(evaluator.prog, pointer, first)
    yield f'Line {line} of "{name}" starts at address {begin} and ends at {end}.\n'


def _symbol(session: Session, text: str) -> str:
    """The symbol an address belongs to, and its section."""
    if not text:
        raise ExprError("Argument required (address).")
    kernel, evaluator = session.kernel, Evaluator(session)
    value = evaluator.value(evaluator.parse(text))
    address = evaluator.arith.number(value) & kernel.word_mask
    match = _NAMED.match(kernel.part(AddressNames).describe(address))
    if match is None:
        return f"No symbol matches {text}."
    offset = f" + {match[2]}" if match[2] else ""
    section = _section(kernel, address)
    return f"{match[1]}{offset} in section {section}" if section else f"{match[1]}{offset}"


def _section(kernel: Kernel, address: int) -> str:
    """The section of vmlinux that an address lies in."""
    if kernel.vmlinux is None:
        return ""
    linked = address - file_bias(kernel.prog)
    for section in ElfFile(kernel.vmlinux).sections:
        if section.flags & SHF_ALLOC and section.address <= linked < section.end:
            return section.name
    return ""


def _address(session: Session, name: str) -> str:
    """Where a symbol is stored."""
    if not name:
        raise ExprError("Argument required.")
    lookup = session.kernel.part(Lookup)
    try:
        found = lookup.symbol(name)
    except ExprError:
        raise no_symbol(name) from None
    head = f'Symbol "{name}" is'
    if found.address_ is None:
        return f"{head} constant."
    if found.type_.kind == TypeKind.TYPEDEF and str(found.type_.name).startswith("<"):
        return f"{head} at {found.address_:#x} in a file compiled without debugging."
    if kind_of(found) == TypeKind.FUNCTION:
        return f"{head} a function at address {found.address_:#x}."
    return f"{head} static storage at address {found.address_:#x}."
