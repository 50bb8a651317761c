"""Compares pycrash with crash 9.0.2 on real dumps of several kernels.

    python3 -m tests.matrix                    all of lines.txt on 5.10, 6.1, 6.12 and the sample
    python3 -m tests.matrix --issue 2          only the commands of an issue
    python3 -m tests.matrix --commands bt,ps --dumps sample --show 20
    python3 -m tests.matrix --lines FILE       other lines
    python3 -m tests.matrix --dumps arm-6.1    arm64, where crash takes minutes to start
    python3 -m tests.matrix --random 2000 --seed 1     lines made by chance from the declarations
    python3 -m tests.matrix --perf             both timed on a dump with 10,000 tasks
    python3 -m tests.matrix --perf big         the same on one of 12 GB

What is missing is fetched from Debian and made: crash, makedumpfile, kernels, dumps. All of it
stays in .matrix/, which is not committed, and so do crash's answers while the lines are the same.
Needs, besides what sample_dumps/make/make-dump names: make gcc libelf-dev, to build the module;
for arm64 what make-dump-arm64 names, and qemu-user-static, to run crash.
"""

from __future__ import annotations

import argparse
import collections
import difflib
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pycrash.files.compressed import unpacked
from tests.matrix import debian
from tests.matrix.compare import Run, command_of, fill, read_lines, run_lines, variables

ROOT = Path(__file__).resolve().parent.parent.parent
WORK = ROOT / ".matrix"
LINES = Path(__file__).parent / "lines.txt"
MAKE = ROOT / "sample_dumps" / "make"

#: Issue number to the commands it was about.
ISSUES = {
    "2": "log bt ps sym rd sys mod set help exit q alias repeat foreach",
    "3": "struct union * p px pd whatis list tree gdb",
    "7": "task files vm vtop pte ptov btop ptob sig net fuser ipcs mount runq timer waitq swap",
    "8": (
        "kmem search dis gdb rd wr irq dev mach bpf sbitmapq swap log sys ascii eval rustfilt"
        " alias extend help"
    ),
}
#: What is timed on the crowd dump.
TIMED = [
    *("ps", "ps -m", "ps -G", "foreach bt", "sym -l", "log", "foreach UN bt"),
    *("foreach files", "foreach vm", "foreach net -s", "runq", "timer", "mount"),
    *("kmem -p", "kmem -i", "kmem -f", "kmem -F", "kmem -s", "kmem -S", "search -k deadbeef"),
    *("search -p deadbeef", "dis schedule", "irq", "dev", "kmem -v", "kmem -z"),
]


@dataclass(frozen=True)
class Dump:
    """A dump of the matrix: its file's stem, Debian's suite and series, and how it crashed.

    `format` is the ending of the file among those that are made together; `flavour` is Debian's
    of the kernel.
    """

    stem: str
    suite: str = ""
    series: str = ""
    how: str = "sysrq"
    guest: tuple[tuple[str, str], ...] = ()
    arch: debian.Arch = debian.AMD64
    format: str = ""
    flavour: str = "cloud"

    @property
    def tree(self) -> Path:
        """Where the kernel is unpacked."""
        mark = "" if self.arch == debian.AMD64 else "arm"
        mark += "" if self.flavour == "cloud" else self.flavour
        return WORK / ("k" + mark + self.series.replace(".", ""))

    @property
    def file(self) -> Path:
        """Where the dump is."""
        return WORK / f"{self.stem}.vmcore{self.format}"


ONE = (("CPUS", "1"),)
#: Return addresses on stacks bear a signature.
SIGNED = (*ONE, ("CPU", "max,pauth-impdef=on"))
DUMPS = {
    "5.10": Dump("510", "bullseye", "5.10."),
    "6.1": Dump("61", "bookworm", "6.1.", "null"),
    "6.12": Dump("612", "trixie", "6.12."),
    "sample": Dump("sample"),
    "crowd": Dump(
        "crowd", "trixie", "6.12.", guest=(("CROWD", "10000"), ("MEM", "4G"), ("CRASHK", "512M"))
    ),
    # Three million pages.
    "big": Dump("big", "trixie", "6.12.", guest=(("MEM", "12G"), ("CRASHK", "512M"))),
    # PREEMPT_RT: spin locks are rt_mutexes there.
    "rt-6.1": Dump("rt61", "bookworm", "6.1.", flavour="rt"),
    "arm-6.1": Dump("arm61", "bookworm", "6.1.", arch=debian.ARM64),
    "arm-6.1-z": Dump("arm61", "bookworm", "6.1.", arch=debian.ARM64, format=".z"),
    "arm-6.1-one": Dump("arm61one", "bookworm", "6.1.", guest=ONE, arch=debian.ARM64),
    "arm-6.1-pac": Dump("arm61pac", "bookworm", "6.1.", guest=SIGNED, arch=debian.ARM64),
    "arm-6.1-live": Dump("arm61live", "bookworm", "6.1.", "live", arch=debian.ARM64),
    "arm-6.1-kdump": Dump("arm61kdump", "bookworm", "6.1.", "kdump", arch=debian.ARM64),
    # For addresses of 52 bits; crash 9.0.2 gives up on these, and so does makedumpfile 1.7.8.
    "arm-6.12": Dump("arm612", "trixie", "6.12.", arch=debian.ARM64),
    "arm-6.12-z": Dump("arm612", "trixie", "6.12.", arch=debian.ARM64, format=".z"),
}
#: Seconds that crash may take over its lines: emulated, it starts for minutes.
LIMITS = {debian.AMD64: 300.0, debian.ARM64: 7200.0}


