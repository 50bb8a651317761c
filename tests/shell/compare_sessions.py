"""Records what crash prints for the sessions of sessions.py, and compares another program.

compare_sessions.py record  'crash VMLINUX VMCORE'
compare_sessions.py check 'pycrash VMLINUX VMCORE' [NAME ...]

`record` writes recorded.json beside this file; `check` exits with 1 where anything differs:
standard output, standard error or the exit status.
"""

from __future__ import annotations

import difflib
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from tests.shell.sessions import SESSIONS, Batch

RECORDED = Path(__file__).parent / "recorded.json"

#: Seconds until a session counts as hung.
LIMIT = 40
PROMPT = "crash> "


def run(tool: Sequence[str], batch: Batch) -> dict[str, Any]:
    """One session through one program, in a fresh folder."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "home").mkdir()
        for name, text in batch.files.items():
            (Path(folder) / name).write_text(text)
        environment = {**os.environ, "HOME": f"{folder}/home", "TERM": "dumb", "LC_ALL": "C.UTF-8"}
        try:
            done = subprocess.run(
                [tool[0], *batch.options, *tool[1:]],
                input=batch.stdin,
                capture_output=True,
                text=True,
                cwd=folder,
                env=environment,
                timeout=LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            out, err = ((s or b"").decode() for s in (late.stdout, late.stderr))
            return {"stdout": out, "stderr": err, "status": "hung"}
    # A banner holds what the dump and the program are; the session begins at the first prompt.
    out = done.stdout if "-s" in batch.options else done.stdout[done.stdout.find(PROMPT) :]
    return {"stdout": out, "stderr": done.stderr, "status": done.returncode}


def differences(want: dict[str, Any], got: dict[str, Any]) -> Iterator[str]:
    """Unified diffs of what differs between two runs."""
    if want["status"] != got["status"]:
        yield f"status {want['status']}, not {got['status']}"
    for stream in ("stdout", "stderr"):
        yield from difflib.unified_diff(
            want[stream].splitlines(),
            got[stream].splitlines(),
            f"crash {stream}",
            f"other {stream}",
            lineterm="",
        )
        if want[stream] != got[stream] and want[stream].rstrip("\n") == got[stream].rstrip("\n"):
            yield f"{stream}: the newlines at its end differ"


def main(verb: str, tool: str, *names: str) -> int:
    words = shlex.split(tool)
    chosen = [s for s in SESSIONS if not names or s.name in names]
    if verb == "record":
        known = json.loads(RECORDED.read_text()) if RECORDED.exists() and names else {}
        for batch in chosen:
            known[batch.name] = run(words, batch)
            RECORDED.write_text(json.dumps(known, indent=1) + "\n")
        return 0
    recorded = json.loads(RECORDED.read_text())
    wrong = 0
    for batch in chosen:
        found = list(differences(recorded[batch.name], run(words, batch)))
        if found:
            wrong += 1
            print(f"=== {batch.name}", *found, sep="\n")
    print(f"{len(chosen) - wrong} of {len(chosen)} sessions identical")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
