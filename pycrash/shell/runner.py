"""Runs one command, and turns everything that goes wrong in it into a message."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain

from pycrash.api import Args, Command, Context, Notice, Row, UsageError
from pycrash.api.args import WRONG, WrongOption
from pycrash.errors import CrashError, system_words
from pycrash.kernel.core.debugdata import is_of_debug_data, of_debug_data
from pycrash.shell.asides import asked_for
from pycrash.shell.inputs import find_argument_file
from pycrash.shell.messages import Level, Messages, unexpected
from pycrash.shell.output import Output, OutputError
from pycrash.shell.progress import ProgressLine

#: Asks any command for its rows as JSON.
JSON_WORD = "--json"


class ExitShell(Exception):
    """The session is over; `status` is the process's exit status."""

    def __init__(self, status: int = 0) -> None:
        super().__init__(status)
        self.status = status


class Runner:
    """Runs commands under one context. `debug` shows tracebacks of what nobody expected.

    `watches` tells whether somebody waits for what goes to an output, at a terminal on which
    nothing else stands meanwhile.
    """

    def __init__(self, context: Context, messages: Messages) -> None:
        self.context = context
        self.messages = messages
        self.debug = False
        #: What ended a command without a word, as crash ends it: the last such error.
        self.unsaid: CrashError | None = None
        self._as_json = False
        self.progress = ProgressLine()
        self.watches: Callable[[Output], bool] = lambda output: False

    @property
    def as_json(self) -> bool:
        """Whether what is run now is to be JSON: by a word of its line, or `set output json`."""
        return self._as_json or self.context.settings.output == "json"

    def run(
        self, command: Command, words: Sequence[str], output: Output, takes_file: bool = False
    ) -> bool:
        """Run a command, once or for each line of an argument file; whether nothing failed.

        What a command runs in its turn (repeat) is JSON where that one is. KeyboardInterrupt,
        ExitShell, BrokenPipeError and OutputError pass through.
        """
        command, words = asked_for(command, words, self.context.registry)
        outer = self._as_json
        self._as_json = outer or wants_json(command, words)
        try:
            return self._run(command, words, output, takes_file)
        finally:
            self._as_json = outer

    def _run(
        self, command: Command, words: Sequence[str], output: Output, takes_file: bool
    ) -> bool:
        as_json = self.as_json
        if wants_json(command, words):
            words = [word for word in words if word != JSON_WORD]
        try:
            named = [command.name, *words]
            file = find_argument_file(named) if takes_file else None
            if file is None:
                self._call(command, words, output, as_json)
            else:
                for call in file.calls(named):
                    self._one_of_many(command, call[1:], output, as_json)
            return True
        except (OutputError, ExitShell):
            raise
        except (Exception, SystemExit) as error:
            broken = isinstance(error, BrokenPipeError)
            if broken and not self.context.registry.raised_by_plugin(error):
                raise
            self._failed(command, error, output, as_json)
        return False

    def _failed(
        self, command: Command, error: BaseException, output: Output, as_json: bool
    ) -> None:
        """Say what ended a command."""
        self.messages.complaints += 1
        known = isinstance(error, (UsageError, CrashError))
        text = str(error) if known else self.internal_error(error, command)
        if as_json:
            from pycrash.render.json import error_line

            told = error if isinstance(error, (UsageError, CrashError)) else Exception(text)
            line = error_line(command.name, told)
            self.messages.tell(output, line)
        elif isinstance(error, UsageError):
            self._usage(command, text, output)
        elif isinstance(error, CrashError) and error.quiet:
            self.unsaid = error
        else:
            if isinstance(error, CrashError) and error.before:
                self.messages.say(output, command.name, error.before)
            self.messages.say(output, command.name, text)

    def refuse(self, name: str, text: str, words: Sequence[str], output: Output) -> None:
        """Say why a line with a command that is not here cannot be run."""
        self.say(output, name, text, as_json=JSON_WORD in words)

    def say(
        self, output: Output, name: str, text: str, level: Level = "INFO", as_json: bool = False
    ) -> None:
        """Say something that is no command's: an error, or where it has another level, a notice."""
        if not (as_json or self.as_json):
            self.messages.say(output, name, text, level)
            return
        from pycrash.render.json import error_line, notice_line

        self.messages.complaints += level == "INFO"
        error = CrashError(text) if level == "INFO" else None
        notice = Notice(text, level)
        line = notice_line(name, notice) if error is None else error_line(name, error)
        self.messages.tell(output, line)

    def internal_error(self, error: BaseException, command: Command | None = None) -> str:
        """What to say of an exception nobody expected; its traceback only under --debug.

        One of a plugin is the plugin's, which is named.
        """
        if self.debug:
            traceback.print_exc()
        blame = self.context.registry.blame(error, command)
        if blame:
            return blame
        if isinstance(error, RecursionError):
            return "nested too deeply"
        if isinstance(error, OSError):
            return system_words(error)
        if is_of_debug_data(error):
            return of_debug_data(self.context.kernel, error)
        return unexpected(error)

    def _one_of_many(
        self, command: Command, words: Sequence[str], output: Output, as_json: bool
    ) -> None:
        try:
            self._call(command, words, output, as_json)
        except CrashError as error:
            self._failed(command, error, output, as_json)

    def _call(self, command: Command, words: Sequence[str], output: Output, as_json: bool) -> None:
        try:
            args = command.parse(words)
            found = command.run(self.context, args)
        except WrongOption as error:
            args = Args(tuple(pair for pair in error.given if pair[0] != WRONG))
            found = command.refuse(self.context, error)
        watched = self.watches(output) and not command.takes_line
        outer = self.progress
        with outer.away():
            try:
                with ProgressLine(command.name, watched, output) as self.progress:
                    lines = self._lines(command, args, found, output, as_json)
                    output.write_all(self.progress.between(lines))
            finally:
                self.progress = outer

    def _lines(
        self,
        command: Command,
        args: Args,
        found: Iterator[Row],
        output: Output,
        as_json: bool,
    ) -> Iterable[str]:
        rows = self._counted(chain(map(Notice, args.said), found))
        if as_json:
            from pycrash.render.json import json_lines

            aside = partial(self._tell, output) if self.messages.apart else None
            return json_lines(command.name, rows, aside)
        say = partial(self._say, command.name, output)
        view = replace(self.context.view, say=say)
        return command.text(view, args, _without_notices(rows, say))

    def _counted(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Pass rows on; notices that tell that something went wrong are counted."""
        for row in rows:
            told = isinstance(row, Notice) and row.level == "INFO" and not row.quiet
            self.messages.complaints += told or row.refusal
            yield row

    def _usage(self, command: Command, text: str, output: Output) -> None:
        if text:
            output.write_plain("")
            self.messages.complain(text)
        self.messages.tell(output, f"Usage:\n  {command.name} {command.synopsis}")
        self.messages.tell(output, f'Enter "help {command.name}" for details.')

    def _tell(self, output: Output, line: str) -> None:
        with self.progress.away():
            self.messages.tell(output, line)

    def _say(self, name: str, output: Output, notice: Notice) -> None:
        """Print what a command has to say, behind the text that had begun."""
        with self.progress.away():
            if notice.line:
                output.write_plain(notice.line)
            if not notice.quiet:
                self.messages.say(output, notice.command or name, notice.text, notice.level)


def _without_notices(rows: Iterable[Row], say: Callable[[Notice], None]) -> Iterator[Row]:
    """Pass rows on; a Notice is said where it stands among them."""
    for row in rows:
        if isinstance(row, Notice):
            say(row)
        else:
            yield row


def wants_json(command: Command, words: Sequence[str]) -> bool:
    """Whether the words ask for JSON; in a line of its own the word is that line's."""
    return JSON_WORD in (words[:1] if command.takes_line else words)
