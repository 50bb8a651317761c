"""A kernel of nothing, commands made for tests, and sessions run in a child process."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import drgn

from pycrash.api import Args, Command, Context, Flag, Notice, Row, Settings, View
from pycrash.api.registry import Registry
from pycrash.errors import CrashError
from pycrash.kernel.kernel import Kernel
from pycrash.shell.loop import serve
from pycrash.shell.options import parse_options
from pycrash.shell.session import Session
from pycrash.shell.start import configure, make_settings


def fake_kernel() -> Kernel:
    """A kernel without types and symbols."""
    kernel = Kernel(drgn.Program(), None, None)
    # In place of what the cached properties would find.
    vars(kernel).update(
        panic=SimpleNamespace(task=1, new_problems=lambda: []),
        tasks=SimpleNamespace(has_last_run=False, all=[]),
        modules=SimpleNamespace(all=[]),
        symbols=SimpleNamespace(exists=lambda name: False, kernel=lambda: iter(())),
    )
    return kernel


@dataclass(frozen=True)
class Number(Row, kind="tally.number"):
    value: int


class Count(Command):
    """Yields numbers; what goes wrong on the way is asked for by flags."""

    name = "tally"
    summary = "numbers up to one"
    synopsis = "[-e|-n|-x] number"
    description = "Counts."
    flags: ClassVar[Sequence[Flag]] = (
        Flag("e", "error at the end"),
        Flag("n", "notice at 2"),
        Flag("x", "break at 2"),
    )

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        last = int(args.operands[0])
        for value in range(1, last + 1):
            if value == 2 and "n" in args:
                yield Notice("two comes", "WARNING")
            if value == 2 and "x" in args:
                raise ZeroDivisionError("two")
            yield Number(value)
        if "e" in args:
            raise CrashError("cannot count on")

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        return (str(row.value) for row in rows if isinstance(row, Number))


class Interrupt(Count):
    """Counts, and is interrupted as by Ctrl-C."""

    name = "endless"

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        yield Number(1)
        os.kill(os.getpid(), signal.SIGINT)
        while True:
            yield Number(2)


def fake_session(settings: Settings | None = None) -> Session:
    """A session on the fake kernel, with the commands above besides the real ones."""
    registry = Registry()
    registry.add(Count())
    registry.add(Interrupt())
    session = Session(fake_kernel(), settings or Settings(silent=True), registry)
    session.interactive = True
    return session


def in_child(
    options: Sequence[str], stdin: str, files: dict[str, str] | None = None
) -> dict[str, Any]:
    """Serve a fake session in a child process and a fresh folder, whose folder `home` is $HOME.

    Gives what it wrote and its exit status, as compare_sessions.run does.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "home").mkdir()
        for path, text in {**(files or {}), "home/.in": stdin}.items():
            (folder / path).write_text(text)
        streams = [os.open(folder / f"home/.{n}", os.O_RDWR | os.O_CREAT) for n in ("out", "err")]
        child = os.fork()
        if child == 0:
            _serve(folder, options, streams)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        for stream in streams:
            os.close(stream)
        out, err = ((folder / f"home/.{n}").read_text() for n in ("out", "err"))
    return {"stdout": out, "stderr": err, "status": status}


def _serve(folder: Path, options: Sequence[str], streams: Sequence[int]) -> None:
    """Never returns."""
    status = 70
    try:
        os.chdir(folder)
        os.environ.update(HOME=str(folder / "home"), TERM="dumb", LC_ALL="C.UTF-8")
        source, sink = os.pipe()
        os.write(sink, (folder / "home/.in").read_bytes())
        os.close(sink)
        for number, descriptor in enumerate([source, *streams]):
            os.dup2(descriptor, number)
        sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
        given = parse_options(options)
        session = fake_session(make_settings(given))
        configure(session, given)
        status = serve(session, given)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)
