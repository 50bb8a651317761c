"""Kernels brought down in every way that QEMU allows, and what `triage` says of each.

    python3 -m tests.matrix.lab                all of them
    python3 -m tests.matrix.lab null locks     those alone

What is missing is made as the matrix does it, a minute a dump; it stays in .matrix/lab/.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.matrix import debian
from tests.matrix.__main__ import DUMPS, MAKE, WORK, fetched, make_vmlinux, pycrash

#: A guest that is small, and large enough for all of the ways.
GUEST = {"MEM": "512M", "CRASHK": "200M", "CPUS": "2", "LIMIT": "170"}
#: One way to go down in each function of the module that bears the blame.
CULPRIT = "lab_culprit"


@dataclass(frozen=True)
class Way:
    """One dump: how the guest is brought down (make-dump's HOW), with what settings; the class
    that triage is to name, and the function, None where nobody is to blame. `dump` names the one
    of the matrix whose kernel it is; modules for 6.12 want a newer machine than this one may be.
    """

    how: str
    verdict: str
    culprit: str | None = CULPRIT
    settings: tuple[tuple[str, str], ...] = ()
    dump: str = "6.1"

    @property
    def environment(self) -> dict[str, str]:
        """What make-dump is told."""
        return {**os.environ, **GUEST, **dict(self.settings)}


def _sysctl(text: str) -> tuple[tuple[str, str], ...]:
    return (("SYSCTL", text),)


def _way(text: str) -> tuple[tuple[str, str], ...]:
    return (("WAY", text),)


_SOFT = _sysctl("kernel.watchdog_thresh=2 kernel.softlockup_panic=1")
_STALL = (
    *_sysctl("kernel.panic_on_rcu_stall=1 kernel.soft_watchdog=0"),
    ("APPEND", "rcupdate.rcu_cpu_stall_timeout=4"),
)
#: A kernel that is not of the cloud is larger.
_LARGE = (("MEM", "768M"), ("CRASHK", "320M"))
WAYS = {
    "null": Way("null", "null-pointer"),
    "call": Way("call", "null-pointer"),
    "irq": Way("irq", "null-pointer"),
    "work": Way("work", "null-pointer"),
    "wild": Way("wild", "bad-pointer"),
    "noexec": Way("noexec", "bad-pointer"),
    "readonly": Way("readonly", "bad-pointer"),
    "user": Way("user", "bad-pointer"),
    "crooked": Way("crooked", "general-protection"),
    "poison": Way("poison", "use-after-free", settings=(("APPEND", "slub_debug=P"),)),
    "listpoison": Way("listpoison", "use-after-free"),
    "list": Way("list", "list-corruption"),
    "doublefree": Way("doublefree", "slab-corruption"),
    "bug": Way("bug", "bug"),
    "divide": Way("divide", "divide-error"),
    "overflow": Way("overflow", "stack-overflow", "lab_recurse"),
    "smash": Way("smash", "stack-smash"),
    "usercopy": Way("usercopy", "usercopy"),
    "panic": Way("panic", "panic"),
    "warn": Way("warn", "panic-on-warn", settings=_sysctl("kernel.panic_on_warn=1")),
    "init": Way("init", "init-killed", None),
    "exit": Way("exit", "init-killed", None),
    "hung": Way(
        "hung",
        "deadlock",
        "dead_one",
        _sysctl("kernel.hung_task_timeout_secs=5 kernel.hung_task_panic=1"),
    ),
    "soft": Way("soft", "soft-lockup", settings=_SOFT),
    "spindead": Way("spindead", "soft-lockup", settings=_SOFT),
    "rcu": Way("rcu", "rcu-stall", settings=_STALL),
    "oom": Way("oom", "out-of-memory", None, _sysctl("vm.panic_on_oom=1")),
    "nmi": Way("nmi", "nmi", None, _sysctl("kernel.unknown_nmi_panic=1")),
    "locks": Way("sysrq", "sysrq", None, _way("locks")),
    "deadlock": Way("sysrq", "sysrq", None, _way("deadlock")),
    "live": Way("qemu-elf", "alive", None),
    "b-null": Way("null", "null-pointer", dump="5.10"),
    "b-list": Way("list", "list-corruption", dump="5.10"),
    "b-soft": Way("soft", "soft-lockup", settings=_SOFT, dump="5.10"),
    "b-bug": Way("bug", "bug", dump="5.10"),
    "b-oom": Way("oom", "out-of-memory", None, _sysctl("vm.panic_on_oom=1"), dump="5.10"),
    "b-locks": Way("sysrq", "sysrq", None, _way("locks"), dump="5.10"),
    "r-locks": Way("sysrq", "sysrq", None, (*_way("locks"), *_LARGE), dump="rt-6.1"),
    "r-null": Way("null", "null-pointer", settings=_LARGE, dump="rt-6.1"),
}


def folder_of(name: str) -> Path:
    """A folder with `vmlinux` and `vmcore` of a way, made if need be."""
    way = WAYS[name]
    folder = WORK / "lab" / name
    core, link = folder / "vmcore", folder / "vmlinux"
    if not (core.exists() and core.stat().st_size):
        folder.mkdir(parents=True, exist_ok=True)
        dump = DUMPS[way.dump]
        link.unlink(missing_ok=True)
        link.symlink_to(make_vmlinux(dump))
        environment = way.environment
        environment["MAKEDUMPFILE"] = str(fetched("makedumpfile").parent)
        command = [MAKE / "make-dump", core, way.how, dump.tree, build_module(way.dump)]
        subprocess.run(list(map(str, command)), env=environment, check=False)
    return folder


def build_module(name: str) -> Path:
    """lab.ko for the kernel of a dump of the matrix."""
    dump = DUMPS[name]
    folder = WORK / "lab" / f"mod-{dump.stem}"
    module = folder / "lab.ko"
    if not module.exists():
        release = make_vmlinux(dump).name.removeprefix("vmlinux-")
        source = debian.headers(dump.suite, WORK / f"hdr{dump.stem}", release)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "lab.c").write_bytes((MAKE / "lab.c").read_bytes())
        # A call in the last place would else leave no frame of the function that is to blame.
        flags = "ccflags-y := -fno-optimize-sibling-calls"
        (folder / "Makefile").write_text(f"obj-m := lab.o\n{flags}\n")
        command = ["make", "-s", "-C", str(source), f"M={folder}", "CC=gcc", "modules"]
        subprocess.run(command, check=True)
    return module


def said(folder: Path) -> tuple[str, str | None, bool]:
    """The class that triage names, the culprit, and whether the class is certain."""
    run = subprocess.run(
        pycrash(), cwd=folder, input="triage --json\n", capture_output=True, text=True, check=False
    )
    rows = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    by_kind = {row["kind"]: row for row in rows}
    verdict = by_kind.get("triage.verdict", {})
    culprit = by_kind.get("triage.culprit", {}).get("symbol")
    return verdict.get("name", run.stdout), culprit, bool(verdict.get("certain"))


def right(way: Way, name: str, culprit: str | None) -> bool:
    """Whether that is what brought the guest down; a compiler adds to a function's name."""
    bare = None if culprit is None else culprit.partition(".")[0]
    return (name, bare) == (way.verdict, way.culprit)


def main() -> None:
    names = sys.argv[1:] or list(WAYS)
    good = 0
    for name in names:
        folder = folder_of(name)
        if not (folder / "vmcore").exists():
            print(f"{name}: no dump could be made; see {folder}/vmcore.console")
            continue
        verdict, culprit, certain = said(folder)
        good += right(WAYS[name], verdict, culprit)
        mark = "  " if right(WAYS[name], verdict, culprit) else "NO"
        print(f"{mark} {name:12} {verdict:20} {culprit or '-':24} {'' if certain else 'likely'}")
    print(f"{good}/{len(names)} right")


if __name__ == "__main__":
    main()
