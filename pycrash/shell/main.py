"""The program: from its arguments to its exit status."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Sequence

from pycrash.errors import CrashError, system_words
from pycrash.files.cache import leave_session_folder
from pycrash.shell import signals
from pycrash.shell.options import OptionError, Options, parse_options

#: Exit status after Ctrl-C.
INTERRUPTED = 130


def run(argv: Sequence[str]) -> int:
    """Open the dump named by the arguments and serve lines; returns the exit status."""
    _prepare_streams()
    try:
        signals.watch()
        status = _run_fleet(argv[1:]) if argv[:1] == ["fleet"] else _run(parse_options(argv))
        sys.stdout.flush()
        return status
    except OptionError as error:
        _complain(f"{error} (pycrash -h lists the options)")
    except CrashError as error:
        _complain(str(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    except signals.Ended as end:
        # Whoever read or wrote may be gone with the terminal.
        _give_up_output()
        return end.status
    except BrokenPipeError:
        _give_up_output()
    except OSError as error:
        _complain(system_words(error))
        _give_up_output()
    except Exception as error:
        if "--debug" in argv:
            raise
        _complain(_unexpected(error))
    return 1


def _unexpected(error: Exception) -> str:
    if isinstance(error, ImportError):  # a library that is damaged, or that memory is too small for
        return str(error)
    from pycrash.shell.messages import unexpected

    return unexpected(error)


def _complain(text: str) -> None:
    """Say why the program ends. What a file's name has a terminal obey is spelled out."""
    if sys.stderr.isatty():
        from pycrash.shell.output import harmless

        text = harmless(text)
    print(f"pycrash: {text}", file=sys.stderr)


def end_at_once(status: int) -> None:
    """End without taking the interpreter apart: while another thread indexes types, that takes
    several tenths of a second. Does not return."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    leave_session_folder()
    os._exit(status)


def _prepare_streams() -> None:
    """Bytes pass through as they are, and a stream that was closed is an empty one."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        assert isinstance(stream, io.TextIOWrapper)
        # Lines are flushed where somebody watches them, whatever PYTHONUNBUFFERED says.
        stream.reconfigure(encoding="utf-8", errors="surrogateescape", write_through=False)


def _run(options: Options) -> int:
    from pycrash.shell import start

    answered = start.answer_without_session(options)
    if answered is not None:
        return answered
    if "--mcp" in options:
        from pycrash.shell.assistant import serve_tools

        return serve_tools(options)
    with signals.no_interrupt_lost():
        session = start.open_session(options)
    if "-t" in options:
        return start.print_date(session)
    from pycrash.shell import loop

    return loop.serve(session, options)


def _run_fleet(argv: Sequence[str]) -> int:
    from pycrash.shell import fleet

    return fleet.run(argv)


def _give_up_output() -> None:
    """Nobody reads standard output any more: keep the interpreter from saying so at its end."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
