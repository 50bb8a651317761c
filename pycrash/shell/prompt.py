"""The prompt of a terminal: editing, history on disk, completion, and a hint below."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.styles import Style

from pycrash.render.highlight import Painter, alarming, cautious, wants_colour
from pycrash.shell.beginning import run_start_lines, show_banner
from pycrash.shell.completer import PromptCompleter
from pycrash.shell.options import Options
from pycrash.shell.output import Output
from pycrash.shell.session import PROMPT, Session

STYLE = Style.from_dict(
    {
        "bottom-toolbar": "noreverse fg:ansibrightblack",
        "auto-suggestion": "fg:ansibrightblack",
        "completion-menu.meta": "bg:ansibrightblack fg:ansiwhite",
    }
)


def serve_prompt(session: Session, options: Options) -> int:
    """Read lines from the terminal until its end; returns the exit status."""
    if wants_colour():
        session.paint = Painter()
        session.runner.messages.tints = alarming, cautious
    preparation = Preparation(session)
    session.ready = preparation.wait
    preparation.start()
    run_start_lines(session, options)
    prompt = _make_prompt(session, preparation)
    while True:
        try:
            line = prompt.prompt(
                PROMPT, vi_mode=session.settings.edit == "vi", pre_run=preparation.prompt_is_up
            )
            # What was pasted may be several lines.
            for one in line.splitlines():
                session.feed(one, "terminal")
        except KeyboardInterrupt:
            continue
        except EOFError:
            preparation.wait()
            return 0


class Preparation:
    """Indexes the kernel's types and makes the banner while the prompt already stands.

    A drgn program serves one thread at a time: whoever wants the kernel waits first.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._text = ""
        self._finished = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._show_above: Callable[[], object] = lambda: None

    def start(self) -> None:
        self._thread.start()

    def done(self) -> bool:
        """Whether the kernel may be used."""
        return self._finished.is_set()

    def wait(self) -> None:
        """Wait until the kernel may be used; its banner is shown by then."""
        if self._thread is threading.current_thread():
            return
        self._finished.wait()
        self._show()

    def prompt_is_up(self) -> None:
        """From now on the banner goes above the prompt."""
        from prompt_toolkit.application import get_app

        app = get_app()
        loop = app.loop
        assert loop is not None
        self._show_above = lambda: loop.call_soon_threadsafe(run_in_terminal, self._show)
        if self._text:
            self._show_above()

    def _work(self) -> None:
        banner = io.StringIO()
        try:
            output = Output("stdout", banner, paint=self._session.paint, watched=True)
            show_banner(self._session, output)
            self._session.kernel.index_types()
        except Exception as error:
            banner.write(f"pycrash: {self._session.runner.internal_error(error)}\n")
        self._text = banner.getvalue()
        self._finished.set()
        # Between two prompts there is no loop to show it; the next prompt or command does.
        with contextlib.suppress(RuntimeError):
            self._show_above()

    def _show(self) -> None:
        text, self._text = self._text, ""
        sys.stdout.write(text)
        sys.stdout.flush()


def _make_prompt(session: Session, preparation: Preparation) -> PromptSession[str]:
    completer = PromptCompleter(session, preparation.done)
    return PromptSession(
        history=_history(),
        completer=completer,
        rprompt=completer.sign,
        complete_while_typing=False,
        auto_suggest=AutoSuggestFromHistory(),
        reserve_space_for_menu=5,
        enable_suspend=True,
        bottom_toolbar=lambda: _hint(session, prompt_text()),
        style=STYLE,
    )


def prompt_text() -> str:
    """What is typed so far."""
    from prompt_toolkit.application import get_app

    return get_app().current_buffer.text


def _hint(session: Session, line: str) -> str:
    """The syntax of the command being typed; where nothing is, what to begin with."""
    word = line.split(" ", 1)[0]
    if not word:
        return 'help: commands   Tab: complete   Ctrl-R: search lines   "help input" tells more'
    command = session.registry.find(word)
    if command is None:
        return " "
    synopsis = " ".join(command.synopsis.split())
    return f"{command.name} {synopsis}" if synopsis else f"{command.name}: {command.summary}"


def _history() -> History:
    """Lines of earlier sessions, in a file where one can be written."""
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    path = Path(state, "pycrash", "history")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)
