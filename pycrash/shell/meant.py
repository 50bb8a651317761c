"""What may have been meant by a line that did not go well: "did you mean ps?"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from pycrash.api import Choice, Command, Offer, Operand
from pycrash.api.operands.addresses import SymbolKind
from pycrash.api.operands.expressions import CExpression
from pycrash.api.operands.members import MembersOf, StructureKind
from pycrash.api.operands.numbers import is_hexadecimal
from pycrash.cexpr.expressions import Expressions
from pycrash.cexpr.gdb.words import ABOUT
from pycrash.cexpr.syntax.parser import TAGS
from pycrash.errors import CrashError
from pycrash.matching import Slip, near
from pycrash.shell.completion import NOWHERE, command_of, wanted_at
from pycrash.shell.session import EXTERNAL, Session
from pycrash.shell.words import Word, find_words, separate_mark

_NAME = re.compile(r"[A-Za-z_]\w*")


def advice(session: Session, line: str) -> str:
    """What to say below the messages of a line that was typed; empty where nothing is near.

    Commands, symbols, structures and members are looked at, in the order of the line.
    """
    try:
        slips = _slips(session, separate_mark(line))
        slip = next((slip for slip in slips if slip.meant), None)
    except (CrashError, LookupError, ValueError):
        return ""
    if slip is None:
        return ""
    *first, last = slip.meant
    return f"did you mean {', '.join(first)}{' or ' if first else ''}{last}?"


def _slips(session: Session, line: str) -> Iterator[Slip]:
    words = list(find_words(line))
    command, behind = command_of(session, words)
    if command is None:
        if words[0].text not in EXTERNAL:
            yield _command_slip(session, words[0].text)
        return
    texts = [word.text for word in behind]
    for at, word in enumerate(behind):
        if len(word.text) > 1 and word.text.startswith("-"):
            continue
        if type(command).complete is not Command.complete:
            offered = command.complete(session.context, [*texts[:at], ""])
            if offered is not None:
                yield _near_offers(word.text, offered)
                continue
        kinds, first = wanted_at(command, texts[:at])
        found = [_slip(session, kind, line, behind[first : at + 1]) for kind in kinds]
        # Where one kind can take it, nothing is wrong with it.
        if None not in found:
            yield from filter(None, found)


def _command_slip(session: Session, name: str) -> Slip:
    """A first word that is no command, and no name of anything."""
    meant = near(name, chain(session.registry.names(), session.aliases, ABOUT, EXTERNAL))
    if not meant:
        slip = session.kernel.part(Expressions).slip_in_structure(name)
        meant = (slip.meant if slip else []) or session.kernel.symbols.near(name)
    return Slip(name, meant)


def _near_offers(word: str, offers: Iterable[Offer]) -> Slip:
    """A word where a command offers some: numbers are no slips."""
    names = [offer.text for offer in offers]
    right = word in names or is_hexadecimal(word)
    return Slip(word, [] if right else near(word, names))


def _slip(session: Session, kind: Operand[Any], line: str, words: Sequence[Word]) -> Slip | None:
    """What is wrong with the last of the words of one place, if a kind cannot take it."""
    expressions = session.kernel.part(Expressions)
    word = words[-1].text
    if isinstance(kind, CExpression):
        if len(words) > 1 or words[0].start == NOWHERE:
            return None
        text = line[words[0].start :]
        return expressions.slip(session.context, text[kind.skipped(text) :])
    if isinstance(kind, StructureKind):
        if word in TAGS:
            return Slip(word, [])
        return expressions.slip_in_structure(word, kind.kinds) if _NAME.match(word) else None
    if isinstance(kind, MembersOf):
        slips = [expressions.slip_in_structure(f"{name}.{word}") for name in kind.structures]
        return None if None in slips else max(filter(None, slips), key=lambda slip: len(slip.meant))
    if isinstance(kind, Choice):
        return _near_offers(word, map(Offer, kind.choices))
    if isinstance(kind, SymbolKind):
        match = _NAME.match(word.lstrip("&*("))
        if match is None or is_hexadecimal(match[0]) or session.kernel.symbols.exists(match[0]):
            return None
        return Slip(match[0], session.kernel.symbols.near(match[0]))
    return None
