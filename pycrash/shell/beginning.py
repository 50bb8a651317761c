"""What happens between an open dump and the first line: the banner, and the lines of the start."""

from __future__ import annotations

import os
from pathlib import Path

from pycrash.errors import CrashError
from pycrash.shell import inputs
from pycrash.shell.options import Options
from pycrash.shell.output import Output
from pycrash.shell.session import MINIMAL_NOTE, Session
from pycrash.shell.start import editing_mode


def use_colours(session: Session) -> None:
    """Colour what a terminal shows, unless the user has no colours."""
    from pycrash.render.highlight import Painter, alarming, cautious, wants_colour

    if wants_colour():
        session.paint = Painter()
        session.runner.messages.tints = alarming, cautious


def show_banner(session: Session, output: Output) -> None:
    """The system block and the context block, unless they were not wanted."""
    if session.minimal:
        session.say(f"{MINIMAL_NOTE}\n", "NOTE")
    elif not session.settings.silent:
        session.show("sys", output)
        # Its labels line up with those above.
        session.show("set", output.indented(5))
        warning = _panic_warning(session)
        if warning:
            output.write(f"     WARNING: {warning}")
        unsaid = session.runner.unsaid
        if unsaid is not None:
            output.write(f"NOTE: {unsaid}; --zero_excluded reads what was left out as zeros")
        output.write("")
        output.close()


def _panic_warning(session: Session) -> str:
    """What is wrong with the panic task, empty where one is known."""
    if session.kernel.is_live:
        return ""
    panic = session.kernel.panic
    try:
        if panic.task:
            return ""
        if session.kernel.options.no_panic:
            # Told not to look, crash names the task it would not have found.
            return f"reported panic task {panic.active_on(0):x} not found"
    except CrashError as error:
        return str(error)
    return "panic task not found"


def run_start_lines(session: Session, options: Options) -> None:
    """Run what comes before the first prompt: plugins of -x, .crashrc and -i."""
    if "-x" in options:
        folder = os.environ.get("CRASH_EXTENSIONS") or "./extensions"
        for path in sorted(Path(folder).glob("*.py")):
            session.run_unrecorded(f"extend {path}")
    if "--no_crashrc" not in options:
        trusted, untrusted = inputs.start_files(os.environ.get("HOME"))
        for path in untrusted:
            session.say(f'not using untrusted file: "{path}"', "WARNING")
        session.settings.starting = True
        for path in trusted:
            session.run_unrecorded(f"< {path}")
        session.settings.starting = False
    if "-e" in options:
        session.settings.edit = editing_mode(options)
    script = options.value("-i")
    if script is not None:
        session.run_unrecorded(f"< {script}")
