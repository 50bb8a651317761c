"""The prompt of a terminal: editing, history on disk, completion, and a hint below."""

from __future__ import annotations

import os
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application, get_app
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.styles import Style

from pycrash.render.highlight import wants_colour
from pycrash.shell.beginning import run_start_lines
from pycrash.shell.completer import PromptCompleter
from pycrash.shell.linecolours import LineColours
from pycrash.shell.options import Options
from pycrash.shell.preparation import Preparation
from pycrash.shell.session import PROMPT, Session
from pycrash.shell.toolbar import Toolbar, mode_sign

STYLE = Style.from_dict(
    {
        "bottom-toolbar": "noreverse fg:ansibrightblack",
        "auto-suggestion": "fg:ansibrightblack",
        "completion-menu.meta": "bg:ansibrightblack fg:ansiwhite",
        "toolbar.mode": "reverse",
        "line.command": "fg:ansigreen",
        "line.data": "fg:ansicyan",
        "line.unknown": "fg:ansired",
        "line.flag": "fg:ansicyan",
        "line.number": "fg:ansiyellow",
        "line.string": "fg:ansimagenta",
        "line.pipe": "bold",
        "line.comment": "fg:ansibrightblack",
    }
)
_MODES = {"vi": EditingMode.VI, "emacs": EditingMode.EMACS}
#: Seconds to the next look at what could not be told.
SOON = 0.05
#: Seconds the key Escape waits for the rest of another key's sequence.
ESCAPE = 0.05


def serve_prompt(session: Session, options: Options, preparation: Preparation) -> int:
    """Read lines from the terminal until its end; returns the exit status."""
    session.ready = preparation.wait
    session.settings.editing = True
    preparation.wait_for_banner()
    run_start_lines(session, options)
    toolbar = Toolbar(session)
    preparation.when_indexed = toolbar.take_context
    prompt = _make_prompt(session, preparation, toolbar)
    while True:
        try:
            # Another mode that was set holds for the very next line.
            prompt.editing_mode = _MODES[session.settings.edit]
            line = prompt.prompt(pre_run=preparation.prompt_is_up)
            # What was pasted may be several lines.
            for one in line.splitlines():
                session.feed(one, "terminal")
        except KeyboardInterrupt:
            continue
        except EOFError:
            preparation.wait()
            return 0


def _make_prompt(
    session: Session, preparation: Preparation, toolbar: Toolbar
) -> PromptSession[str]:
    completer = PromptCompleter(session, preparation.usable)
    prompt: PromptSession[str] = PromptSession(
        PROMPT,
        history=_history(),
        completer=completer,
        rprompt=completer.sign,
        complete_while_typing=False,
        auto_suggest=AutoSuggestFromHistory(),
        reserve_space_for_menu=5,
        enable_suspend=True,
        lexer=LineColours(session, preparation.usable, _draw_later) if wants_colour() else None,
        bottom_toolbar=lambda: _below(toolbar, prompt.app),
        style=STYLE,
    )
    # The key Escape is not to wait for more of a sequence until a user of vi grows impatient.
    prompt.app.ttimeoutlen = ESCAPE
    prompt.app.key_processor.before_key_press += lambda _: preparation.hush()
    return prompt


def _draw_later() -> None:
    """Have the prompt drawn again soon."""
    app = get_app()
    assert app.loop is not None
    app.loop.call_later(SOON, app.invalidate)


def _below(toolbar: Toolbar, app: Application[str]) -> StyleAndTextTuples:
    sign = mode_sign(app.editing_mode, app.vi_state.input_mode)
    return toolbar.lines(prompt_text(), sign, app.output.get_size().columns)


def prompt_text() -> str:
    """What is typed so far."""
    return get_app().current_buffer.text


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
