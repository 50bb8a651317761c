"""Records options.txt: crash's words, each with the option letters that its help page names.

python3 -m tests.golden.options CRASH
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from pycrash.api.registry import CRASH_WORDS

FILE = Path(__file__).with_name("options.txt")


def recorded() -> dict[str, str]:
    """Each word of crash with its letters."""
    lines = FILE.read_text().splitlines()
    return {word: letters for word, _, letters in (line.partition(" ") for line in lines)}


def letters(page: str) -> set[str]:
    """The option letters of a help page: of its synopsis, and of its paragraphs."""
    synopsis, _, rest = page.partition("SYNOPSIS\n")[2].partition("\nDESCRIPTION\n")
    paragraphs = re.split(r"^[A-Z]+$", rest, maxsplit=1, flags=re.MULTILINE)[0]
    # Letters stand joined behind one dash; of -16 only the 1 is an option.
    joined = re.findall(r"(?<![\w-])-([A-Za-z]+|\d)", synopsis)
    behind_bars = re.findall(r"(?<=\|)([A-Za-z])(?=[|\]])", synopsis)
    headed = re.findall(r"^ +-([A-Za-z\d])(?:[ =]|$)", paragraphs, re.MULTILINE)
    return {*"".join(joined), *behind_bars, *headed}


def main() -> None:
    lines = []
    for word in sorted(CRASH_WORDS):
        asked = subprocess.run([sys.argv[1], "-h", word], capture_output=True, text=True)
        lines.append(f"{word} {''.join(sorted(letters(asked.stdout)))}".rstrip())
    FILE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
