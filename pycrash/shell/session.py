"""Runs lines: aliases, redirection, the command, and every error turned into its message."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from pycrash.api import Command, Context, Row, Settings, UsageError
from pycrash.api.registry import Registry
from pycrash.errors import CrashError
from pycrash.kernel.kernel import Kernel
from pycrash.shell import aliases, inputs, pictures
from pycrash.shell.asides import DRGN_WORD
from pycrash.shell.datawords import words_as_data, words_for_gdb
from pycrash.shell.history import History, InvalidRecall
from pycrash.shell.messages import Messages
from pycrash.shell.output import Output, OutputError, Paint, open_redirect, standard_output
from pycrash.shell.pager import pager_command
from pycrash.shell.runner import JSON_WORD, ExitShell, Runner
from pycrash.shell.words import (
    LONGEST,
    LineError,
    Redirect,
    clean,
    mark_at,
    separate_mark,
    split_redirect,
    split_words,
    without_word,
)

if TYPE_CHECKING:
    from pycrash.shell.python import Python

PROGRAM = "crash"
PROMPT = f"{PROGRAM}> "

#: Programs that run without a "!" before them.
EXTERNAL = ("vi", "pwd", "grep", "cat", "more", "less", "echo", "ls", "clear")

#: Words for the shell behind any command.
WISHES = (JSON_WORD, DRGN_WORD)

MINIMAL_NOTE = "minimal mode commands: log, dis, rd, sym, eval, set, extend and exit"

#: Where a line comes from: typed at a terminal, read from a pipe, or from an input file.
Source = Literal["terminal", "stream", "file"]
#: How a line ended; "over" also ends the input file it stands in.
Outcome = Literal["done", "failed", "over"]


class Session:
    """One open dump and the state of the shell on it.

    `paint` is laid over the lines a terminal shows. `ready` is waited for before a command
    touches the kernel. `advise` tells what may have been meant by a line that did not go well,
    where somebody typed it. With `fail_fast` the first line that does not go well ends the session.
    `interactive` tells that somebody sits there, to whom Ctrl-C gives the
    prompt back.
    """

    def __init__(self, kernel: Kernel, settings: Settings, registry: Registry) -> None:
        self.kernel = kernel
        self.settings = settings
        self.registry = registry
        self.past = History()
        self.minimal = False
        self.interactive = False
        self.fail_fast = False
        self.paint: Paint | None = None
        self.ready: Callable[[], None] = lambda: None
        self.advise: Callable[[str], str] = lambda line: ""
        self.context = Context(kernel, settings, registry, self)
        self.runner = Runner(self.context, Messages(settings))
        self.runner.watches = self._watches
        self._aliases = aliases.built_in()
        self._unsettled = True
        self._output: Output | None = None
        self._in_file = False
        self._line = ""
        #: The line that ran before, unless it was one of Python.
        self.last_line = ""

    # What a command may ask (ShellPort).

    @property
    def aliases(self) -> dict[str, tuple[str, str]]:
        """Alias name to (text, origin), in the order they were made."""
        if self._unsettled:
            self._unsettled = False
            self.ready()
            if not self.kernel.tasks.has_last_run:
                del self._aliases["last"]
        return self._aliases

    @property
    def known_aliases(self) -> dict[str, tuple[str, str]]:
        """The same while the kernel may not be asked yet, which decides of one of them."""
        return self._aliases

    @property
    def line(self) -> str:
        """The line being run with its aliases replaced, without what is for the shell alone:
        its pipe or redirection, a wish for JSON."""
        return self._line

    @property
    def history(self) -> Sequence[str]:
        """The lines typed so far."""
        return self.past.lines

    def execute(self, line: str) -> bool:
        """Run one line as if typed, its output where the caller's goes; whether it went well.

        Its errors become messages. KeyboardInterrupt, ExitShell and the BrokenPipeError of an
        output that is not its own pass through.
        """
        return self._run_line(separate_mark(clean(line)), "file") == "done"

    def progress(self, what: str, done: int, total: int) -> None:
        """Show somebody who waits how far something long is."""
        self.runner.progress.show(what, done, total)

    def _watches(self, output: Output) -> bool:
        """Whether somebody waits for an output at a terminal with nothing else on it."""
        terminal = output.kind == "stdout" and output.stream is sys.stdout and sys.stdout.isatty()
        free = terminal or output.kind in ("pager", "file")
        return free and self.interactive and sys.stderr.isatty()

    def picture(self, graph: str) -> str | None:
        """A graph in Graphviz's language as SVG; None where its `dot` is missing or fails."""
        return pictures.drawn(graph)

    def leave(self) -> None:
        raise ExitShell

    def rows(self, name: str, ctx: Context, words: Sequence[str]) -> Iterator[Row]:
        """The rows of another command under a context of the caller's."""
        command = self.registry.find(name)
        if command is None:
            raise CrashError(f"command not found: {name}")
        return command.run(ctx, command.parse(words))

    # Python.

    def python(self, source: str) -> str:
        """Run a line of Python; gives what it prints. Without one its prompt is given.

        Raises CrashError.
        """
        if source:
            return self.interpreter.evaluate(source)
        if not self.interactive:
            raise CrashError("the prompt of Python needs a terminal")
        self.interpreter.interact()
        return ""

    @cached_property
    def interpreter(self) -> Python:
        """What Python code of this session sees."""
        from pycrash.shell.python import Python

        self.ready()
        return Python(self)

    def answer(self, line: str) -> Iterator[Row]:
        """The rows of a line, for Python code. Raises CrashError, of wrong usage too."""
        outer = self._line
        try:
            text, redirect = split_redirect(self._expanded(separate_mark(clean(line))))
            words = split_words(text)
            if redirect.kind != "none" or not words:
                raise CrashError(f"no line that has rows: {line}")
            command = self._command(words[0])
            if command is None:
                words = self._found_words(words)
                command = self._command(words[0])
            assert command is not None
            self._line = clean(text)
            self.ready()
            self._renew()
            try:
                yield from command.run(self.context, command.parse(words[1:]))
            except UsageError as error:
                said = str(error) or "wrong usage"
                raise CrashError(f"{said}; usage: {command.name} {command.synopsis}") from None
        except LineError as error:
            raise CrashError(str(error)) from None
        finally:
            self._line = outer

    def text_of(self, line: str) -> str:
        """What a line prints, its messages among it, for Python code."""
        text = io.StringIO()
        outer, self._output = self._output, Output("stdout", text)
        last = self.last_line
        try:
            self.execute(line)
        finally:
            self._output, self.last_line = outer, last
        return text.getvalue()

    # Lines.

    def feed(self, raw: str, source: Source = "stream") -> None:
        """Run one line of the session's input; only ExitShell leaves, and Ctrl-C a batch."""
        try:
            line = self._recalled(clean(raw))
            if line is None:
                return
            self.past.add(line)
            before = self.runner.messages.complaints
            self._run_line(separate_mark(line) if source == "terminal" else line, source)
            if source == "terminal" and self.runner.messages.complaints > before:
                self._advise(line)
        except KeyboardInterrupt:
            if not self.interactive:
                raise
            print(file=sys.stderr, flush=True)
        except BrokenPipeError:
            self.runner.messages.complaints += 1
            raise ExitShell(1) from None
        except OutputError as error:
            self.runner.messages.complaints += 1
            print(f"pycrash: standard output: {error}", file=sys.stderr)
            raise ExitShell(1) from None
        except ExitShell:
            raise
        except Exception as error:
            self.say(self.runner.internal_error(error))
        if self.fail_fast and self.failed:
            raise ExitShell(1)

    def _advise(self, line: str) -> None:
        """Below what a terminal shows of a line that did not go well: what may have been meant."""
        told = self.settings.error in ("default", "redirect") and not self.runner.as_json
        if not (told and sys.stdout.isatty()) or self.minimal or mark_at(line) is not None:
            return
        if JSON_WORD not in line and (text := self.advise(line)):
            print(text, flush=True)

    @property
    def failed(self) -> bool:
        """Whether a line has not gone well: a message says why, of which crash keeps some quiet."""
        return self.runner.messages.complaints > 0

    def run_unrecorded(self, line: str) -> None:
        """Run a line that nobody typed."""
        past, self.past = self.past, History()
        try:
            self.feed(line)
        finally:
            self.past = past

    def show(self, name: str, output: Output | None = None) -> bool:
        """Print what a command without arguments shows; whether it could."""
        command = self._command(name)
        if command is None:
            return False
        output = output or standard_output(self.paint)
        try:
            return self.runner.run(command, [], output)
        finally:
            output.close()

    def say(self, text: str, level: Literal["INFO", "WARNING", "NOTE"] = "INFO") -> None:
        """Print a message of the program's own."""
        self.runner.say(self._output or standard_output(), PROGRAM, text, level)

    def _recalled(self, line: str) -> str | None:
        """The line to run: the one typed, or the one before that it stands for."""
        try:
            if self.past.is_listing(line):
                print("\n".join(self.past.listing()), flush=True)
                return None
            again = self.past.recall(line)
        except CrashError as error:
            self.say(str(error))
            return None
        except InvalidRecall as error:
            print(error, flush=True)
            return None
        if again is None:
            return line
        print(f"{PROMPT}{again}", flush=True)
        return again

    def _run_line(self, line: str, source: Source, echo: str = "") -> Outcome:
        """Run one line; `echo` is printed before its command runs."""
        if len(line) > LONGEST:
            self.say(f"line too long: {len(line):,} characters, of {LONGEST:,} at most")
            return "failed"
        outer = self._output
        try:
            text, redirect = split_redirect(self._expanded(line))
            output = self._open_output(text, redirect, source)
        except LineError as error:
            self.say(str(error))
            return "over" if error.ends_input else "failed"
        if redirect.kind == "shell":
            output.run_shell(redirect.target or "/bin/sh")
            return "done"
        self._output = output
        well = False
        try:
            self._line = clean(without_word(text, JSON_WORD))
            words = split_words(text)
            if words and echo:
                (outer or standard_output()).write_plain(echo)
            well = self._run_words(words, output)
            if output is not outer:
                output.close()
        except BrokenPipeError:
            if output is outer or output.kind == "stdout":
                raise
        except OutputError as error:
            if output is outer:
                raise
            self._output = outer
            self.say(f"{redirect.target or 'standard output'}: {error}")
        finally:
            self._output = outer
            if output is not outer:
                output.abandon()
        return "done" if well else "failed"

    def _expanded(self, line: str) -> str:
        known = self.aliases if line.startswith("last") else self._aliases
        return aliases.expand(line, known)

    def _open_output(self, text: str, redirect: Redirect, source: Source) -> Output:
        if redirect.kind in ("pipe", "write", "append"):
            return open_redirect(redirect)
        if self._output is not None:
            return self._output
        pager = pager_command(self.settings) if source == "terminal" else None
        plain = text in ("", "q", "Q", "exit") or text.startswith("<") or redirect.kind == "shell"
        if pager is None or plain:
            return standard_output(self.paint)
        return Output("pager", reader=pager, paint=self.paint)

    def _run_words(self, words: list[str], output: Output) -> bool:
        """Run a line's words; whether they made sense."""
        if not words or words[0].startswith(("#", "//")):
            return True
        escaped = words[0].startswith("\\") and len(words[0]) > 1
        words = [words[0][escaped:], *words[1:]]
        name = words[0]
        command = self._command(name)
        if command is None and name == "<":
            return self._run_input(words)
        if command is None and name in EXTERNAL:
            output.run_shell(_joined(words))
            return True
        if command is None and self.registry.lacks(name):
            self.runner.refuse(name, self.registry.NOT_YET, words, output)
            return False
        if command is None:
            words = self._data_words(words, output)
            if not words:
                return False
            command = self._command(words[0])
        if command is None:
            self.runner.refuse(PROGRAM, f"command not found: {words[0]}", words, output)
            return False
        self.ready()
        self._renew()
        if command.name != "py":
            self.last_line = self._line
        return self.runner.run(
            command, words[1:], output, takes_file=not (escaped or command.takes_line)
        )

    def _renew(self) -> None:
        """Of a running kernel, forget what the line before read, and the task that has ended."""
        kernel = self.kernel
        if not kernel.is_live or self.minimal:
            return
        kernel.renew()
        if self.settings.task and self.settings.task not in kernel.tasks.by_address:
            self.settings.task = 0
            own = kernel.tasks.get(kernel.panic.first_task).comm
            self.say(f'current context no longer exists -- restoring "{own}" context:\n')
            output = self._output or standard_output(self.paint)
            self.show("set", output)
            output.write_plain("\n")

    def _command(self, name: str) -> Command | None:
        command = self.registry.find(name)
        for problem in self.registry.take_problems():
            self.say(problem, "WARNING")
        return command if command is None or command.minimal or not self.minimal else None

    def _data_words(self, words: list[str], output: Output) -> list[str]:
        """The words of the command that shows the type or variable an unknown word names.

        Empty where there is none, which is said. A wish for JSON or for lines of drgn stays one.
        """
        wishes = [word for word in words[1:] if word in WISHES]
        plain = [words[0], *(word for word in words[1:] if word not in WISHES)]
        try:
            return self._found_words(plain) + wishes
        except CrashError as error:
            self.runner.refuse(PROGRAM, str(error), words, output)
            return []

    def _found_words(self, words: Sequence[str]) -> list[str]:
        """The words of the command that an unknown word stands for. Raises CrashError."""
        name = words[0]
        if self.minimal:
            text = f"{name}: command not available in minimal mode\nNOTE: {MINIMAL_NOTE}"
            raise CrashError(text)
        self.ready()
        found = words_as_data(self.kernel, words) or words_for_gdb(words)
        if not found:
            raise CrashError(f"command not found: {name}")
        return found

    # Input files.

    def _run_input(self, words: Sequence[str]) -> bool:
        """Run the lines of an input file; whether there was one."""
        if self._in_file:
            self.say("embedded input files not allowed!")
            return False
        try:
            lines = inputs.open_input(words)
        except CrashError as error:
            self.say(str(error))
            return False
        self._in_file = True
        try:
            for raw in lines:
                echo = "" if self.settings.silent else PROMPT + raw
                ended = self._run_line(clean(separate_mark(raw)), "file", echo)
                if ended == "over" or (self.fail_fast and self.failed):
                    break
        finally:
            self._in_file = False
        return True


def _joined(words: Sequence[str]) -> str:
    """Words as a shell command; one with blanks in it goes into double quotes."""
    return " ".join(f'"{word}"' if at and " " in word else word for at, word in enumerate(words))
