"""Python inside of a session: expressions, a prompt, and script files."""

from __future__ import annotations

import builtins
import contextlib
import io
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from pycrash.api import Context, Row, Rows
from pycrash.errors import CrashError
from pycrash.kernel.kernel import Kernel
from pycrash.shell.signals import Ended

_WELCOME = (
    "prog: the drgn program   kernel, ctx: the layers of pycrash   rows('ps -u'), text('bt'): "
    "a line\n_: the rows of the last line   Ctrl-D or exit() gives the prompt of crash back"
)


class Lines(Protocol):
    """What runs lines: a session."""

    kernel: Kernel
    context: Context
    last_line: str

    def answer(self, line: str) -> Iterator[Row]:
        """The rows of a line. Raises CrashError."""

    def text_of(self, line: str) -> str:
        """What a line prints."""


class Python:
    """The names that Python code of a session sees, kept from line to line."""

    def __init__(self, session: Lines) -> None:
        self._session = session
        self.names: dict[str, Any] = {
            "__name__": "__pycrash__",
            "__builtins__": builtins,
            "prog": session.kernel.prog,
            "kernel": session.kernel,
            "ctx": session.context,
            "rows": self.rows,
            "text": session.text_of,
        }

    def rows(self, line: str) -> Rows:
        """The rows of a line. Raises CrashError."""
        found = Rows(lambda: self._session.answer(line))
        len(found)
        return found

    def evaluate(self, source: str) -> str:
        """Run a line of Python; gives what it printed, and its value. Raises CrashError."""
        self._take_last()
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                value = self._value(source)
                # An object of drgn is read from the dump only here.
                shown = "" if value is None else str(value) if _is_drgn(value) else repr(value)
        except SystemExit:
            shown = ""
        except CrashError:
            raise
        except Exception as error:
            raise CrashError("".join(traceback.format_exception_only(error)).strip()) from None
        return printed.getvalue() + shown

    def _value(self, source: str) -> Any:
        try:
            code = compile(source, "<py>", "eval")
        except SyntaxError:
            exec(compile(source + "\n", "<py>", "exec"), self.names)
            return None
        return eval(code, self.names)

    def interact(self) -> None:
        """Give the terminal to Python's prompt: ptpython's where it is installed."""
        self._take_last()
        names = {**self.names, "exit": _leave, "quit": _leave}
        with contextlib.suppress(SystemExit):
            try:
                from ptpython.repl import embed
            except ImportError:
                self._stock_prompt(names)
            else:
                print(_WELCOME)
                embed(globals=names, locals=names)
        self.names |= names

    def _stock_prompt(self, names: dict[str, Any]) -> None:
        import code
        import readline
        import rlcompleter

        old = sys.displayhook, readline.get_completer()
        sys.displayhook = _display
        readline.set_completer(rlcompleter.Completer(names).complete)
        readline.parse_and_bind("tab: complete")
        try:
            code.interact(_WELCOME, local=names, exitmsg="")
        finally:
            sys.displayhook = old[0]
            readline.set_completer(old[1])

    def run_file(self, path: str) -> bool:
        """Run a script; whether it ran to its end. What stopped it is told with its traceback.

        SystemExit passes through, and what ends the program.
        """
        source = Path(path).read_bytes()
        names = {**self.names, "__name__": "__main__", "__file__": path}
        old, sys.argv = sys.argv, [path]
        try:
            exec(compile(source, path, "exec"), names)
        except (BrokenPipeError, SystemExit, KeyboardInterrupt, Ended):
            raise
        except BaseException as error:
            sys.stdout.flush()
            # What is of this file's frames is no matter of the script.
            behind = error.__traceback__.tb_next if error.__traceback__ else None
            traceback.print_exception(type(error), error, behind)
            return False
        finally:
            sys.argv = old
        return True

    def _take_last(self) -> None:
        line = self._session.last_line
        self.names["_"] = Rows(lambda: self._session.answer(line) if line else ())


def _leave(status: object = None) -> None:
    """Ends the prompt. Python's own exit() would close standard input as well."""
    raise SystemExit(status)


def _is_drgn(value: object) -> bool:
    return type(value).__module__ == "_drgn"


def _display(value: object) -> None:
    """Shows what an expression gives, drgn's objects as drgn does."""
    if value is not None:
        print(str(value) if _is_drgn(value) else repr(value))
