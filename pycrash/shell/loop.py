"""Serves lines until they end: the banner, the files run at the start, then the input."""

from __future__ import annotations

import os
import sys
from io import FileIO
from pathlib import Path

from pycrash.errors import CrashError
from pycrash.shell import inputs
from pycrash.shell.options import Options
from pycrash.shell.output import Output, standard_output
from pycrash.shell.runner import ExitShell
from pycrash.shell.session import MINIMAL_NOTE, PROMPT, Session
from pycrash.shell.start import editing_mode, version_lines

#: Exit status at the end of lines that come from a pipe or a file, as crash has it.
END_OF_INPUT = 1


def serve(session: Session, options: Options) -> int:
    """Run a session to its end; returns the exit status."""
    settings = session.settings
    terminal = sys.stdin.isatty()
    session.interactive = terminal
    if not settings.silent:
        print("\n".join(version_lines()))
        if not terminal:
            print("NOTE: stdin: not a tty\n")
    for note in session.kernel.notes:
        session.say(note, "WARNING")
    if "--no_modules" in options:
        session.say("no kernel module access\n", "WARNING")
    try:
        if terminal and sys.stdout.isatty() and os.environ.get("TERM") not in (None, "dumb"):
            from pycrash.shell.prompt import serve_prompt

            return serve_prompt(session, options)
        show_banner(session, standard_output(session.paint))
        run_start_lines(session, options)
        return _serve_stream(session, terminal)
    except ExitShell as leave:
        return leave.status


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
        output.write("")
        output.close()


def _panic_warning(session: Session) -> str:
    """What is wrong with the panic task, empty where one is known."""
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


def _serve_stream(session: Session, terminal: bool) -> int:
    # Unbuffered: what stands behind a line is for the programs that line starts.
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as stream:
        while True:
            try:
                if not _serve_line(session, stream, terminal):
                    return 0 if terminal else END_OF_INPUT
            except KeyboardInterrupt:
                if not terminal:
                    raise
                print()


def _serve_line(session: Session, stream: FileIO, terminal: bool) -> bool:
    """Read a line and run it; whether there was one."""
    echo = not session.settings.silent
    if echo or terminal:
        print(PROMPT, end="")
    sys.stdout.flush()
    line = stream.readline().decode("utf-8", "surrogateescape")
    if echo and not terminal:
        print(line, end="", flush=True)
    session.feed(line, "terminal" if terminal else "stream")
    return bool(line)
