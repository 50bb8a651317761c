"""Facts of the system: clocks, names, taints, configuration, and why it went down."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from pycrash.errors import CrashError, MissingFeature
from pycrash.kernel.log.printk import KernelLog, LogDamage, Record
from pycrash.kernel.system.config import KernelConfig
from pycrash.kernel.system.facts import SystemFacts
from pycrash.kernel.system.taint import Taints
from tests.kernel.fake_kernel import FakeKernel

AT = 0xFFFFFFFF82000000


def facts(fake: FakeKernel, note: str = "") -> SystemFacts:
    fake.note(note)
    return SystemFacts(fake.kernel)


def test_names_need_no_types() -> None:
    fake = FakeKernel()
    words = ("Linux", "node", "6.12.0", "#1 SMP", "x86_64", "(none)")
    fake.write(AT, "65s" * 6, *(word.encode() for word in words))
    note = f"SYMBOL(init_uts_ns)={AT - 4:x}\nOFFSET(uts_namespace.name)=4\n"
    uts = facts(fake, note).utsname
    assert (uts.nodename, uts.release, uts.machine) == ("node", "6.12.0", "x86_64")


@pytest.mark.parametrize(
    ("jiffies", "ticks"),
    [
        ((1 << 32) - 300_000 + 42, 42),
        ((1 << 32) + 42, 300_042),
        ((3 << 32) + 42, (2 << 32) + 300_042),
    ],
)
def test_ticks_begin_five_minutes_before_the_counter_wraps(jiffies: int, ticks: int) -> None:
    fake = FakeKernel()
    fake.symbol("jiffies_64", AT)
    fake.write(AT, "Q", jiffies)
    system = facts(fake)
    assert system.hz == 1000
    assert system.ticks == ticks


@pytest.mark.parametrize(("size", "value", "hz"), [(4, 10, 250), (4, 0, 1000), (8, 10, 1000)])
def test_hz_by_a_scheduler_of_4_7(size: int, value: int, hz: int) -> None:
    fake = FakeKernel()
    fake.symbol("cfq_slice_async", AT, size)
    fake.write(AT, "Q", value)
    assert facts(fake).hz == hz


def packed(text: bytes, inside: bool) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = bytes(10) + stream.compress(text) + stream.flush()
    return (b"IKCFG_ST" if inside else b"") + body + b"\0" * 8 + b"IKCFG_ED"


@pytest.mark.parametrize("inside", [False, True])
def test_the_configuration_is_read_and_tells_hz(inside: bool) -> None:
    fake = FakeKernel()
    fake.symbol("kernel_config_data", AT)
    data = packed(b"#\n# CONFIG_A is not set\nCONFIG_HZ=250\n", inside)
    fake.room(AT - 8, 8 + (64 << 10))
    fake.write(AT - 8, "8s", b"IKCFG_ST")
    fake.write(AT, f"{len(data)}s", data)
    config = KernelConfig(fake.kernel)
    assert config.text.startswith("#\n# CONFIG_A")
    assert config.get("CONFIG_HZ") == "250"
    assert config.get("CONFIG_A") is None
    assert facts(fake).hz == 250


def test_no_configuration() -> None:
    with pytest.raises(MissingFeature, match="kernel_config_data does not exist"):
        _ = KernelConfig(FakeKernel().kernel).text


@pytest.mark.parametrize(
    ("mark", "data", "message"),
    [
        (None, b"", "cannot read kernel_config_data"),
        (b"", b"", "MAGIC_START"),
        (b"IKCFG_ST", b"", "MAGIC_END"),
        (b"IKCFG_ST", b"\xff" * 18 + b"IKCFG_ED", "zlib could not uncompress"),
        (b"IKCFG_ST", packed(b"x" * 999, False)[:14] + b"IKCFG_ED", "the data ends early"),
    ],
)
def test_a_damaged_configuration_is_named(mark: bytes | None, data: bytes, message: str) -> None:
    fake = FakeKernel()
    fake.symbol("kernel_config_data", AT)
    if mark is not None:
        fake.room(AT - 8, 2 << 20)
        fake.write(AT - 8, "8s", mark)
        fake.write(AT, f"{len(data)}s", data)
    with pytest.raises(CrashError, match=message):
        _ = KernelConfig(fake.kernel).text


def test_taint_letters() -> None:
    fake = FakeKernel()
    flag = fake.struct("taint_flag", 4, c_true=(0, "B"), c_false=(1, "B"), module=(2, "B"))
    fake.variable("taint_flags", AT, fake.array(flag, 3))
    fake.symbol("tainted_mask", AT + 64)
    fake.write(AT, "12s", b"PG\1\0F \0\0O-\1\0")
    fake.write(AT + 64, "Q", 0b110)
    taints = Taints(fake.kernel)
    assert taints.letters == "FO"
    assert [(f.set, f.of_modules) for f in taints.flags] == [("P", True), ("F", False), ("O", True)]
    module = SimpleNamespace(taints=0b111)
    assert taints.of_module(module) == "PO"  # type: ignore[arg-type]


def log_of(fake: FakeKernel, *texts: str, damage: bool = False) -> None:
    def records() -> Iterator[Record]:
        yield from (Record(0, text, 6) for text in texts)
        if damage:
            raise LogDamage("\ncut", "WARNING")

    fake.give(KernelLog, SimpleNamespace(shape="ring", records=records))


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (("Oops: 0002", "Kernel panic - not syncing: x"), "Kernel panic - not syncing: x"),
        (("first\nOops: 0002\nlast",), "Oops: 0002"),
        (("Oops again CPU: 1 PID: 3",), "Oops again CPU: 1"),
        (("nothing of note",), ""),
        (("sysrq: help", "Oops"), "Oops"),
    ],
)
def test_why_it_went_down(texts: tuple[str, ...], found: str) -> None:
    fake = FakeKernel()
    log_of(fake, *texts)
    assert facts(fake).panic_message == found


@pytest.mark.parametrize(("pressed", "found"), [(1, "sysrq: help"), (0, "")])
def test_sysrq_counts_where_the_kernel_noted_it(pressed: int, found: str) -> None:
    fake = FakeKernel()
    fake.symbol("sysrq_pressed", AT, 4)
    fake.write(AT, "I", pressed)
    log_of(fake, "sysrq: help", "Oops")
    assert facts(fake).panic_message == found


def test_a_damaged_log_is_remembered() -> None:
    fake = FakeKernel()
    log_of(fake, "double fault: 0", damage=True)
    system = facts(fake)
    assert system.panic_message == "double fault: 0"
    assert str(system.log_damage) == "\ncut"


def test_a_live_patch_in_transition() -> None:
    fake = FakeKernel()
    links = fake.struct("list_head", 16, next=(0, "P"), prev=(8, "P"))
    fake.struct("klp_patch", 32, list=(16, links))
    fake.symbol("klp_transition_patch", AT)
    fake.symbol("klp_patches", AT + 16, 16)
    fake.write(AT, "QQQQ", 0, 0, AT + 16, AT + 16)
    assert not facts(fake).patch_in_transition
    patch = AT + 0x100
    fake.write(AT, "QQQQ", patch, 0, patch + 16, patch + 16)
    fake.write(patch, "QQQQ", 0, 0, AT + 16, AT + 16)
    assert facts(fake).patch_in_transition
    fake.write(AT, "Q", patch + 0x100)
    assert not facts(fake).patch_in_transition
