"""The process that reads one dump, and may die of it: its job comes in by a pipe, one line of
JSON goes out."""

from __future__ import annotations

import json
import math
import os
import re
import resource
import signal
from importlib import import_module
from pathlib import Path
from typing import Any

from pycrash.errors import CrashError
from pycrash.files.debuginfo import NoVmlinux
from pycrash.fleet.facts import Cause, packed

#: Seconds after its limit when a reader ends by itself, should its parent be gone.
GRACE = 5


def main() -> None:
    """Read the job, then the dump, and tell what came of it."""
    with open(0, "rb") as given:
        job = json.loads(given.read())
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # whatever a library prints is no answer
    _limit(job["seconds"], job["memory"])
    with answers:
        json.dump({**_answer(job), "memory": peak_memory()}, answers)


def _limit(seconds: float, memory: int) -> None:
    """A file that is mapped costs nothing: only memory of the process's own is limited."""
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(math.ceil(seconds) + GRACE)


def _answer(job: dict[str, Any]) -> dict[str, Any]:
    module, _, function = job["reader"].partition(":")
    try:
        read = getattr(import_module(module), function)
        return {
            "facts": json.loads(packed(read([Path(file) for file in job["files"]], job["rung"])))
        }
    except MemoryError:
        return failed("memory", "")
    except NoVmlinux as error:
        return failed("vmlinux", str(error).partition("; tried:")[0])
    except (CrashError, OSError) as error:
        return failed("error", str(error))
    except Exception as error:
        return failed("error", f"internal error: {type(error).__name__}: {error}")


def failed(cause: Cause, why: str) -> dict[str, Any]:
    """The answer of a reader that has no facts."""
    return {"cause": cause, "why": why}


def peak_memory() -> int | None:
    """The most bytes of memory this process held at once (VmHWM), None where nobody counts.

    getrusage would count those of the parent at the fork, too.
    """
    try:
        found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None
