"""Runs lines: aliases, redirection, the command, and every error turned into its message."""

from __future__ import annotations

import subprocess
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence

from pycrash.command import Command, Context, Notice, Row, Settings, UsageError
from pycrash.command.registry import Registry
from pycrash.errors import CrashError
from pycrash.kernel import Kernel
from pycrash.shell.output import Output, OutputError, open_output
from pycrash.shell.words import split_redirect, split_words

PROGRAM = "crash"


class ExitShell(Exception):
    """The session is over; `status` is the process's exit status."""

    def __init__(self, status: int = 0) -> None:
        self.status = status


class Session:
    """One open dump and the state of the shell on it."""

    def __init__(self, kernel: Kernel, settings: Settings, registry: Registry) -> None:
        self.kernel = kernel
        self.settings = settings
        self.registry = registry
        self.aliases: dict[str, tuple[str, str]] = {}
        self.history: list[str] = []
        self.debug = False
        self._output: Output | None = None
        self.context = Context(kernel, settings, registry, self)

    def execute(self, line: str) -> None:
        """Run one line. Its errors become messages; only ExitShell leaves."""
        command, redirect = split_redirect(self._resolve_alias(line.strip()))
        if redirect.kind == "shell":
            sys.stdout.flush()
            subprocess.run(redirect.target or "/bin/sh", shell=True, check=False)
            return
        outer = self._output
        try:
            output = open_output(redirect) if redirect.kind != "none" or not outer else outer
        except OutputError as error:
            self._report(Output(sys.stdout), PROGRAM, str(error))
            return
        self._output = output
        try:
            self._run_words(split_words(command), output)
        except BrokenPipeError:
            pass
        except KeyboardInterrupt:
            output.stream.write("\n")
        finally:
            self._output = outer
            if output is not outer:
                output.close()

    def leave(self) -> None:
        raise ExitShell

    def rows(self, name: str, ctx: Context, words: Sequence[str]) -> Iterator[Row]:
        """The rows of another command under a context of the caller's."""
        command = self.registry.find(name)
        if command is None:
            raise CrashError(f"command not found: {name}")
        return command.run(ctx, command.parse(words))

    def _resolve_alias(self, line: str) -> str:
        word, _, rest = line.partition(" ")
        if word in self.aliases:
            return f"{self.aliases[word][0]} {rest}".strip()
        return line

    def _run_words(self, words: list[str], output: Output) -> None:
        if not words or words[0].startswith(("#", "//")):
            return
        name = words[0]
        command = self.registry.find(name)
        if command is None:
            self._report(output, PROGRAM, f"command not found: {name}")
            return
        try:
            self._run_command(command, words[1:], output)
        except UsageError as error:
            self._usage(command, str(error), output)
        except CrashError as error:
            self._report(output, name, str(error))
        except (BrokenPipeError, KeyboardInterrupt, ExitShell):
            raise
        except Exception as error:
            if self.debug:
                traceback.print_exc()
            self._report(output, name, f"internal error: {type(error).__name__}: {error}")

    def _run_command(self, command: Command, words: Sequence[str], output: Output) -> None:
        args = command.parse(words)
        rows = self._without_notices(command.name, command.run(self.context, args), output)
        for line in command.text(self.context, args, rows):
            output.write(line)

    def _without_notices(self, name: str, rows: Iterable[Row], output: Output) -> Iterator[Row]:
        """Pass rows on; a Notice is printed where it stands among them."""
        for row in rows:
            if not isinstance(row, Notice):
                yield row
            elif row.level == "INFO":
                output.error(f"{name}: {row.text}")
            elif row.level == "CONT":
                output.error(f"{' ' * len(name)}  {row.text}")
            else:
                output.error(f"{row.level}: {row.text}")

    def _report(self, output: Output, name: str, text: str) -> None:
        output.error(f"{name}: {text}")

    def _usage(self, command: Command, text: str, output: Output) -> None:
        if text:
            output.stream.flush()
            print(text, file=sys.stderr, flush=True)
        output.write(f"Usage:\n  {command.name} {command.synopsis}")
        output.write(f'Enter "help {command.name}" for details.')
