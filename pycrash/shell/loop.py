"""Serves lines until they end: the banner, the files run at the start, then the input."""

from __future__ import annotations

import os
import sys
from functools import partial
from io import FileIO

from pycrash.shell.beginning import run_start_lines, show_banner, use_colours
from pycrash.shell.options import Options
from pycrash.shell.output import standard_output
from pycrash.shell.runner import ExitShell
from pycrash.shell.session import PROMPT, Session
from pycrash.shell.signals import no_interrupt_lost
from pycrash.shell.start import version_lines

#: Exit status at the end of lines that come from a pipe or a file, as crash has it.
END_OF_INPUT = 1


def serve(session: Session, options: Options) -> int:
    """Run a session to its end; returns the exit status.

    It is crash's, which says nothing of the lines, unless --strict or --fail-fast ask for that.
    """
    status = _serve(session, options)
    strict = "--strict" in options or "--fail-fast" in options
    return int(session.failed) if strict else status


def _serve(session: Session, options: Options) -> int:
    settings = session.settings
    given = [option for option in options.given if option[0] in ("--exec", "--script")]
    terminal = sys.stdin.isatty() and not given
    session.interactive = terminal
    if terminal:
        session.advise = partial(_advice, session)
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
            return _serve_terminal(session, options)
        show_banner(session, standard_output(session.paint))
        run_start_lines(session, options)
        return _run_given(session, given) if given else _serve_stream(session, terminal)
    except ExitShell as leave:
        return leave.status


def _serve_terminal(session: Session, options: Options) -> int:
    from pycrash.shell.preparation import Preparation

    use_colours(session)
    preparation = Preparation(session)
    preparation.start()
    # What reads keys takes a moment to load: the kernel is read meanwhile.
    with no_interrupt_lost():
        from pycrash.shell.prompt import serve_prompt

    return serve_prompt(session, options, preparation)


def _advice(session: Session, line: str) -> str:
    """What may have been meant by a line; found out where there is need to."""
    from pycrash.shell.meant import advice

    return advice(session, line)


def _run_given(session: Session, given: list[tuple[str, str]]) -> int:
    """Run the lines and the Python files that options name, in order."""
    for name, value in given:
        if name == "--exec":
            session.feed(value)
        elif not session.interpreter.run_file(value):
            session.runner.messages.complaints += 1
            raise ExitShell(1)
    return 0


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
