"""Reads what the first commands ask for before anybody does, so that they answer at once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace

from pycrash.api import Notice, Row
from pycrash.api.registry import CRASH_WORDS
from pycrash.kernel.core.problems import Problems
from pycrash.shell.completion import Completion
from pycrash.shell.session import Session

#: What crash reads before its prompt, as lines whose answers are thrown away.
LINES = (("ps",), ("sys",), ("mod",), ("bt", "-a"), ("bt",), ("log",))
#: Lines that a Tab is pressed behind for nobody: what all commands are, members, symbols.
TABS = ("p init_task.", "sym zz")


def warm_up(session: Session, pause: Callable[[], None]) -> None:
    """Answer LINES and complete TABS for nobody. `pause` is called often; it may take its time.

    What fails will fail again for who asks, and what there is to tell stays untold.
    """
    problems = session.kernel.part(Problems)

    def rest() -> None:
        problems.kept = False
        pause()
        problems.kept = True

    try:
        for name, *words in LINES:
            rest()
            with contextlib.suppress(Exception):
                _answer(session, name, words, rest)
        for name in CRASH_WORDS:
            rest()
            session.registry.find(name)
        completion = Completion(session)
        for line in TABS:
            rest()
            with contextlib.suppress(Exception):
                completion.candidates(line)
    finally:
        problems.kept = False


def _answer(session: Session, name: str, words: list[str], rest: Callable[[], None]) -> None:
    command = session.registry.find(name)
    if command is None:
        return
    args = command.parse(words)

    def found() -> Iterator[Row]:
        for row in command.run(session.context, args):
            if not isinstance(row, Notice):
                yield row
            rest()

    view = replace(session.context.view, say=lambda notice: None)
    for _ in command.text(view, args, found()):
        rest()
