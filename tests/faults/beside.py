"""The same damaged dumps through crash and pycrash: how often each opens, answers, dies, hangs.

    python3 -m tests.faults.beside --crash CRASH [--cases 100] [--seed 1]

Half of the cases have damaged pages, the others damaged headers, bitmaps, descriptors and data.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tabulate import tabulate

from tests.faults import dumpfiles, pages
from tests.golden.sample import arrange

#: Seconds of the clock for all lines of a session.
LIMIT = 120
#: How often a session that died is begun anew behind the line it died at.
_AGAIN = 6
LINES = (
    "sys", "log", "ps", "ps -m", "bt", "bt -a", "foreach bt", "mod", "kmem -i", "kmem -s",
    "kmem -v", "foreach vm", "foreach files", "mount", "net", "runq", "timer", "irq", "dev",
    "dev -d", "swap", "mach", "ipcs", "sig 1", "task 1", "struct task_struct init_task",
    "p runqueues", "rd init_task 64", "sym schedule", "dis schedule", "vtop init_task",
    "list task_struct.tasks -h init_task", "waitq", "set 1", "fuser /", "search deadbeef",
)  # fmt: skip
_MARK = re.compile(r"^@@(\d+)$", re.M)


def answer(tool: Sequence[str], folder: Path) -> Counter[str]:
    """What a program does with a damaged dump: counts of what became of the start and the lines."""
    found: Counter[str] = Counter()
    at, opened = 0, False
    for _ in range(_AGAIN):
        if at >= len(LINES):
            break
        script = "".join(f"!echo @@{n}\n{LINES[n]}\n" for n in range(at, len(LINES)))
        process = subprocess.Popen(
            [*tool, "-s", "vmlinux", "vmcore"],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache")},
            start_new_session=True,
        )
        hung = False
        try:
            said, _ = process.communicate(f"{script}!echo @@{len(LINES)}\nexit\n".encode(), LIMIT)
        except subprocess.TimeoutExpired:
            hung = True
            os.killpg(process.pid, 9)
            said, _ = process.communicate()
        text = said.decode("utf-8", "replace")
        reached = [int(number) for number in _MARK.findall(text)]
        found["internal errors"] += text.count("internal error") + text.count("Traceback (most")
        if not reached:
            kind = "hung at the start" if hung else "refused"
            died = process.returncode < 0 or not text.strip()
            found["died at the start" if died and not hung else kind] += not opened
            break
        opened = True
        found["lines answered"] += reached[-1] - at
        if reached[-1] == len(LINES):
            break
        found["lines hung" if hung else "lines died of"] += 1
        at = reached[-1] + 1
    found["opened"] = int(opened)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tests.faults.beside", description=__doc__)
    parser.add_argument("--crash", required=True)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(arguments)
    tools = {"crash": [args.crash], "pycrash": [sys.executable, "-m", "pycrash"]}
    totals: dict[str, Counter[str]] = {name: Counter() for name in tools}
    with tempfile.TemporaryDirectory(prefix="pycrash-beside-") as name:
        folder = Path(name)
        arrange(folder)
        dump = dumpfiles.KdumpBytes((folder / "vmcore").read_bytes())
        (folder / "vmcore").unlink()
        for number in range(args.cases):
            chance = random.Random(f"{args.seed} beside {number}")
            if number % 2:
                content, told = pages.damaged(dump, chance, number // 2)
            else:  # packed dumps are none of crash's
                content, told = dumpfiles.damaged(dump, chance, number // 2 % 6)
            (folder / "vmcore").write_bytes(content)
            for tool, command in tools.items():
                one = answer(command, folder)
                totals[tool] += one
                print(number, tool, told[:2], dict(one), flush=True)
    heads = (
        "opened",
        "refused",
        "died at the start",
        "hung at the start",
        "lines answered",
        "lines died of",
        "lines hung",
        "internal errors",
    )
    rows = [(name, *(counts[head] for head in heads)) for name, counts in totals.items()]
    print(tabulate(rows, ("", *heads), tablefmt="github"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
