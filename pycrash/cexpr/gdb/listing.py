"""list: the lines of a source file around a function or an address."""

from __future__ import annotations

from collections.abc import Iterator

from drgn import TypeKind

from pycrash.cexpr.eval.evaluator import Evaluator
from pycrash.cexpr.eval.kinds import kind_of
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.printing.addressnames import AddressNames
from pycrash.cexpr.syntax.errors import ExprError
from pycrash.kernel.text.sourcefiles import SourceFiles

LINES = 10


def list_command(session: Session, arguments: str) -> Iterator[str]:
    """What `list [function | *address | first,last]` prints. Raises ExprError."""
    kernel, state = session.kernel, session.state
    first, last = _lines(session, arguments.strip())
    state.listed_line = first
    full, shown = state.listed_file
    if arguments.lstrip().startswith("*"):
        address = _place(session, arguments.strip())
        name = kernel.part(AddressNames).describe(address).strip("<>").partition("+")[0]
        yield f"{address:#x} is in {name} ({shown}:{first + LINES // 2}).\n"
    path = kernel.part(SourceFiles).find(full, shown)
    if path is None:
        # gdb says of a file only once that it is missing.
        again = state.missing_file == full
        state.missing_file = full
        if again:
            yield f"{first}\tin {shown}\n"
        else:
            yield f"warning: {first}\t{shown}: No such file or directory\n"
        return
    text = path.read_text(errors="replace").split("\n")
    if first > len(text):
        raise ExprError(f'Line number {first} out of range; "{shown}" has {len(text) - 1} lines.')
    for number in range(first, min(last, len(text)) + 1):
        yield f"{number}\t{text[number - 1]}\n"
    state.listed_line = last + 1


def _lines(session: Session, text: str) -> tuple[int, int]:
    """The first and last line to show, after setting the file they are of."""
    state, sources = session.state, session.kernel.sources
    begin, comma, end = (part.strip() for part in text.partition(","))
    if comma or not text:
        if not state.listed_file[0]:
            raise ExprError("No default source file.")
        if not text and state.missing_file == state.listed_file[0]:
            raise ExprError(f"Line number {state.listed_line} out of range.")
        numbers = [part if part else None for part in (begin, end)]
        if any(part is not None and not part.isdecimal() for part in numbers):
            raise ExprError("Only numbers may stand around a comma.")
        last = int(end[:9]) if end else 0
        first = int(begin[:9]) if begin else max(last - LINES + 1, state.listed_line or 1)
        return max(first, 1), last or first + LINES - 1
    stretch = sources.stretch(_place(session, text))
    if stretch is None:
        raise ExprError(f'Function "{text}" not defined.')
    name, line = stretch[0], stretch[1]
    state.listed_file = (sources.at(stretch[2]).rpartition(": ")[0] or name, name)
    first = max(line - LINES // 2, 1)
    return first, first + LINES - 1


def _place(session: Session, text: str) -> int:
    """The address of a function, or that behind a star."""
    evaluator = Evaluator(session)
    if text.startswith("*"):
        value = evaluator.value(evaluator.parse(text[1:]))
        return evaluator.arith.number(value) & session.kernel.word_mask
    found = evaluator.lookup.symbol(text)
    if kind_of(found) != TypeKind.FUNCTION or found.address_ is None:
        raise ExprError(f'Function "{text}" not defined.')
    return int(found.address_)
