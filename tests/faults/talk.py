"""One session in a child process: lines go in one by one, and its death, hangs and memory are seen.

The child is forked from a process that has imported everything, and maybe opened a dump, so that
a case costs a hundredth of a second and not a second.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import os
import pty
import re
import resource
import select
import signal
import sys
import time
import traceback
import tty
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

#: What the program shows when it waits for a line.
PROMPT = b"crash> "
#: What a terminal may get beside text: the colours and the progress line that pycrash makes.
_OWN = re.compile(rb"\x1b\[[0-9;]*m|\r[a-z ]+[^\r\n\x1b]{0,120}\x1b\[K|\r\x1b\[K")
_CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")
#: How the shell tells of an exception nobody expected.
_INTERNAL = re.compile(r"^\S+: internal error: \w+: ", re.M)
#: Of the text of a line so much is kept at both ends.
_KEPT = 60_000
#: Statuses of an end that is none of death: the end of input is 1 in a pipe, as in crash.
_ENDS = (0, 1)
#: What stands for a line before the first.
_START = "the start"
#: The child's own status where Python's exceptions reached its top.
_BROKE = 70
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Limits:
    """What one line may take: seconds of work and of the clock, bytes of memory and of text.

    `address_space` is what the process is given; `memory` is what it may come to use of it
    beyond what it had at the start. `file_size` bounds what it writes to any one file.
    """

    work: float = 20
    clock: float = 600
    memory: int = 1 << 30
    text: int = 200 << 20
    address_space: int = 3 << 30
    file_size: int = 64 << 20


@dataclass
class Trouble:
    """Something that must not be: its kind, the line it came at, and what was seen of it."""

    kind: str
    line: str
    seen: str


@dataclass
class Outcome:
    """What became of a session: how many lines were answered, and all that went wrong."""

    lines: int = 0
    troubles: list[Trouble] = field(default_factory=list)
    peak: int = 0
    slowest: float = 0
    costs: dict[str, float] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    status: int | None = None


class Conversation:
    """A child that runs `serve`, which reads lines from its standard input and has a prompt.

    `terminal` gives it a terminal to write to, where control characters are trouble.
    """

    def __init__(
        self,
        serve: Callable[[], int],
        folder: Path,
        limits: Limits | None = None,
        terminal: bool = False,
    ) -> None:
        self._limits = limits or Limits()
        self._terminal = terminal
        self._outcome = Outcome()
        self._line = _START
        self._text = bytearray()
        self._length = 0
        reader, self._input = os.pipe()
        self._output, writer = _terminal() if terminal else os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._input)
            os.close(self._output)
            _become(reader, writer, folder, self._limits)
            _serve(serve)
        os.close(reader)
        os.close(writer)
        self._began = 0.0
        self._memory = _memory(self.pid)

    def run(self, lines: Sequence[str]) -> Outcome:
        """Feed the lines, then the end of input; gives what became of it."""
        outcome = self._outcome
        try:
            alive = self._answered()
            for line in lines:
                if not alive:
                    break
                self._begin(line)
                alive = self._answered()
                outcome.lines += alive
            os.close(self._input)
            if alive:
                self._begin("the end")
                self._answered(prompt=False)
        finally:
            self._end(alive)
        return outcome

    def _begin(self, line: str) -> None:
        self._line, self._text, self._length = line, bytearray(), 0
        with contextlib.suppress(OSError):  # its end is seen where its answer is waited for
            os.write(self._input, line.encode("utf-8", "surrogateescape") + b"\n")

    def _answered(self, prompt: bool = True) -> bool:
        """Wait for the prompt behind a line; whether it came back."""
        began, work = time.monotonic(), _work(self.pid)
        while True:
            if select.select([self._output], [], [], 0.2)[0]:
                data = self._read()
                if not data:
                    if self._line == _START and not self._text.strip():
                        self._trouble("death", "refused without a word")
                    elif prompt and self._line not in (_START, "exit", "quit", "q"):
                        self._trouble("death", self._told())
                    self._done(began, work)
                    return False
                self._keep(data)
                if prompt and self._text.endswith(PROMPT):
                    self._done(began, work)
                    return True
                if self._length > self._limits.text:
                    return self._hung("flood")
            spent = _work(self.pid) - work
            if spent > self._limits.work or time.monotonic() - began > self._limits.clock:
                return self._hung("hang")

    def _read(self) -> bytes:
        try:
            return os.read(self._output, 1 << 16)
        except OSError:  # the other side of a terminal is gone
            return b""

    def _keep(self, data: bytes) -> None:
        self._length += len(data)
        self._text += data
        if len(self._text) > 2 * _KEPT:
            del self._text[_KEPT:-_KEPT]

    def _hung(self, kind: str) -> bool:
        """Where it hangs is what its threads were at."""
        os.kill(self.pid, signal.SIGUSR1)
        end = time.monotonic() + 1.5
        self._text.clear()
        while time.monotonic() < end and select.select([self._output], [], [], 0.5)[0]:
            data = self._read()
            if not data:
                break
            self._text += data[: 1 << 16]
            if len(self._text) > 1 << 20:
                break
        self._trouble(kind, self._told())
        os.killpg(self.pid, signal.SIGKILL)
        return False

    def _done(self, began: float, work: float) -> None:
        """See whether what was said for a line is well."""
        outcome = self._outcome
        took = _work(self.pid) - work
        outcome.slowest = max(outcome.slowest, took)
        if self._line not in outcome.costs or took > outcome.costs[self._line]:
            outcome.costs[self._line] = took
        peak = _memory(self.pid) - self._memory
        outcome.peak = max(outcome.peak, peak)
        if peak > self._limits.memory:
            self._trouble("memory", f"{peak >> 20} MB")
            self._memory += peak
        strange = _CONTROL.search(_OWN.sub(b"", self._text)) if self._terminal else None
        if strange:
            self._trouble("control", repr(strange.string[max(0, strange.start() - 80) :][:200]))
        said = self._told()
        outcome.answers[self._line] = said
        # What goes wrong in Python that the line itself holds is Python's to tell.
        if "Traceback (most recent call last)" in said and not self._line.startswith("py "):
            self._trouble("traceback", said)
        elif _INTERNAL.search(said):
            self._trouble("internal error", said)

    def _told(self) -> str:
        return self._text.decode("utf-8", "backslashreplace")

    def _trouble(self, kind: str, seen: str) -> None:
        self._outcome.troubles.append(Trouble(kind, self._line, seen))

    def _end(self, alive: bool) -> None:
        """Wait for its end, which is due."""
        due = time.monotonic() + 20
        while (ended := os.waitpid(self.pid, os.WNOHANG))[0] == 0:
            if time.monotonic() > due:
                self._trouble("hang", "does not end")
                os.killpg(self.pid, signal.SIGKILL)
            time.sleep(0.005)
        os.close(self._output)
        status = self._outcome.status = os.waitstatus_to_exitcode(ended[1])
        hung = any(t.kind in ("hang", "flood") for t in self._outcome.troubles)
        if not hung and status not in _ENDS:
            self._trouble("death", f"ended with {status}")


def _terminal() -> tuple[int, int]:
    outer, inner = pty.openpty()
    tty.setraw(inner)  # what is written arrives as it is
    return outer, inner


def _become(reader: int, writer: int, folder: Path, limits: Limits) -> None:
    """Make this process the child: its streams, its folder, its limits."""
    os.setpgid(0, 0)
    os.dup2(reader, 0)
    os.dup2(writer, 1)
    os.dup2(writer, 2)
    os.chdir(folder)
    resource.setrlimit(resource.RLIMIT_AS, (limits.address_space, limits.address_space))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file_size, limits.file_size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    faulthandler.register(signal.SIGUSR1, file=2)
    sys.stdin, sys.stdout, sys.stderr = _stream(0, "r"), _stream(1, "w"), _stream(2, "w")


def _stream(number: int, mode: str) -> TextIO:
    stream = open(number, mode, encoding="utf-8", errors="surrogateescape")  # noqa: SIM115
    assert isinstance(stream, io.TextIOWrapper)
    stream.reconfigure(line_buffering=number == 2)
    return stream


def _serve(serve: Callable[[], int]) -> None:
    """Serve, and end the process, whatever happens."""
    status = _BROKE
    try:
        status = serve()
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _work(pid: int) -> float:
    """Seconds of a processor's work that a process and its children have had."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rsplit(b")", 1)[1].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15])) / _TICKS


def _memory(pid: int) -> int:
    """The most bytes of memory of its own that a process has had."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s+(\d+)", status, re.M)
    return int(found[1]) << 10 if found else 0
