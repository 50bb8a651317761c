"""Runs cases in bulk and prints what became of them.

    python3 -m tests.faults --cases 3000 --seed 1 [--class structures] [--jobs 2] [--keep FILE]
    python3 -m tests.faults --class structures --seed 1 --only 1234
    python3 -m tests.faults --class structures --files VMLINUX DUMP

The first prints a table of the classes, and each failure with the line that runs its case again;
the second runs one case and shows all of it; the third damages another dump than the sample.
Exit status 0 means that nothing failed.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import sys
import tempfile
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path

from tests.faults.report import Record, failures, record, table


def main(arguments: Sequence[str] | None = None) -> int:
    # The threads that index debug information would not be there in a forked child; read when
    # drgn is loaded.
    os.environ["OMP_NUM_THREADS"] = "1"
    args = _parser().parse_args(arguments)
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    with tempfile.TemporaryDirectory(prefix="pycrash-faults-") as name:
        return _run(args, Path(name))


def _parser() -> argparse.ArgumentParser:
    from tests.faults.cases import CLASSES

    parser = argparse.ArgumentParser(prog="python3 -m tests.faults", description=__doc__)
    parser.add_argument("--cases", type=int, default=100, help="how many, of all classes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--class", dest="one", choices=[*CLASSES], help="only this one")
    parser.add_argument("--only", type=int, help="only the case of this number, all of it shown")
    parser.add_argument("--jobs", type=int, default=2, help="how many cases at a time")
    parser.add_argument("--debug", action="store_true", help="show where internal errors are")
    parser.add_argument("--each", type=int, default=6, help="lines of so many commands a case")
    parser.add_argument("--files", type=Path, nargs=2, metavar=("VMLINUX", "DUMP"), default=())
    parser.add_argument("--keep", type=Path, help="write each case as a line of JSON there")
    parser.add_argument("--resume", action="store_true", help="run what --keep does not have yet")
    return parser


def _run(args: argparse.Namespace, folder: Path) -> int:
    from tests.faults.cases import CLASSES, make_world, sound

    world = make_world(args.seed, folder, args.files)
    world.debug, world.each = args.debug, args.each
    world.prepare()
    if args.only is not None:
        report = CLASSES[args.one or "structures"][0](world, args.only)
        print("\n".join(report.told))
        for line, answer in report.outcome.answers.items():
            print(f"--- {line}\n{answer}")
        print(report.outcome.status, report.terminal)
        print(*(f"{t.kind}: {t.line}: {t.seen[-3000:]}" for t in report.outcome.troubles), sep="\n")
        return int(bool(report.outcome.troubles))
    whole = sound(world, [*world.pool.all])
    world.pool.slow = {line for line, cost in whole.costs.items() if cost > 3}
    # What floods the undamaged dump (`search -h 0`) says nothing of a damaged one either.
    world.pool.slow |= {trouble.line for trouble in whole.troubles if trouble.kind == "flood"}
    for trouble in whole.troubles:
        print(f"on the whole dump: {trouble.kind}: {trouble.line}: {trouble.seen[-300:]}")
    names = [args.one] if args.one else [*CLASSES]
    total = sum(CLASSES[name][1] for name in names)
    cases = [
        (name, number)
        for name in names
        for number in range(round(args.cases * CLASSES[name][1] / total))
    ]
    random.Random(args.seed).shuffle(cases)  # a run that is broken off has seen all classes
    gc.freeze()
    kept = args.keep or folder / "records"
    if not args.resume:
        kept.write_text("")
    known = {(one.name, one.number) for one in _records(kept)}
    due = [case for case in cases if case not in known]
    workers = [_worker(args, world, due[at :: args.jobs], kept) for at in range(args.jobs)]
    for worker in workers:
        os.waitpid(worker, 0)
    records = _records(kept)
    print(table(records))
    bad = failures(records, args.seed)
    print(*bad, sep="\n")
    print(f"{len(world.pool.slow)} lines that take over 3 s on the whole dump were left out")
    missing = len(cases) - len(records)
    if missing:
        print(f"{missing} cases have no record: a worker ended early")
    return int(bool(bad) or missing > 0 or any(t.kind != "flood" for t in whole.troubles))


def _records(kept: Path) -> list[Record]:
    return [Record(**json.loads(line)) for line in kept.read_text().splitlines()]


def _worker(
    args: argparse.Namespace, world: object, cases: Sequence[tuple[str, int]], kept: Path
) -> int:
    """A process that runs some of the cases and adds their records to a file."""
    from tests.faults.cases import CLASSES, World

    assert isinstance(world, World)
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        with open(kept, "a") as file:
            for name, number in cases:
                try:
                    report = CLASSES[name][0](world, number)
                except Exception:  # of the injector's own
                    print(f"{name} {number}:\n{traceback.format_exc()}", flush=True)
                    continue
                file.write(json.dumps(vars(record(report))) + "\n")
                file.flush()
        status = 0
    finally:
        os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
