"""Secrets planted into the sample dump: a report has them, a redacted one has none of them."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

import drgn
import pytest

from pycrash.dump import Dump
from pycrash.files.compressed import unpacked
from pycrash.kernel.core.layout import Layout
from pycrash.kernel.core.places import Places
from pycrash.kernel.core.utsname import NAME_SIZE
from pycrash.kernel.kernel import Kernel
from pycrash.kernel.log.printk import KernelLog, Record
from pycrash.kernel.opening import open_files
from pycrash.kernel.tasks.arguments import stack_text
from tests.golden.sample import SAMPLE

#: The task that crashed.
PID = 125
#: In structures and user pages, each in place of what the sample has there.
PLANTED = {
    "host": "vaultnine.corp.example",
    "argument": "--password=hunter2",
    "environment": "DBKEY=pa55phrase",
    "file": "salaries.x",
    "program": "payrolld",
    "parameter": "luks.key=0pensesame",
}
#: Messages, and the words of them that no redacted report may have.
MESSAGES = (
    (Record(11_000_000_000, "agent: token tr0ub4dor sent", 6, facility=1), ["tr0ub4dor"]),
    (Record(11, "Kernel command line: root=/dev/x pw=swordfish", 6), ["swordfish"]),
    (Record(12, "    TOKEN=opensesame2", 6), ["opensesame2"]),
    (Record(13, "vaultnine: link up, 198.51.100.7 2001:db8::77", 6), ["198.51", "2001:db8"]),
    (Record(14, "usb 1-1: SerialNumber: 52:54:00:ab:cd:ef", 6), ["52:54:00"]),
    (Record(15, "exec of /home/alice/plan.odt refused", 4), ["alice", "plan.odt"]),
    (Record(16, 'comm="bankd" name="ledger.db"', 4), ["bankd", "ledger"]),
    (Record(17, "Comm: oldbank Not tainted", 4), ["oldbank"]),
    (Record(18, "ffff8880: 73 65 63 72 65 74 00 00  secret..", 4), ["73 65", "secret.."]),
    (Record(19, "audit: type=1400 proctitle=6d79", 5), ["6d79", "type=1400"]),
    (Record(20, "RAX: 0000736563726574 RBX: 0000000000000010", 4), ["736563726574"]),
)


def places(scout: Kernel) -> Iterator[tuple[str, int | None, int | None, int]]:
    """(what, kernel address, physical address, room) of what is overwritten."""

    def of_kernel(address: int) -> tuple[int, int | None]:
        return address, scout.arch.tables.kernel_physical(address)

    def of_user(address: int) -> tuple[None, int | None]:
        return None, scout.arch.tables.user_physical(task.mm, address)

    names = Places(scout)
    host = names.symbol("init_uts_ns") + names.offset("uts_namespace.name") + NAME_SIZE
    yield "host", *of_kernel(host), NAME_SIZE
    line = scout.read_word(scout.required_symbol("saved_command_line"))
    yield "parameter", *of_kernel(line), 40
    task = scout.tasks.by_pid(PID)[0]
    layout = Layout(scout.prog, "struct task_struct", ("comm",))
    yield "program", *of_kernel(task.address + layout.start), 16
    strings = stack_text(scout, task)
    yield "argument", *of_user(strings.arg_start), strings.arg_end - strings.arg_start
    yield "environment", *of_user(strings.env_start), strings.env_end - strings.env_start
    files: list[Any] = Dump(scout).rows(f"files {PID}").of_kind("files.file")
    file = next(row for row in files if row.fd == 3)
    dentry = drgn.Object(scout.prog, "struct dentry", address=file.dentry)
    yield "file", *of_kernel(int(dentry.d_name.name)), len(PLANTED["file"])


def opened() -> Kernel:
    return open_files([unpacked(SAMPLE / "vmlinux.xz"), SAMPLE / "vmcore"])


def lay_over(prog: drgn.Program, address: int, data: bytes, physical: bool) -> None:
    """Have memory read as other bytes."""

    def read(_address: int, count: int, offset: int, _physical: bool) -> bytes:
        return data[offset : offset + count]

    prog.add_memory_segment(address, len(data), read, physical)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The report and the redacted one."""
    kernel = opened()
    for what, address, physical, room in places(opened()):
        data = PLANTED[what].encode().ljust(room, b"\0")
        assert physical is not None
        assert len(data) == room
        lay_over(kernel.prog, physical, data, True)
        if address is not None:
            lay_over(kernel.prog, address, data, False)
    kept = KernelLog.records

    def records(log: KernelLog) -> Iterator[Record]:
        yield from kept(log)
        yield from (record for record, _ in MESSAGES)

    folder = tmp_path_factory.mktemp("reports")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KernelLog, "records", records)
        dump = Dump(kernel)
        dump.rows(f"report {folder}/plain.html")
        dump.rows(f"report --redact {folder}/redacted.html")
    plain, redacted = (folder / f"{name}.html" for name in ("plain", "redacted"))
    return html.unescape(plain.read_text()), html.unescape(redacted.read_text())


SECRETS = [*PLANTED.values(), "vaultnine", "hunter2", "pa55phrase", "0pensesame", "DBKEY"]
SECRETS += [word for _, words in MESSAGES for word in words]
#: What the sample has by itself: addresses of its network, and of its kernel.
OWN = ["10.0.2.15", "fec0::5054", "ff1816ac026e0000", "ffffffffa8244487", "/dev/console"]


@pytest.mark.parametrize("secret", [*SECRETS, *OWN])
def test_a_report_has_it_and_a_redacted_one_has_not(pages: tuple[str, str], secret: str) -> None:
    plain, redacted = pages
    assert secret in plain
    assert secret not in redacted


def test_what_is_no_secret_stays(pages: tuple[str, str]) -> None:
    for word in (
        "crashme_deref.constprop.0",
        "NULL pointer dereference, address: 0000000000000010",
        "6.12.117-sample",
        "Comm: <name> Kdump",
        "virtio_net",
        "kthreadd",
        "program-1",
        "link up, <ip> <ip>",
        "<written by a program>",
    ):
        assert word in pages[1], word
