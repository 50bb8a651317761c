"""Offsets of per-CPU memory that lead nowhere: what needs no CPU is shown all the same."""

from __future__ import annotations

import struct

import pytest

import pycrash
from pycrash.files.compressed import unpacked
from tests.golden.sample import SAMPLE
from tests.patched import image_place, write_changed


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> pycrash.Dump:
    copy = tmp_path_factory.mktemp("percpu") / "vmcore"
    vmlinux = unpacked(SAMPLE / "vmlinux.xz")
    whole = pycrash.open_dump(SAMPLE / "vmcore", vmlinux).kernel
    offsets, online = (whole.symbol_address(n) for n in ("__per_cpu_offset", "__cpu_online_mask"))
    assert offsets is not None
    assert online is not None
    wild = {
        image_place(offsets): struct.pack("<QQ", 0x1234567, 0x9988776655443322),
        image_place(online): b"\xff" * 8,
    }
    return pycrash.open_dump(write_changed(copy, wild), vmlinux)


def test_a_constant_needs_no_cpu(dump: pycrash.Dump) -> None:
    assert dump.text("p 4242424242") == "$1 = 4242424242\n"
    assert dump.text("p sizeof(int)") == "$2 = 4\n"
    assert dump.text("p jiffies").startswith("jiffies = $3 = ")
    assert dump.text("eval 3").startswith("hexadecimal: 3")


def test_the_system_and_the_tasks_are_shown(dump: pycrash.Dump) -> None:
    assert "RELEASE: 6.12.117-sample" in dump.text("sys")
    assert "COMMAND: " in dump.text("set")
    assert "[mutex-waiter]" in dump.text("ps")
    assert " schedule at " in dump.text("bt 1")


def test_what_cannot_be_read_is_named(dump: pycrash.Dump) -> None:
    said = dump.text("runq")
    assert said.startswith("runq: invalid kernel virtual address: ")
    assert "internal error" not in said
