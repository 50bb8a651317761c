"""The class of crash that a log tells: messages as kernels of several versions write them."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pycrash.kernel.tasks.panic import Panic
from pycrash.triage.evidence import LogLine
from pycrash.triage.rule import Stage
from pycrash.triage.rules import RULES
from pycrash.triage.verdict import Judge
from tests.kernel.fake_kernel import FakeKernel
from tests.triage.table import DOCS, rows

TRACE = (
    "CPU: 1 PID: 77 Comm: insmod Tainted: G           O",
    "RIP: 0010:f+0x5/0x10",
    "Call Trace:",
)


def judged(*lines: str, registers: dict[str, int] | None = None, panic_cpu: int = 0) -> Judge:
    """A judge of a dump that has nothing but a log, and the registers of an exception."""
    fake = FakeKernel()
    fake.give(Panic, SimpleNamespace(task=0, active={}))
    fake.symbol("panic_cpu", 0x1000, 4)
    fake.write(0x1000, "I", panic_cpu)
    judge = Judge(fake.kernel)
    vars(judge.evidence).update(
        log=[LogLine(n, line) for n, line in enumerate(lines)], task=None, trace=[]
    )
    exception: Any = None if registers is None else SimpleNamespace(values=registers)
    vars(judge.evidence)["exception"] = exception
    return judge


def named(*lines: str, registers: dict[str, int] | None = None) -> str:
    return judged(*lines, registers=registers).verdict.rule.name


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("BUG: kernel NULL pointer dereference, address: 0000000000000010", "null-pointer"),
        (
            "BUG: unable to handle kernel NULL pointer dereference at 0000000000000008",
            "null-pointer",
        ),
        (
            "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000010",
            "null-pointer",
        ),
        ("BUG: unable to handle page fault for address: ffffc12345678000", "bad-pointer"),
        ("BUG: unable to handle kernel paging request at ffffc12345678000", "bad-pointer"),
        (
            "Unable to handle kernel paging request at virtual address ffff800012345678",
            "bad-pointer",
        ),
        (
            "general protection fault, probably for non-canonical address 0x5a17c0de5a17c0de: "
            "0000 [#1] SMP",
            "general-protection",
        ),
        ("general protection fault: 0000 [#1] SMP PTI", "general-protection"),
        ("kernel BUG at fs/ext4/inode.c:2721!", "bug"),
        ("kernel BUG at mm/slub.c:419!", "slab-corruption"),
        ("divide error: 0000 [#1] SMP", "divide-error"),
        ("invalid opcode: 0000 [#1] SMP", "invalid-opcode"),
        ("double fault: 0000 [#1] SMP", "double-fault"),
        ("stack segment: 0000 [#1] SMP", "trap"),
        ("BUG: stack guard page was hit at 00000000f5a3 (stack is 0000..0000)", "stack-overflow"),
        (
            "BUG: TASK stack guard page was hit at ffffc9 (stack is ffffc9..ffffca)",
            "stack-overflow",
        ),
        ("Insufficient stack space to handle exception!", "stack-overflow"),
        ("Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b", "init-killed"),
        ("Kernel panic - not syncing: hung_task: blocked tasks", "hung-task"),
        ("Kernel panic - not syncing: softlockup: hung tasks", "soft-lockup"),
        ("Kernel panic - not syncing: Hard LOCKUP", "hard-lockup"),
        ("Kernel panic - not syncing: RCU Stall", "rcu-stall"),
        (
            "Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled",
            "out-of-memory",
        ),
        ("Kernel panic - not syncing: System is deadlocked on memory", "out-of-memory"),
        ("Kernel panic - not syncing: Fatal machine check", "machine-check"),
        ("Kernel panic - not syncing: NMI: Not continuing", "nmi"),
        (
            "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)",
            "root-file-system",
        ),
        (
            "Kernel panic - not syncing: No working init found.  Try passing init=",
            "root-file-system",
        ),
        (
            "Kernel panic - not syncing: EXT4-fs (device vda): panic forced after error",
            "file-system",
        ),
        ("Kernel panic - not syncing: Oopsed too often (kernel.oops_limit is 1)", "oops-limit"),
        ("Kernel panic - not syncing: kernel: panic_on_warn set ...", "panic-on-warn"),
        ("Kernel panic - not syncing: panic_on_taint set ...", "panic-on-taint"),
        (
            "Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: f+0x5/0x8",
            "stack-smash",
        ),
        ("Kernel panic - not syncing: sysrq triggered crash", "sysrq"),
        ("Kernel panic - not syncing: my driver gives up", "panic"),
    ],
)
def test_one_message(line: str, name: str) -> None:
    assert named("Linux version 6.1", line, *TRACE) == name


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        # SysRq, as it provoked a fault until 5.x and panics since.
        (
            (
                "SysRq : Trigger a crash",
                "BUG: unable to handle kernel NULL pointer dereference at 0000000000000000",
            ),
            "sysrq",
        ),
        (
            ("sysrq: Trigger a crash", "Kernel panic - not syncing: sysrq triggered crash"),
            "sysrq",
        ),
        # The first oops decides, not the last words.
        (
            (
                "BUG: kernel NULL pointer dereference, address: 0000000000000010",
                *TRACE,
                "kernel BUG at mm/x.c:3!",
                "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009",
            ),
            "null-pointer",
        ),
        # What the kernel lives on with decides nothing.
        (
            (
                "WARNING: CPU: 0 PID: 1 at kernel/x.c:5 f+0x1/0x2",
                "INFO: task x:5 blocked for more than 120 seconds.",
                "divide error: 0000 [#1] SMP",
            ),
            "divide-error",
        ),
        # The report of damage explains the fault behind it.
        (
            (
                "list_del corruption. next->prev should be ff1a, but was ffff",
                "kernel BUG at lib/list_debug.c:62!",
            ),
            "list-corruption",
        ),
        (
            (
                "usercopy: Kernel memory exposure attempt detected from SLUB object 'kmalloc-96'",
                "kernel BUG at mm/usercopy.c:101!",
            ),
            "usercopy",
        ),
        (
            (
                "BUG: KASAN: slab-use-after-free in f+0x5/0x10",
                "Kernel panic - not syncing: kasan.fault=panic set ...",
            ),
            "kasan",
        ),
        (
            (
                "list_add corruption. prev->next should be next (1), but was 2.",
                "WARNING: CPU: 1 PID: 1 at lib/list_debug.c:28 __list_add_valid+0x3f",
                "Kernel panic - not syncing: kernel: panic_on_warn set ...",
            ),
            "list-corruption",
        ),
        # A report of long ago is not the reason.
        (
            ("list_del corruption. x", *("eth0: up",) * 100, "kernel BUG at fs/x.c:1!"),
            "bug",
        ),
    ],
)
def test_several_messages(lines: tuple[str, ...], name: str) -> None:
    assert named(*lines) == name


FAULT = "general protection fault, probably for non-canonical address {:#x}: 0000 [#1] SMP"


@pytest.mark.parametrize("address", [0x6B6B6B6B6B6B6B73, 0xDEAD000000000108, 0xDEAD000000000122])
def test_patterns_of_freed_memory(address: int) -> None:
    verdict = judged(FAULT.format(address), *TRACE).verdict
    assert verdict.rule.name == "use-after-free"
    assert verdict.certain
    assert f"{address:x}" in verdict.proofs[0].claim


def test_a_pattern_in_a_register() -> None:
    line = "general protection fault: 0000 [#1] SMP"
    assert named(line, registers={"RAX": 0x6B6B6B6B6B6B6B6B, "RBX": 5}) == "use-after-free"
    assert named(line, registers={"RAX": 0x6B6B, "RBX": 0xDEAD000000002000}) == "general-protection"


def test_how_init_ended() -> None:
    words = "Kernel panic - not syncing: Attempted to kill init! exitcode=0x"
    claims = [p.claim for p in judged(words + "0000000b").verdict.proofs]
    assert "init was killed by SIGSEGV (11)" in claims
    claims = [p.claim for p in judged(words + "00000300").verdict.proofs]
    assert "init left by itself with exit status 3" in claims


def test_in_an_interrupt() -> None:
    lines = (
        "divide error: 0000 [#1] SMP",
        "Kernel panic - not syncing: Fatal exception in interrupt",
    )
    assert judged(*lines).verdict.in_interrupt
    assert not judged(lines[0]).verdict.in_interrupt


def test_without_a_word_of_an_end() -> None:
    assert judged("eth0: up", panic_cpu=0xFFFFFFFF).verdict.rule.name == "alive"
    assert judged("eth0: up", panic_cpu=1).verdict.rule.name == "unknown"
    assert judged(panic_cpu=1).verdict.proofs == ()


def test_first_and_last_messages() -> None:
    verdict = judged(
        "WARNING: CPU: 0 PID: 1 at kernel/x.c:5 f+0x1/0x2",
        "divide error: 0000 [#1] SMP",
        "Kernel panic - not syncing: Fatal exception",
    ).verdict
    places = [f.line for f in (verdict.first, verdict.decided, verdict.ended) if f]
    assert places == [0, 1, 2]


def test_a_line_without_an_end_costs_little() -> None:
    assert named("BUG " + "(" * 900 + "a" * 100_000, "divide error: 0000 [#1]") == "divide-error"


def test_what_the_rules_name_exists() -> None:
    names = {rule.name for rule in RULES}
    for rule in RULES:
        assert set(rule.explains) <= names, rule.name
        assert rule.says or rule.check, f"{rule.name} can never hold"
        assert rule.stage in Stage


def test_the_page_of_the_rules_is_true() -> None:
    text = (Path(__file__).parents[2] / DOCS).read_text()
    assert [row for row in rows() if row not in text] == []
    assert len(re.findall(r"^\| `", text, re.MULTILINE)) == len(rows())
