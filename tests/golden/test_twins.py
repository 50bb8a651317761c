"""The lines of drgn that --show-drgn prints: each runs on the sample, and reads the same."""

from __future__ import annotations

import contextlib
import io

import pytest

from pycrash.api.registry import Registry
from pycrash.api.twins import names
from pycrash.dump import Dump, open_dump
from tests.golden.examples import examples
from tests.golden.sample import SAMPLE

#: Lines beside the examples of the help pages, each with words that both ways show.
LINES = {
    "ps -u": ("125", "insmod"),
    "ps -k": ("kthreadd",),
    "ps 'kworker/R.*'": ("kworker/R-kvfre",),
    "ps -u 1 kthreadd insmod": ("init", "insmod"),
    "ps 1 insmod": ("init", "insmod"),
    "bt 1": ("__schedule", "kernel_wait4"),
    "bt 0": ("cpu_startup_entry",),
    "bt -a": ("spin-thr", "insmod"),
    "bt ff1816ac001a0000": ("do_wait",),
    "foreach UN bt": ("vfork-D", "kernel_clone"),
    "foreach 'kworker/R.*' kernel task -R pid": ("kworker/R-kvfre",),
    "foreach 81 ff1816ac001a0000 files": ("/mnt/data.txt", "/dev/console"),
    "foreach user gleader vm": ("ff1816ac011b5098", "/bin/busybox"),
    "foreach active sig": ("insmod", "spin-thr"),
    "task -R comm 1": ("init",),
    "task -x 1": (),
    "set 1": ("ff1816ac001a0000",),
    "files 81": ("/mnt/data.txt", "/etc/motd"),
    "vm 1": ("ff1816ac011b5098", "/bin/busybox"),
    "sig 1": (),
    "net": ("ff1816ac010b3000", "10.0.2.15", "dummy0"),
    "net -s 83": ("ff1816ac014d9280",),
    "waitq oom_reaper_wait": ("29", "oom_reaper"),
    "log": ("BUG: kernel NULL pointer dereference, address: 0000000000000010",),
    "log -t": ("Command line: console=ttyS0 crashkernel=96M panic=10",),
    "sys": ("crashlab", "6.12.117-sample"),
    "sys config": ("CONFIG_GCC_VERSION=120200",),
    "mod": ("ffffffffc0111080", "crashme"),
    "mount": ("ff1816ac00167500", "/mnt"),
    "swap": ("ff1816ac00937000", "/mnt/swap"),
    "dev -i": ("PCI Bus 0000:00",),
    "irq 4": ("ff1816ac00156400", "ttyS0"),
    "timer": ("ffffffffa945ee00", "clocksource_watchdog"),
    "timer -r": ("ff1816ac012f2610", "it_real_fn"),
    "kmem -i": ("50569", "25559"),
    "kmem -s": ("ff1816ac0013d9c0", "files_cache"),
    "kmem -s files_cache": ("704",),
    "kmem -S files_cache": ("ff1816ac00198000",),
    "kmem -p 1000": (),
    "kmem -v": ("ff1816ac00136048", "ff1816ac00158060"),
    "kmem -V": ("NR_FREE_PAGES", "25559"),
    "kmem -n": (),
    "kmem -f": ("DMA32",),
    "kmem -h": (),
    "kmem ff1816ac00198000": ("files_cache",),
    "sym schedule": ("ffffffffa87eab10",),
    "sym ffffffffa87eab14": ("schedule+4",),
    "rd linux_banner 2": ("65762078756e694c",),
    "rd -32 linux_banner": ("756e694c",),
    "rd -8 linux_banner 3": ("4c",),
    "rd -p 100000 2": ("0000000000000000",),
    "rd -a linux_banner": ("6.12.117-sample",),
    "rd (init_task+64)": (),
    "list_head": ("struct list_head *next",),
    "jiffies": ("4294894886",),
    "struct list_head": ("struct list_head *next",),
    "struct task_struct.pid": ("pid",),
    "struct task_struct.pid -o": (),
    "struct task_struct.comm,pid ff1816ac001a0000": ("init", "1"),
    "struct list_head init_task -x": ("0x4000",),
    "p init_task.comm": ("swapper/0",),
    "p init_task.signal->nr_threads": ("1",),
    "p -x jiffies": ("0x",),
    "p &init_task": ("ffffffffa900a540",),
    "p runqueues:a": ("nr_running",),
    "tree -t rb free_vmap_area_root": ("ff1816ac001360a0",),
    "whatis jiffies": ("unsigned long",),
    "whatis task_struct": ("struct task_struct",),
    "dis schedule 3": ("endbr64", "push"),
    "dis -rl (schedule+48)": ("mov",),
    "vtop -u 400000": ("ca5000",),
    "explain ff1816ac00198000": ("files_cache",),
}

#: Examples of commands with such lines that have none all the same: drgn knows no short way.
NONE = {
    *("explain", "ptov b0c0:a", "set radix 16", "set -v"),
    "foreach 'kworker.*' ps -s",
    *("whatis -r 192-196", "whatis -m mm_struct"),
}
#: There is nothing to be printed of these.
SILENT = {"net -s 1", "waitq log_wait"}


@pytest.fixture(scope="module")
def dump() -> Dump:
    return open_dump(SAMPLE / "vmlinux.xz", SAMPLE / "vmcore")


def lines() -> list[str]:
    known = set(names())
    fit = [line for line in examples() if line.split()[0] in known and not set("|>") & set(line)]
    return [line for line in dict.fromkeys((*fit, *LINES)) if line not in NONE]


def printed(dump: Dump, line: str) -> str:
    """What the lines of drgn for a line print, run by themselves."""
    code = dump.text(f"{line} --show-drgn")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, line, "exec"), {"prog": dump.prog})
    return out.getvalue()


@pytest.mark.parametrize("line", lines())
def test_lines_of_drgn_read_the_same(dump: Dump, line: str) -> None:
    text = printed(dump, line)
    assert bool(text.strip()) != (line in SILENT)
    both = LINES.get(line, ())
    assert [word for word in both if word not in text] == []
    assert [word for word in both if word not in dump.text(line)] == []


def test_the_same_tasks_are_found(dump: Dump) -> None:
    for line in ("ps", "ps -u", "ps -k"):
        pids = sorted(int(row.split()[0]) for row in printed(dump, line).splitlines())
        assert pids == sorted(getattr(row, "pid") for row in dump.rows(line))  # noqa: B009


def test_flags_that_the_lines_leave_out_are_named(dump: Dump) -> None:
    first, *_ = dump.text("ps -t -g --show-drgn").splitlines()
    assert first == "# without -t -g: these lines do not know it"


@pytest.mark.parametrize("line", ["alias", "trace", *sorted(NONE)])
def test_a_command_without_such_lines_says_so(dump: Dump, line: str) -> None:
    said = dump.text(f"{line} --show-drgn").splitlines()
    assert len(said) == 1
    assert "drgn" in said[0] or "physical" in said[0]


def test_every_name_is_a_command() -> None:
    assert set(names()) <= set(Registry().names())
