"""Records the golden files: what crash 9.0.2 answers to lines.txt on the sample dump.

    python3 -m tests.golden.record [--crash PROGRAM] [--vmlinux FILE]

The program is fetched from Debian if none is named. FILE may be the vmlinux that make-kernel
leaves before it runs dwz: crash's answers are the same and some come sooner.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.golden import answers
from tests.golden.sample import arrange
from tests.matrix.compare import command_of, fill, read_lines, run_lines, variables

ROOT = Path(__file__).resolve().parent.parent.parent


def file_of(line: str) -> str:
    """The golden file of a line: its command's, or the one of words that are no commands."""
    command = command_of(line)
    return command if (ROOT / "commands" / f"{command}.py").exists() else "no-command"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--crash", type=Path)
    parser.add_argument("--vmlinux", type=Path)
    options = parser.parse_args()
    if options.crash is None:
        from tests.matrix.__main__ import oracle

        options.crash = oracle()
    tool = [str(options.crash.resolve()), "-s", "vmlinux", "vmcore"]
    source = answers.FOLDER / "lines.txt"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arrange(folder, options.vmlinux)
        known = variables(source, tool, folder)
        lines = []
        for raw in read_lines(source):
            line = fill(raw, known)
            if line is None:
                sys.exit(f"not resolved: {raw}")
            lines.append(line)
        run = run_lines(tool, lines, folder)
    if run.died:
        sys.exit(f"crash died at {[lines[n] for n in run.died]}: leave these out")
    answers.write(
        (file_of(line), answers.Entry(number, line, answer or ""))
        for number, (line, answer) in enumerate(zip(lines, run.answers, strict=True))
    )
    print(f"{len(lines)} lines recorded")


if __name__ == "__main__":
    main()
