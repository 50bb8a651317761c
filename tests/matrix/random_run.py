"""Makes lines by chance for a dump, and gets the answers of a program to them."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from pycrash.shell.options import parse_options
from pycrash.shell.start import open_session
from tests.matrix.compare import run_lines
from tests.matrix.random_lines import Maker, RandomLine
from tests.matrix.samples import Found

#: crash's commands, one a line, each with its options.
OF_CRASH = Path(__file__).parent.parent / "golden" / "options.txt"
#: Seconds that a line may take; what takes longer is taken for endless.
LIMIT = 120
#: Of a longer answer only the beginning is kept, and a digest of all of it.
_LONG = 100_000
_HISTORY = re.compile(r"(^|= )\$\d+ = ", re.M)

#: A line's answer, None where the program died of it or hung.
Answers = dict[str, str | None]


def made_lines(
    folder: Path, count: int, seed: int, commands: Collection[str] = ()
) -> list[RandomLine]:
    """Lines for the dump in a folder, of all commands that crash has or only of some."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        session = open_session(parse_options(["-s", "vmlinux", "vmcore"]))
        found = Found(session.context, str(seed))
        theirs = {line.split()[0] for line in OF_CRASH.read_text().splitlines()}
        return Maker(session.registry, found, seed).lines(count, commands or theirs)
    finally:
        os.chdir(before)


def answers(
    tool: Sequence[str], lines: Sequence[RandomLine], folder: Path, kept: Path | None = None
) -> Answers:
    """What a program says to lines, each in a session put back as it was by those behind it.

    In the file `kept` are answers of before, which hold while the dump is the same.
    """
    known: Answers = {}
    if kept and kept.exists() and kept.stat().st_mtime > (folder / "vmcore").stat().st_mtime:
        known = json.loads(gzip.decompress(kept.read_bytes()))
    new = [line for line in lines if line.text not in known]
    if new:
        known |= _asked(tool, new, folder)
        if kept:
            kept.write_bytes(gzip.compress(json.dumps(known).encode(), 6))
    return {line.text: known[line.text] for line in lines}


def _asked(tool: Sequence[str], lines: Sequence[RandomLine], folder: Path) -> Answers:
    script = [text for line in lines for text in (line.text, *line.after)]
    run = run_lines(tool, script, folder, LIMIT)
    died, found, at = set(run.died), Answers(), 0
    for line in lines:
        answer = run.answers[at]
        found[line.text] = None if at in died or answer is None else even(answer)
        at += 1 + len(line.after)
    return found


def even(answer: str) -> str:
    """An answer without what other lines of its session decide, and short.

    Its last newline does not count: crash forgets it behind a whole union (differences.md).
    """
    text = _HISTORY.sub(r"\1$ = ", answer).removesuffix("\n")
    if len(text) <= _LONG:
        return text
    return f"{text[:_LONG]}\n(all of it: {hashlib.sha256(text.encode()).hexdigest()})"