def fetched(name: str, arch: debian.Arch = debian.AMD64) -> Path:
    """The script that runs a program, which is fetched if need be."""
    mark = "" if arch == debian.AMD64 else f"-{arch.name}"
    folder = WORK / (("mdf" if name == "makedumpfile" else name) + mark)
    return folder / name if (folder / name).exists() else debian.program(name, folder, arch)


def oracle(arch: debian.Arch = debian.AMD64) -> Path:
    """The crash program, fetched if need be."""
    return fetched("crash", arch)


def folder_of(name: str) -> Path:
    """A folder with `vmlinux` and `vmcore` of a dump, so that both programs name them alike."""
    dump = DUMPS[name]
    if name == "sample":
        files = (unpacked(ROOT / "sample_dumps" / "vmlinux.xz"), ROOT / "sample_dumps" / "vmcore")
    else:
        files = (make_vmlinux(dump), make_dump(dump))
    folder = WORK / "run" / (dump.stem + dump.format.replace(".", "-"))
    folder.mkdir(parents=True, exist_ok=True)
    for link, file in zip(("vmlinux", "vmcore"), files, strict=True):
        (folder / link).unlink(missing_ok=True)
        (folder / link).symlink_to(file.resolve())
    return folder


def make_vmlinux(dump: Dump) -> Path:
    """The debug vmlinux of a kernel, fetched if need be."""
    if not list(dump.tree.glob("usr/lib/debug/boot/vmlinux-*")):
        debian.kernel(dump.suite, dump.tree, dump.series, dump.arch, dump.flavour)
    return next(dump.tree.glob("usr/lib/debug/boot/vmlinux-*"))


def make_dump(dump: Dump) -> Path:
    """The dump, made if need be. Its kernel must be there."""
    file = dump.file
    if file.exists() and file.stat().st_size:
        return file
    environment = {**os.environ, **dict(dump.guest)}
    if dump.arch == debian.ARM64:
        tools = ["busybox", "kexec", "makedumpfile"] if dump.how == "kdump" else ["busybox"]
        for tool in tools:
            environment[tool.upper()] = str(fetched(tool, dump.arch).parent)
        elf = str(file).removesuffix(dump.format)
        command = [str(MAKE / "make-dump-arm64"), elf, dump.how, str(dump.tree)]
    else:
        environment["MAKEDUMPFILE"] = str(fetched("makedumpfile").parent)
        module = [str(build_module(dump))] if dump.how == "null" else []
        command = [str(MAKE / "make-dump"), str(file), dump.how, str(dump.tree), *module]
    for _ in range(3):  # under emulation a kernel now and then fails to boot
        subprocess.run(command, env=environment, check=False)
        if file.exists() and file.stat().st_size:
            return file
    sys.exit(f"{file}: could not be made; see {file}.console")


def build_module(dump: Dump) -> Path:
    """crashme.ko for a kernel."""
    folder = WORK / f"mod-{dump.stem}"
    module = folder / "crashme.ko"
    if not module.exists():
        release = make_vmlinux(dump).name.removeprefix("vmlinux-")
        source = debian.headers(dump.suite, WORK / f"hdr{dump.stem}", release)
        folder.mkdir(exist_ok=True)
        (folder / "crashme.c").write_bytes((MAKE / "crashme.c").read_bytes())
        (folder / "Makefile").write_text("obj-m := crashme.o\n")
        subprocess.run(["make", "-s", "-C", source, f"M={folder}", "modules"], check=True)
    return module


def answers_of_crash(name: str, folder: Path, file: Path, commands: set[str]) -> Run:
    """What crash says to the lines; kept, since it takes minutes."""
    arch = DUMPS[name].arch
    crash = [str(oracle(arch)), "-s", "vmlinux", "vmcore"]
    known = variables(file, crash, folder, LIMITS[arch])
    lines = [line for raw in read_lines(file, commands) if (line := fill(raw, known))]
    kept = folder / "crash.json"
    if kept.exists():
        run = Run.load(kept)
        if run.lines == lines and kept.stat().st_mtime > (folder / "vmcore").stat().st_mtime:
            return run
    print(f"{name}: crash answers {len(lines)} lines", flush=True)
    run = run_lines(crash, lines, folder, LIMITS[arch])
    run.save(kept)
    return run


def pycrash() -> list[str]:
    return [sys.executable, "-m", "pycrash", "-s", "vmlinux", "vmcore"]


