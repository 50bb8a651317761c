"""What the rules leave out of a text, and what they leave in it."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import pytest

from pycrash.report.redact import RULES, Redactor

REDACTOR = Redactor(
    ["crashlab.example", "(none)", ""],
    ["bash", "my prog", "sh", "a.b"],
    "console=ttyS0 quiet panic=10 key=0xdeadbeef1",
)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("crashlab.example and crashlab", "<host> and <host>"),
        ("crashlabs", "crashlabs"),
        ("task bash:7, my prog, shell, sh", "task program-2:7, program-3, shell, program-4"),
        ("console ttyS0, panic=10", "console <parameter>, <parameter>"),
        ("RAX: ffff888000000001 RBX: 0000000000000fff", "RAX: <number> RBX: 0000000000000fff"),
        ("0x1000 0x00001000", "0x1000 <number>"),
        ("f+0x1c/0x40 [mod] drivers/net/tun.c:12", "f+0x1c/0x40 [mod] drivers/net/tun.c:12"),
        ("opened /home/a/b.txt: /x", "opened <path>: <path>"),
        ("Code: 0f 0b 48", "<bytes>"),
        ("x: 6b 6b 6b 6b kkkk", "x: <bytes>"),
        ("52:54:00:12:34:56 10.0.2.15 fe80::1 ::1", "<mac> <ip> <ip> <ip>"),
        ("2001:db8:0:0:0:0:0:1 at 12:30:59", "<ip> at 12:30:59"),
        ("crashme.constprop.0.cold 6.12.117-sample", "crashme.constprop.0.cold 6.12.117-sample"),
        ("nfs: server files.corp.example not", "nfs: server <host> not"),
        ("094ee74f-be9b-4427-87da-2c06c99147f7", "<uuid>"),
        ("by root@buildbox.", "by <user>"),
        ("Kernel panic - not syncing: Fatal", "Kernel panic - not syncing: Fatal"),
        ("cpu_startup_entry at ffffffff81000000", "cpu_startup_entry at <number>"),
        ("</TASK>", "</TASK>"),
    ],
)
def test_texts(text: str, left: str) -> None:
    assert REDACTOR.text(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Command line: root=/dev/x secret", "Command line: <command line>"),
        ("a: Booted with x y", "a: Booted with <command line>"),
        ("Unknown kernel command line parameters x", "<command line>"),
        ("    HOME=/root", "    <argument>"),
        ("audit: type=1 x", "<audit>"),
        ("name \"my file\" 'x' `y'", "name <quoted> <quoted> <quoted>"),
        ("CPU: 0 PID: 5 Comm: gone away Not tainted 6", "CPU: 0 PID: 5 Comm: <name> Not tainted 6"),
        ("CPU: 0 PID: 5 Comm: bash Not tainted 6", "CPU: 0 PID: 5 Comm: program-2 Not tainted 6"),
        ("gone[77]: segfault at 0", "<name>[77]: segfault at 0"),
        ("Killed process 12 (gone) total-vm:1kB", "Killed process 12 (<name>) total-vm:1kB"),
        ("[  123]  1000   123 gone", "<task>"),
        ("one\n    A=b\ntwo", "one\n    <argument>\ntwo"),
    ],
)
def test_messages(text: str, left: str) -> None:
    assert REDACTOR.message(text) == left


def test_names_of_tasks() -> None:
    assert [REDACTOR.name(name) for name in ("bash", "kthreadd")] == ["program-2", "kthreadd"]


def test_without_words() -> None:
    assert Redactor([], []).text("bash on crashlab") == "bash on crashlab"


def test_the_page_of_the_documentation_lists_the_rules() -> None:
    page = " ".join(Path("docs/report.md").read_text().split())
    assert [rule.what for rule in RULES if f"- {rule.what}" not in page] == []


def test_thousands_of_programs_cost_little() -> None:
    redactor = Redactor(["h"], [f"worker-{n}" for n in range(3000)])
    text = "INFO: task worker-2999:17 blocked for more than 120 seconds in here\n" * 2000
    begin = process_time()
    assert "worker" not in redactor.text(text)
    assert process_time() - begin < 3
