"""Compares `dis` of functions chosen by chance, line by line, with crash 9.0.2.

    python3 -m tests.matrix.functions                          5,000 functions on 6.1 and 6.12
    python3 -m tests.matrix.functions --dumps 5.10 --count 300 --seed 7 --flags=-l --show 20

A seed names the same functions each time; crash's answers stay in .matrix/.
"""

from __future__ import annotations

import argparse
import collections
import difflib
import random
import re
from pathlib import Path

from tests.matrix.__main__ import folder_of, oracle, pycrash
from tests.matrix.compare import Run, run_lines

_FUNCTION = re.compile(r"^([0-9a-f]{16}) \([tT]\) ", re.M)
#: The head of an instruction's line: what differs behind it is counted by its first word.
_HEAD = re.compile(r"^0x[0-9a-f]+ <[^>]*>:\t")
#: Seconds that one function may take.
LIMIT = 120


def lines_for(folder: Path, crash: list[str], count: int, seed: int, flags: str) -> list[str]:
    """A `dis` line for each of some functions of the kernel and of its modules."""
    (symbols,) = run_lines(crash, ["sym -l"], folder, LIMIT).answers
    addresses = sorted(set(_FUNCTION.findall(symbols or "")))
    chosen = random.Random(seed).sample(addresses, min(count, len(addresses)))
    return [f"dis {flags} {address}".replace("  ", " ") for address in chosen]


def answers_of_crash(folder: Path, count: int, seed: int, flags: str) -> Run:
    """What crash says, kept: its functions take a minute."""
    kept = folder / f"functions{flags}-{count}-{seed}.json"
    if kept.exists() and kept.stat().st_mtime > (folder / "vmcore").stat().st_mtime:
        return Run.load(kept)
    crash = [str(oracle()), "-s", "vmlinux", "vmcore"]
    run = run_lines(crash, lines_for(folder, crash, count, seed, flags), folder, LIMIT)
    run.save(kept)
    return run


def compare(name: str, count: int, seed: int, flags: str, show: int) -> None:
    """Print how many lines of a dump's functions are the same, and the first that are not."""
    folder = folder_of(name)
    want = answers_of_crash(folder, count, seed, flags)
    got = run_lines(pycrash(), want.lines, folder, LIMIT)
    same = total = whole = 0
    kinds: collections.Counter[str] = collections.Counter()
    shown: list[str] = []
    for line, expected, answer in zip(want.lines, want.answers, got.answers, strict=True):
        if expected is None:
            continue
        ours, theirs = (answer or "").splitlines(), expected.splitlines()
        matcher = difflib.SequenceMatcher(None, theirs, ours, autojunk=False)
        blocks = [(0, 0, len(theirs))] if ours == theirs else matcher.get_matching_blocks()
        equal = sum(block[2] for block in blocks)
        same, total, whole = same + equal, total + max(len(theirs), len(ours)), whole + 1
        if ours == theirs:
            continue
        shown.append(f"=== {line}")
        for text in difflib.unified_diff(theirs, ours, "crash", "pycrash", lineterm="", n=0):
            if not text.startswith(("---", "+++", "@@")):
                shown.append(text)
                if text.startswith("-"):
                    kinds[(_HEAD.sub("", text[1:]).split() or [""])[0]] += 1
    print(f"{name}: {same} of {total} lines of {whole} functions: {100 * same / total:.3f} %")
    times = [(sum(filter(None, run.seconds))) for run in (want, got)]
    print(f"    seconds: crash {times[0]:.1f}, pycrash {times[1]:.1f}")
    print("   ", ", ".join(f"{kind} {number}" for kind, number in kinds.most_common(20)))
    print("\n".join(shown[:show]))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dumps", default="6.1,6.12")
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--flags", default="", help="of dis, as in --flags=-l")
    parser.add_argument("--show", type=int, default=0, help="how many lines that differ")
    options = parser.parse_args()
    for name in options.dumps.split(","):
        compare(name, options.count, options.seed, options.flags, options.show)


if __name__ == "__main__":
    main()
