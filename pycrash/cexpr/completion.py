"""What could follow in a C expression that is half typed. Types are found, no memory is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import monotonic
from typing import TYPE_CHECKING

from drgn import TypeKind

from pycrash.cexpr.eval.evaluator import Evaluator
from pycrash.cexpr.eval.lookup import Lookup
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.printing.ctype import CType
from pycrash.cexpr.printing.typetext import format_type_name
from pycrash.cexpr.structures.completion import Completer, Suggestion, about, members
from pycrash.cexpr.structures.namedtypes import NamedTypes
from pycrash.cexpr.syntax.errors import ExprError
from pycrash.cexpr.syntax.lexer import Token, tokenize
from pycrash.cexpr.syntax.parser import KEYWORDS
from pycrash.errors import CrashError
from pycrash.matching import Slip, near

if TYPE_CHECKING:
    from pycrash.cexpr.eval.session import Surroundings
    from pycrash.matching import Typed

_TAGS = {"struct": "a structure", "union": "a union", "enum": "an enumeration"}
_KEYWORDS = {
    **{tag: f"the name of {what} follows" for tag, what in _TAGS.items()},
    "unsigned": "int, long, char ... follow",
    "sizeof": "bytes of an expression or a type",
    "typeof": "the type of an expression",
}
#: Words behind which an expression or a type goes on.
_OPEN = frozenset(("sizeof", "typeof", "_Alignof", "alignof", "const", "volatile", "unsigned"))
_CLOSING = {")": "(", "]": "["}
#: Seconds for the types of variables, which are remarks only.
_PATIENCE = 0.02


def complete_expression(
    line: Surroundings, typed: Typed, types: bool = False
) -> Iterator[Suggestion]:
    """What could stand for the last word of an expression.

    Behind a dot or an arrow these are the members of what stands before it, whether that is a
    structure, a pointer or an array; behind `struct` the structures; behind `$` what earlier
    lines left and registers; else variables, functions, enumerators and, where a type may stand
    (`types`: also at the beginning), types.
    """
    try:
        *tokens, end = tokenize(typed)
    except ExprError:
        return
    if typed[end.at :].strip():
        return
    word = tokens.pop() if tokens and _is_unfinished(tokens[-1], typed) else None
    last = typed.part(word.text if word else "")
    start = len(typed) - len(last)
    before = tokens[-1] if tokens else None
    if before is not None and before.text in (".", "->"):
        found = _members(line, typed, tokens)
    elif before is not None and before.text in _TAGS:
        found = _tagged(line, last, before.text)
    elif not _may_begin(before):
        return
    elif last.startswith("$"):
        found = _dollars(Session(line))
    else:
        is_type = types if before is None else before.text in ("(", "{") or before.text in _OPEN
        found = _names(line, last, is_type)
    for text, remark in found:
        yield Suggestion(text, start, remark)


def slip_in(line: Surroundings, text: str) -> Slip | None:
    """The first name in an expression that means nothing, and what may have been meant."""
    try:
        tokens = tokenize(text)
    except ExprError:
        return None
    for at, token in enumerate(tokens):
        if token.kind == "name" and token.text not in KEYWORDS:
            slip = _slip_at(line, text, tokens[:at], token.text)
            if slip is not None:
                return slip
    return None


def _slip_at(line: Surroundings, text: str, before: Sequence[Token], name: str) -> Slip | None:
    """What may have been meant by a name behind some tokens; None where it means something."""
    kernel = line.kernel
    last = before[-1].text if before else ""
    if last in (".", "->"):
        owner = _owner(line, text, before)
        if owner is None or owner.find(name):
            return None
        return Slip(name, near(name, (member for member, _ in members(owner))))
    completer = kernel.part(Completer)
    if last in _TAGS:
        return completer.slip(name, (last,))
    lookup = kernel.part(Lookup)
    if kernel.symbols.exists(name) or lookup.is_type(name) or lookup.enumerator(name) is not None:
        return None
    return Slip(name, kernel.symbols.near(name) or completer.near(name))


def _is_unfinished(token: Token, text: str) -> bool:
    """Whether a token is the word being typed."""
    return token.kind in ("name", "dollar") and token.at + len(token.text) == len(text)


def _may_begin(before: Token | None) -> bool:
    """Whether an operand may stand behind a token: behind a bracket it may be cast."""
    if before is None or before.text in _OPEN:
        return True
    return before.kind == "op" and before.text not in ("]", "::", "++", "--")


def _members(line: Surroundings, text: str, tokens: Sequence[Token]) -> Iterator[tuple[str, str]]:
    owner = _owner(line, text, tokens)
    return iter(()) if owner is None else members(owner)


def _owner(line: Surroundings, text: str, tokens: Sequence[Token]) -> CType | None:
    """The structure in front of the last token, a dot or an arrow; through pointers and arrays."""
    first = _operand_before(tokens, len(tokens) - 1)
    if first is None:
        return None
    evaluator = Evaluator(Session(line), dry=True)
    try:
        operand = text[tokens[first].at : tokens[-1].at]
        ctype = CType(evaluator.type_of(evaluator.parse(operand)))
    except (CrashError, LookupError, ValueError, TypeError):
        return None
    while ctype.is_pointer or ctype.kind == TypeKind.ARRAY:
        ctype = ctype.element
    return ctype if ctype.aggregate else None


def _operand_before(tokens: Sequence[Token], end: int) -> int | None:
    """Where the operand begins whose last token stands before the one at `end`."""
    at = end - 1
    while at >= 0:
        token = tokens[at]
        opening = _CLOSING.get(token.text) if token.kind == "op" else None
        if opening:
            depth = 0
            while at >= 0:
                depth += (tokens[at].text == token.text) - (tokens[at].text == opening)
                if not depth:
                    break
                at -= 1
            else:
                return None
            if token.text == "]":
                at -= 1
                continue
        elif token.kind not in ("name", "dollar"):
            return None
        if at and tokens[at - 1].text in (".", "->"):
            at -= 2
            continue
        return at
    return None


def _tagged(line: Surroundings, typed: Typed, tag: str) -> Iterator[tuple[str, str]]:
    for datatype in line.kernel.part(Completer).types(typed):
        if datatype.kind == tag and not datatype.typedef:
            yield datatype.name, f"{datatype.size} bytes"


def _dollars(session: Session) -> Iterator[tuple[str, str]]:
    state = session.state
    if state.history:
        yield "$", f"the last value: {_type_text(CType(state.history[-1].type_))}"
    for number, value in reversed(list(enumerate(state.history, 1))):
        yield f"${number}", _type_text(CType(value.type_))
    for name, value in sorted(state.variables.items()):
        yield f"${name}", f"set to: {_type_text(CType(value.type_))}"
    registers = session.kernel.arch.registers
    for name in (*registers.kinds, *registers.aliases):
        yield f"${name}", "register"


def _names(line: Surroundings, typed: Typed, types: bool) -> Iterator[tuple[str, str]]:
    """Symbols, enumerators and where `types` may stand those, best first."""
    kernel = line.kernel
    if types:
        yield from _KEYWORDS.items()
    until = monotonic() + _PATIENCE
    symbols = kernel.symbols.fitting(typed)
    for name in symbols:
        sort = kernel.symbols.sort_of(name)
        variable = None if sort.startswith("function") or monotonic() > until else name
        ctype = kernel.part(NamedTypes).of_variable(variable) if variable else None
        yield name, f"{_type_text(ctype, name)}" if ctype is not None else sort
    lookup, named = kernel.part(Lookup), kernel.part(NamedTypes)
    until = monotonic() + _PATIENCE
    for name in kernel.part(Completer).names(typed):
        if monotonic() > until:
            return
        value = lookup.enumerator(name)
        if value is not None:
            yield name, f"enumerator, {value}"
            continue
        datatype = named.find(name) if types else None
        if datatype is not None and (datatype.typedef or datatype.kind == "int"):
            yield name, about(datatype)


def _type_text(ctype: CType, name: str = "") -> str:
    return format_type_name(ctype.type, name)
