"""The golden files: what crash answered to each line, one text file a command.

An entry begins with `crash> LINE`; what follows up to the next entry is the answer, byte for
byte. Where it lacks its last newline the mark below stands in the way of one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
EXPECTED = FOLDER / "expected"
_PROMPT = "crash> "
_CUT = "\\ no newline at the end\n"


@dataclass(frozen=True)
class Entry:
    """A line and crash's answer; `number` is its place in the session."""

    number: int
    line: str
    answer: str


def write(entries: Iterable[tuple[str, Entry]]) -> None:
    """Write (file name, entry) pairs, replacing what was recorded before."""
    EXPECTED.mkdir(exist_ok=True)
    for old in EXPECTED.glob("*.txt"):
        old.unlink()
    for name, entry in entries:
        answer = entry.answer
        if answer and not answer.endswith("\n"):
            answer += "\n" + _CUT
        with open(EXPECTED / f"{name}.txt", "a", newline="") as file:
            file.write(f"{_PROMPT}{entry.number} {entry.line}\n{answer}")


def read() -> list[Entry]:
    """Every entry, in the order of the session."""
    found: list[Entry] = []
    for path in EXPECTED.glob("*.txt"):
        with open(path, newline="") as file:
            found.extend(_parse(file.read()))
    return sorted(found, key=lambda entry: entry.number)


def _parse(text: str) -> Iterator[Entry]:
    parts = re.split(rf"^{_PROMPT}(\d+) (.*)\n", text, flags=re.M)
    for number, line, answer in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        yield Entry(int(number), line, answer.removesuffix("\n" + _CUT))