def compare(name: str, file: Path, commands: set[str], show: int) -> dict[str, tuple[int, int]]:
    """Command to (the same, lines) on one dump; prints the first differences."""
    folder = folder_of(name)
    want = answers_of_crash(name, folder, file, commands)
    got = run_lines(pycrash(), want.lines, folder)
    got.save(folder / "pycrash.json")
    for index in got.died:
        print(f"{name}: pycrash died or hung at: {want.lines[index]}")
    return scored(name, zip(want.lines, want.answers, got.answers, strict=True), show)


def scored(
    name: str, answers: Iterable[tuple[str, str | None, str | None]], show: int
) -> dict[str, tuple[int, int]]:
    """Command to (the same, lines), of (line, crash's answer, pycrash's); prints differences."""
    score: dict[str, tuple[int, int]] = {}
    for line, expected, answer in answers:
        if expected is None:
            continue  # crash itself died of it
        equal, lines = score.get(command_of(line), (0, 0))
        score[command_of(line)] = (equal + (expected == answer), lines + 1)
        if expected != answer and show > 0:
            show -= 1
            print_difference(f"{name}: {line}", expected, answer)
    return score


def compare_random(
    name: str, count: int, seed: int, commands: set[str], show: int
) -> dict[str, tuple[int, int]]:
    """The same for so many lines made by chance."""
    from tests.matrix.random_run import answers, made_lines

    folder = folder_of(name)
    lines = made_lines(folder, count, seed, commands)
    crash = [str(oracle()), "-s", "vmlinux", "vmcore"]
    want = answers(crash, lines, folder, folder / "random-crash.json.gz")
    got = answers(pycrash(), [line for line in lines if want[line.text] is not None], folder)
    left = sum(answer is None for answer in want.values())
    print(f"{name}: {len(lines)} lines made, crash died of or hung at {left} of them", flush=True)
    pairs = ((text, want[text], got.get(text)) for text in (line.text for line in lines))
    return scored(name, pairs, show)


def print_difference(title: str, expected: str, answer: str | None) -> None:
    """The first lines in which two answers differ."""
    print(f"=== {title}")
    lines = difflib.unified_diff(
        expected.splitlines(),
        ["(no answer)"] if answer is None else answer.splitlines(),
        "crash",
        "pycrash",
        lineterm="",
        n=1,
    )
    print("\n".join(line[:200] for line in [*lines][:24]))


def print_table(scores: dict[str, dict[str, tuple[int, int]]]) -> None:
    """Commands down, dumps across: how many lines of how many are the same."""
    totals: dict[str, list[int]] = collections.defaultdict(lambda: [0, 0])
    print(f"{'command':12}" + "".join(f"{name:>12}" for name in scores))
    for command in sorted({command for score in scores.values() for command in score}):
        row = f"{command:12}"
        for name, score in scores.items():
            equal, lines = score.get(command, (0, 0))
            totals[name][0] += equal
            totals[name][1] += lines
            row += f"{f'{equal}/{lines}' if lines else '':>12}"
        print(row)
    shares = (f"{100 * equal / (lines or 1):.1f} %" for equal, lines in totals.values())
    print(f"{'all':12}" + "".join(f"{f'{e}/{n}':>12}" for e, n in totals.values()))
    print(f"{'':12}" + "".join(f"{share:>12}" for share in shares))


def time_lines(name: str, lines: list[str]) -> None:
    """Each line twice in a process of its own, both programs in turn, start-up apart."""
    folder = folder_of(name)
    tools = {"crash": [str(oracle()), "-s", "vmlinux", "vmcore"], "pycrash": pycrash()}
    heads = [f"{name} {turn}" for name in tools for turn in ("1st", "2nd")]
    print(f"{'seconds':24}" + "".join(f"{head:>13}" for head in heads))
    for line in ["# the prompt", *lines]:
        row = f"{line:24}"
        for tool in tools.values():
            began = time.monotonic()
            seconds = run_lines(tool, [line, line], folder).seconds
            if line == "# the prompt":
                seconds = [time.monotonic() - began, None]
            row += "".join(f"{'' if one is None else f'{one:.2f}':>13}" for one in seconds)
        print(row, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--issue", choices=ISSUES)
    parser.add_argument("--commands", help="names, with commas between")
    parser.add_argument("--dumps", default="5.10,6.1,6.12,sample", help="of " + ", ".join(DUMPS))
    parser.add_argument("--lines", type=Path, default=LINES)
    parser.add_argument("--show", type=int, default=0, help="how many differences a dump")
    parser.add_argument("--random", type=int, default=0, metavar="N", help="so many by chance")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--perf", choices=DUMPS, nargs="?", const="crowd", metavar="DUMP")
    options = parser.parse_args()
    WORK.mkdir(exist_ok=True)
    if options.perf:
        time_lines(options.perf, TIMED)
        return
    commands = set(ISSUES[options.issue].split()) if options.issue else set()
    commands |= set((options.commands or "").split(",")) - {""}
    scores = {
        name: compare_random(name, options.random, options.seed, commands, options.show)
        if options.random
        else compare(name, options.lines, commands, options.show)
        for name in options.dumps.split(",")
    }
    print_table(scores)


if __name__ == "__main__":
    main()
