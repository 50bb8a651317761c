"""Runs the same lines through two programs on one dump, and tells where the answers differ.

A lines file has one command line a line; `##` begins a comment. A line
`##var NAME = COMMAND ~ REGEX` names what the first group of REGEX matches in crash's answer to
COMMAND, and stands for it as `{NAME}` in later lines: an address or a pid of this dump.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import subprocess
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

_MARK = re.compile(r"(?:^|\n)@@(\d+) ([\d.]+)\n")
_VARIABLE = re.compile(r"##var (\w+) = (.*) ~ (.*)$")
#: The most bytes that a line may answer: what says more is taken for endless.
_MOST = 64 << 20
#: The commands that foreach can run.
_FOREACH = {"bt", "vm", "task", "files", "net", "set", "ps", "sig", "vtop"}
_PLACEHOLDER = re.compile(r"\{([a-z_0-9]+)\}")


@dataclass
class Run:
    """What a program answered. `answers` and `seconds` are by line number, None: not reached.

    `died` are the numbers of the lines at which it ended or hung; it was begun anew behind them.
    """

    lines: list[str]
    answers: list[str | None]
    seconds: list[float | None]
    died: list[int] = field(default_factory=list)

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def load(cls, path: Path) -> Run:
        return cls(**json.loads(path.read_text()))


def run_lines(tool: Sequence[str], lines: Sequence[str], folder: Path, limit: float = 300) -> Run:
    """Run lines in a folder, all in one process unless it dies; standard error is with output.

    A line, or the start of the program, may take `limit` seconds.
    """
    run = Run(list(lines), [None] * len(lines), [None] * len(lines))
    at = 0
    while at < len(lines):
        reached = _session(tool, run, at, folder, limit)
        if reached == len(lines):
            break
        run.died.append(reached)
        at = reached + 1
    return run


def _session(tool: Sequence[str], run: Run, begin: int, folder: Path, limit: float) -> int:
    """Answers from line `begin` on; returns the line it died at, or how many lines there are."""
    script = "".join(
        f"!printf '\\n@@{number} %s\\n' $(date +%s.%N)\n{line}\n"
        for number, line in [*enumerate(run.lines)][begin:]
    )
    script += f"!printf '\\n@@{len(run.lines)} %s\\n' $(date +%s.%N)\n"
    environment = {
        **os.environ,
        "HOME": str(folder),
        "TERM": "dumb",
        "PAGER": "cat",
        "COLUMNS": "80",
        "LINES": "24",
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
    }
    process = subprocess.Popen(
        tool,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=environment,
    )
    raw = _output(process, script.encode(), limit)
    parts = _MARK.split(raw.decode("utf-8", "replace"))
    numbers = [int(n) for n in parts[1::3]]
    times = [float(t) for t in parts[2::3]]
    for index, number in enumerate(numbers):
        if number < len(run.lines):
            run.answers[number] = parts[3 + 3 * index]
            if index + 1 < len(times):
                run.seconds[number] = times[index + 1] - times[index]
    return numbers[-1] if numbers else begin


def _output(process: subprocess.Popen[bytes], script: bytes, limit: float) -> bytes:
    """All that a program says to a script; it is killed where a line takes `limit` seconds or
    says too much."""
    assert process.stdin is not None
    assert process.stdout is not None
    threading.Thread(target=_feed, args=(process.stdin, script), daemon=True).start()
    source, raw, marked = process.stdout.fileno(), bytearray(), 0
    deadline = time.monotonic() + limit
    while True:
        left = deadline - time.monotonic()
        if left < 0 or len(raw) - marked > _MOST or not select.select([source], [], [], left)[0]:
            process.kill()
            break
        piece = os.read(source, 1 << 16)
        if not piece:
            break
        raw += piece
        if b"@@" in raw[-len(piece) - 1 :]:
            deadline, marked = time.monotonic() + limit, len(raw)
    process.wait()
    process.stdout.close()
    return bytes(raw)


def _feed(sink: IO[bytes], script: bytes) -> None:
    # A program that dies leaves some of its lines unread.
    with contextlib.suppress(BrokenPipeError), sink:
        sink.write(script)


def read_lines(path: Path, commands: Iterable[str] = ()) -> list[str]:
    """The lines of a file, only those of some commands if any are named."""
    wanted = set(commands)
    lines = [line.rstrip("\n") for line in path.read_text().splitlines()]
    lines = [line for line in lines if line.strip() and not line.startswith("##")]
    return [line for line in lines if not wanted or _commands_in(line) <= wanted]


def _commands_in(line: str) -> set[str]:
    """The commands a line needs: foreach and the one it runs, or just its own."""
    inner = {word for word in line.split()[1:] if word in _FOREACH}
    return {command_of(line), *(inner if command_of(line) == "foreach" else ())}


def command_of(line: str) -> str:
    """The command a line is counted under."""
    return re.split(r"[\s/.]", line.lstrip(), maxsplit=1)[0]


def variables(path: Path, tool: Sequence[str], folder: Path, limit: float = 300) -> dict[str, str]:
    """What the `##var` lines of a file stand for on this dump, but for those without a match."""
    todo = {m[1]: (m[2], m[3]) for m in map(_VARIABLE.match, path.read_text().splitlines()) if m}
    known: dict[str, str] = {}
    while todo:
        ready = [n for n in todo if all(v in known for v in _PLACEHOLDER.findall(todo[n][0]))]
        if not ready:
            break
        lines = [fill(todo[name][0], known) or "" for name in ready]
        answers = run_lines(tool, lines, folder, limit).answers
        for name, answer in zip(ready, answers, strict=True):
            found = re.search(todo.pop(name)[1], answer or "", re.M)
            if found:
                known[name] = found[1]
    return known


def fill(line: str, known: dict[str, str]) -> str | None:
    """A line with its names replaced, None where one is not known."""
    if any(name not in known for name in _PLACEHOLDER.findall(line)):
        return None
    return _PLACEHOLDER.sub(lambda m: known[m[1]], line)
