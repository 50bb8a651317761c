"""What is got ready while somebody reads the banner and types."""

from __future__ import annotations

import asyncio
import contextlib
import io
import sys
import threading
from collections.abc import Callable

from pycrash.shell.beginning import show_banner
from pycrash.shell.output import Output
from pycrash.shell.progress import ProgressLine
from pycrash.shell.session import Session
from pycrash.shell.warmup import warm_up

#: Seconds the prompt waits for the banner, so that it stands below from the beginning. Where the
#: types have to be read first, the banner comes later, above the prompt.
GRACE = 0.15
#: Seconds without a key after which the kernel is read on.
QUIET = 0.3


class Preparation:
    """Makes the banner, indexes the kernel's types, and reads what the first commands ask for.

    A drgn program serves one thread at a time: whoever wants the kernel takes it from this
    thread, a line by `wait`, what a key asks for by `usable`. It goes on when the prompt stands
    and no key is typed.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._text = ""
        self._made = threading.Event()
        self._indexed = threading.Event()
        #: Nobody else wants the kernel.
        self._free = threading.Event()
        #: Held while this thread reads the kernel.
        self._turn = threading.Lock()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._resumption: asyncio.TimerHandle | None = None
        self._show_above: Callable[[], object] = lambda: None
        #: Called once the types are there, and before each prompt from then on.
        self.when_indexed: Callable[[], None] = lambda: None

    def start(self) -> None:
        self._thread.start()

    def wait_for_banner(self) -> None:
        """Show the banner now, if it is made soon."""
        if self._made.wait(GRACE):
            self._show()

    # For the thread of the prompt.

    def wait(self) -> None:
        """Take the kernel; its banner is shown by then."""
        if self._thread is threading.current_thread():
            return
        self._free.clear()
        with ProgressLine("reading the kernel's types", watched=not self.indexed):
            self._indexed.wait()
        with self._turn:
            self._show()

    @property
    def indexed(self) -> bool:
        """Whether the types are there."""
        return self._indexed.is_set()

    def usable(self) -> bool:
        """Whether the kernel may be asked until the prompt waits for the next key."""
        self.hush()
        return self._indexed.is_set() and not self._turn.locked()

    def hush(self) -> None:
        """Read nothing for a moment: a key was typed."""
        self._free.clear()
        if self._loop is not None:
            if self._resumption is not None:
                self._resumption.cancel()
            self._resumption = self._loop.call_later(QUIET, self._free.set)

    def prompt_is_up(self) -> None:
        """From now on the banner goes above the prompt, and there is time to read."""
        from prompt_toolkit.application import get_app, run_in_terminal

        self._loop = loop = get_app().loop
        self._resumption = None
        assert loop is not None

        def show() -> None:
            if self._text:
                run_in_terminal(self._show)
            get_app().invalidate()

        self._show_above = lambda: loop.call_soon_threadsafe(show)
        if self._text:
            self._show_above()
        if self.usable():
            self.when_indexed()

    def _show(self) -> None:
        text, self._text = self._text, ""
        sys.stdout.write(text)
        sys.stdout.flush()

    # In the thread of its own.

    def _work(self) -> None:
        session = self._session
        with self._turn:
            self._make_banner()
            self._made.set()
            self._tell_prompt()
            try:
                session.kernel.index_types()
            except Exception as error:
                self._text += f"pycrash: {session.runner.internal_error(error)}\n"
            self.when_indexed()
            self._indexed.set()
            self._tell_prompt()
            self._let_others()
            # What is read of a running kernel is old by the first line.
            if not session.minimal and not session.kernel.is_live:
                warm_up(session, self._let_others)

    def _make_banner(self) -> None:
        banner = io.StringIO()
        try:
            show_banner(
                self._session, Output("stdout", banner, paint=self._session.paint, watched=True)
            )
        except Exception as error:
            banner.write(f"pycrash: {self._session.runner.internal_error(error)}\n")
        self._text = banner.getvalue()

    def _tell_prompt(self) -> None:
        # Between two prompts there is no loop to show it; the next prompt or command does.
        with contextlib.suppress(RuntimeError):
            self._show_above()

    def _let_others(self) -> None:
        """Give the kernel to whoever wants it, until nobody does."""
        while not self._free.is_set():
            self._turn.release()
            try:
                self._free.wait()
            finally:
                self._turn.acquire()
