"""Completion at the prompt: a Tab answers at once, or as soon as the kernel may be asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable

from prompt_toolkit.application import get_app
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from pycrash.shell.completion import Completion as Search
from pycrash.shell.completion import NotYet
from pycrash.shell.session import Session

#: What stands at the right of the line while a Tab waits.
SIGN = "reading the kernel ..."
#: Seconds between two looks whether they are there.
_PAUSE = 0.03


class PromptCompleter(Completer):
    """Offers what the search of a session's completion finds.

    `usable` tells whether the kernel may be asked now. Until then keys go on as ever, and the
    answer is for the line as it was: another key, or the end of the line, and it is not wanted
    any more.
    """

    def __init__(self, session: Session, usable: Callable[[], bool]) -> None:
        self._search = Search(session, usable)
        self._usable = usable
        self._debug = session.runner.debug
        self._waiting = 0

    def sign(self) -> str:
        """What to show beside the line: that a Tab waits, or nothing."""
        return SIGN if self._waiting else ""

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        """What there is now: nothing where the kernel cannot be asked yet."""
        line = document.text_before_cursor
        try:
            candidates = self._search.candidates(line)
        except NotYet:
            return
        except (Exception, SystemExit):
            # Neither a dump that cannot answer nor a plugin may take the prompt away.
            if self._debug:
                raise
            return
        for found in candidates:
            yield Completion(
                found.text, start_position=found.start - len(line), display_meta=found.remark
            )

    async def get_completions_async(
        self, document: Document, event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        if self._must_wait(document.text_before_cursor):
            await self._wait()
        for found in self.get_completions(document, event):
            yield found

    def _must_wait(self, line: str) -> bool:
        if self._usable():
            return False
        try:
            self._search.candidates(line)
        except NotYet:
            return True
        except (Exception, SystemExit):
            return False
        return False

    async def _wait(self) -> None:
        self._waiting += 1
        app = get_app()
        app.invalidate()
        try:
            while not self._usable():
                await asyncio.sleep(_PAUSE)
        finally:
            self._waiting -= 1
            app.invalidate()
