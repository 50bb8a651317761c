"""A reader of made-up dumps, which does what they say: answers, fails, hangs, dies, eats memory.

It runs in the readers' processes.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pycrash.errors import CrashError
from pycrash.files.debuginfo import NoVmlinux
from pycrash.fleet.facts import Facts, Rung, unpacked_facts

READER = f"{__name__}:read"
#: What the first bytes of a kdump file are.
_MAGIC = b"KDUMP   "


def dump(path: Path, diary: Path, facts: Facts, **does: str) -> Path:
    """Make up a dump: what it says, what reading it does on a rung of the ladder, and where it is
    written down that it was read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"facts": asdict(facts), "does": does, "diary": str(diary)}
    path.write_bytes(_MAGIC + json.dumps(content).encode())
    return path


def read(files: Sequence[Path], rung: Rung) -> Facts:
    (path,) = files
    content: dict[str, Any] = json.loads(path.read_bytes()[len(_MAGIC) :])
    with open(content["diary"], "a") as diary:
        diary.write(f"{path.name} {rung}\n")
    does = content["does"].get(rung, "answer")
    if does == "hang":
        time.sleep(600)
    elif does == "die":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif does == "leave":
        os._exit(3)
    elif does == "eat":
        bytearray(1 << 40)
    elif does == "lose":
        raise NoVmlinux("namelist argument required; tried: everything")
    elif does == "break":
        raise LookupError("not a word of it")
    elif does != "answer":
        raise CrashError(does)
    return unpacked_facts(content["facts"])
