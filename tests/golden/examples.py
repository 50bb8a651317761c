"""What pycrash answers to the examples of its help pages on the sample dump, as they show it.

python3 -m tests.golden.examples writes commands/answers.txt anew.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pycrash.api.recorded import FILE, shortened, written
from pycrash.api.registry import Registry
from tests.golden.sample import arrange
from tests.matrix.compare import run_lines

ROOT = Path(__file__).resolve().parent.parent.parent
ANSWERS = ROOT / "commands" / FILE
#: These end with the session, or never.
LEFT_OUT = {"repeat -5 ls"}
#: Each example is answered as by a session that has just begun.
BETWEEN = ("set -p", "set radix 10")
#: Nothing of them is left to the lines behind.
BEHIND = ("extend -u names.py", "!rm -f core.* *.html")


def examples() -> list[str]:
    """The examples of all pages that have an answer, in the order of their commands."""
    found = dict.fromkeys(line for command in Registry() for _, line in command.examples)
    return [line for line in found if line not in LEFT_OUT]


def lines() -> list[str]:
    """What a session is given to answer them all."""
    return [word for line in examples() for word in (line, *BETWEEN)] + [*BEHIND]


def prepare(folder: Path) -> None:
    """Put into a folder what examples name: the sample's files, and CONTRIBUTING.md's plugin."""
    arrange(folder)
    found = re.search(
        r"^```python\n(.*?)^```$", (ROOT / "CONTRIBUTING.md").read_text(), re.M | re.S
    )
    assert found is not None
    (folder / "names.py").write_text(found[1])


def shown(answers: Sequence[str | None]) -> dict[str, list[str]]:
    """Example to what its page shows, of the answers to `lines()`."""
    first = answers[: -len(BEHIND) : 1 + len(BETWEEN)]
    # Values are counted through a session.
    once = (re.sub(r"(^|= )\$\d+ = ", r"\1$1 = ", answer or "") for answer in first)
    return {line: list(shortened(answer)) for line, answer in zip(examples(), once, strict=True)}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        tool = [sys.executable, "-m", "pycrash", "-s", "vmlinux", "vmcore"]
        run = run_lines(tool, lines(), folder, limit=120)
    ANSWERS.write_text(written(shown(run.answers)))


if __name__ == "__main__":
    main()
