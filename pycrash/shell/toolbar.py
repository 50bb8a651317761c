"""The lines below the prompt: how keys work, the dump, its context, and the syntax at hand."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit.enums import EditingMode
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding.vi_state import InputMode

from pycrash.api.taskcontext import task_context
from pycrash.shell.session import Session

#: What to do where nothing is typed yet, the most useful first.
HINTS = ("help: commands", "Tab: complete", "Ctrl-R: search lines", '"help input" tells more')
_GAP = "   "
#: At most so many lines of syntax.
_MOST = 3

_SIGNS = {
    InputMode.INSERT: "INSERT",
    InputMode.INSERT_MULTIPLE: "INSERT",
    InputMode.NAVIGATION: "NORMAL",
    InputMode.REPLACE: "REPLACE",
    InputMode.REPLACE_SINGLE: "REPLACE",
}


class Toolbar:
    """What stands below the prompt of a session. Nothing is cut within a word."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._task = 0
        self._context = ""

    def take_context(self) -> None:
        """Look which task is the current one. For a thread that may use the kernel."""
        session = self._session
        try:
            task = session.context.task
            if task != self._task:
                row = task_context(session.kernel, task)
                self._task, self._context = task, f"PID {row.pid}  CPU {row.cpu}  {row.comm}"
        except Exception:  # a dump that cannot tell must not take the prompt away
            self._task, self._context = 0, ""

    def lines(self, line: str, sign: str, width: int) -> StyleAndTextTuples:
        """The lines for what is typed so far, with the mode's sign, for a terminal's width."""
        found: StyleAndTextTuples = []
        room = width - 1
        if sign:
            found.append(("class:toolbar.mode", f" {sign} "))
            found.append(("", " "))
            room -= len(sign) + 3
        dumps = _names(self._session.settings.dumpfile)
        wanted = [_joined(name, self._context) for name in dumps] + [self._context]
        found.append(("class:toolbar.dump", next((w for w in wanted if len(w) <= room), "")))
        for text in self._syntax(line, width - 1):
            found.append(("class:toolbar.syntax", f"\n{text}"))
        return found

    def _syntax(self, line: str, width: int) -> list[str]:
        """The syntax of the command being typed; where nothing is, what to begin with."""
        word = line.split(" ", 1)[0]
        if not word:
            return [_fitting(HINTS, width)]
        command = self._session.registry.find(word)
        if command is None:
            return [" "]
        synopsis = " ".join(command.synopsis.split())
        text = f"{command.name} {synopsis}" if synopsis else f"{command.name}: {command.summary}"
        return textwrap.wrap(
            text,
            width,
            subsequent_indent="  ",
            break_on_hyphens=False,
            max_lines=_MOST,
            placeholder=" ...",
        )


def mode_sign(mode: EditingMode, input_mode: InputMode) -> str:
    """What tells how keys are taken; nothing where they are taken as ever."""
    return _SIGNS[input_mode] if mode == EditingMode.VI else ""


def _names(path: str) -> Iterable[str]:
    """A file's name as it was given, with its folder alone, and by itself."""
    parts = Path(path).parts
    return dict.fromkeys((path, "/".join(parts[-2:]), parts[-1])) if parts else ()


def _joined(*parts: str) -> str:
    return _GAP.join(part for part in parts if part)


def _fitting(parts: Iterable[str], width: int) -> str:
    """As many of the parts, from the first on, as there is room for."""
    text = ""
    for part in parts:
        longer = _joined(text, part)
        if len(longer) > width:
            break
        text = longer
    return text
