"""Reads one dump down the ladder, each rung in a process of its own, within limits."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict
from typing import IO, Any

from pycrash.errors import CrashError
from pycrash.fleet.child import failed
from pycrash.fleet.facts import LADDER, Facts, Failure, Job, Reading, Rung, unpacked_facts
from pycrash.version import VERSION

#: How the process begins: with the parent's own places of modules, not those of this folder.
_START = "import sys; sys.path[:] = {path!r}; from pycrash.fleet.child import main; main()"
#: Of what a reader that died said last, so much is told.
_LAST_WORDS = 200


class Children:
    """The readers that are `running`: nobody stays behind when the fleet is given up."""

    def __init__(self) -> None:
        self.running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self.stopped = False

    def start(self, said: IO[bytes], threads: int) -> subprocess.Popen[bytes]:
        """Begin a process with pipes for its job and its answer. Raises CrashError when all is
        given up."""
        count = str(threads)
        with self._lock:
            if self.stopped:
                raise CrashError("given up")
            process = subprocess.Popen(
                [sys.executable, "-c", _START.format(path=sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                start_new_session=True,
                env={**os.environ, "OMP_NUM_THREADS": count, "OPENBLAS_NUM_THREADS": "1"},
            )
            self.running.add(process)
        return process

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """End a reader, and what it started, if it still runs."""
        with self._lock:
            self.running.discard(process)
            _kill(process)

    def stop(self) -> None:
        """End all of them, and let none begin."""
        with self._lock:
            self.stopped = True
            for process in self.running:
                _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def read_dump(job: Job, children: Children | None = None, threads: int = 1) -> Reading:
    """Read a dump on the first rung that holds. Raises CrashError where this is another pycrash
    than the one that asks, or all is given up.

    `threads` is how many a reader may use to index debug information.
    """
    if job.version != VERSION:
        raise CrashError(f"this is pycrash {VERSION}, and {job.version} asked")
    children = children or Children()
    failures: list[Failure] = []
    memory = None
    begun = time.monotonic()
    for rung in LADDER:
        answer = _attempt(job, rung, children, threads)
        memory = answer.get("memory", memory)
        if "facts" in answer:
            facts = unpacked_facts(answer["facts"])
            return _reading(job, rung, facts, failures, begun, memory)
        failures.append(Failure(rung, answer["cause"], answer["why"]))
    return _reading(job, None, Facts(), failures, begun, memory)


def _reading(
    job: Job,
    rung: Rung | None,
    facts: Facts,
    failures: list[Failure],
    begun: float,
    memory: int | None,
) -> Reading:
    seconds = round(time.monotonic() - begun, 3)
    return Reading(rung, facts, tuple(failures), seconds, memory, job.limits)


def _attempt(job: Job, rung: Rung, children: Children, threads: int) -> dict[str, Any]:
    """What a reader answers: its `facts`, or the `cause` of a failure and `why`."""
    limits = job.limits
    asked = {**asdict(job), **asdict(limits), "rung": rung}
    with tempfile.TemporaryFile() as said:
        process = children.start(said, threads)
        try:
            answer, _ = process.communicate(json.dumps(asked).encode(), limits.seconds)
        except subprocess.TimeoutExpired:
            return failed("time", f"took longer than {limits.seconds:g} s")
        finally:
            children.end(process)
            process.communicate()
        if children.stopped:
            raise CrashError("given up")
        said.seek(max(0, said.seek(0, os.SEEK_END) - _LAST_WORDS))
        words = " ".join(said.read().decode("utf-8", "replace").split())
    return _understood(process.returncode, answer, words, limits.memory)


def _understood(status: int, answer: bytes, words: str, memory: int) -> dict[str, Any]:
    too_much = failed("memory", f"wanted more than {memory >> 20} MiB of memory")
    if status == 0:
        try:
            found: dict[str, Any] = json.loads(answer)
        except ValueError:
            return failed("death", f"its reader gave no answer{_quoted(words)}")
        return {**found, **too_much} if found.get("cause") == "memory" else found
    if "bad_alloc" in words or "Cannot allocate memory" in words or "MemoryError" in words:
        return too_much
    if status == -signal.SIGALRM:
        return failed("time", "took too long")
    if status < 0:
        return failed("death", f"its reader was ended by {_signal(-status)}{_quoted(words)}")
    return failed("death", f"its reader ended with status {status}{_quoted(words)}")


def _quoted(words: str) -> str:
    return f": {words}" if words else ""


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
