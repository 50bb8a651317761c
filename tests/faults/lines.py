"""The lines that a damaged session is asked: every command there is, in turn.

Each case gets some of them, and which moves on from case to case, so that all commands run over
any few dozen cases. Lines are made from what commands declare, and taken from those recorded from
crash; commands that write files or run others have plain lines here.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from pycrash.shell.session import Session
from tests.matrix.random_lines import LEFT_OUT, Maker
from tests.matrix.samples import Found

_RECORDED = Path(__file__).resolve().parent.parent / "golden" / "lines.txt"
#: Lines of commands that no lines are made for by chance.
_PLAIN = {
    "alias": ("alias", "alias dm ps"),
    "extend": ("extend nosuch.py",),
    "gcore": ("gcore -f 21 1", "gcore 1"),
    "gdb": ("gdb p init_task.comm", "gdb ptype struct list_head", "gdb info symbol schedule"),
    "help": ("help ps", "help"),
    "py": ("py prog['init_task'].comm", "py len(list(kernel.tasks.all))"),
    "repeat": ("repeat zzz",),
    "triage": ("triage", "triage --json"),
    "explain": ("explain init_task",),
}
#: How many lines of a command there are to choose from.
_EACH = 14
#: Words that ask for other programs, or for files.
_OUTSIDE = frozenset("|<>!{")


class Pool:
    """Lines of all commands for one dump; the same for the same seed."""

    def __init__(self, session: Session, seed: int) -> None:
        self._seed = seed
        maker = Maker(session.registry, Found(session.context, str(seed)), seed)
        recorded = _recorded()
        chance = random.Random(seed)
        self.of: dict[str, list[str]] = {}
        for command in sorted(session.registry, key=lambda c: c.name):
            name = command.name
            if name == "exit":
                continue
            made = [] if name in LEFT_OUT else maker.lines(_EACH, [name])
            known = recorded.get(name, [])
            some = chance.sample(known, min(_EACH, len(known)))
            texts = [line.text for line in made] + some + list(_PLAIN.get(name, ()))
            self.of[name] = [text for text in texts if not _OUTSIDE & set(text)]
        #: Those that take long on a whole dump: what they take on a damaged one says nothing.
        self.slow: Collection[str] = ()

    def lines(self, number: int, count: int, focus: Iterable[str] = ()) -> list[str]:
        """The lines of one case: of so many commands in turn, and of those in focus."""
        chance = random.Random(f"{self._seed} lines {number}")
        names = sorted(self.of)
        turn = [names[(number * count + at) % len(names)] for at in range(count)]
        lines = [chance.choice(self.of[name]) for name in [*focus, *turn] if self.of[name]]
        return [line for line in lines if line not in self.slow]

    @property
    def all(self) -> Sequence[str]:
        """Every line once."""
        return [line for lines in self.of.values() for line in lines]


def _recorded() -> dict[str, list[str]]:
    """The lines recorded from crash, by their command."""
    found: dict[str, list[str]] = {}
    for line in _RECORDED.read_text().splitlines():
        if line and not line.startswith("#"):
            found.setdefault(line.split()[0], []).append(line)
    return found
