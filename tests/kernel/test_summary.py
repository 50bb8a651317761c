"""What is known of a dump in names and values."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pycrash.files.dumpfile import DumpFile
from pycrash.kernel.summary import file_facts, task_facts


def facts(path: Path, data: bytes) -> dict[str, str]:
    path.write_bytes(data)
    kernel: Any = SimpleNamespace(given=("vmlinux", path), dump_file=DumpFile(path), notes=["cut"])
    return dict(file_facts(kernel))


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    found = facts(tmp_path / "dump", b"nothing of the kind" * 40)
    assert found["format"] == "unknown"
    assert found["size"] == "760 bytes"
    assert found["note"] == "cut"
    assert "read from" not in found


def test_an_elf_core_that_lacks_its_end(tmp_path: Path) -> None:
    head = bytearray(64)
    head[:6] = b"\x7fELF\2\1"
    head[32:40] = (64).to_bytes(8, "little")
    head[54:58] = (56).to_bytes(2, "little") + (1).to_bytes(2, "little")
    found = facts(tmp_path / "dump", bytes(head))
    assert found["format"] == "ELF core"
    assert found["missing at the end"] == "56 bytes"


def test_tasks_of_each_cpu() -> None:
    panic = SimpleNamespace(task=0x10, active_on=lambda cpu: 0x10 * (cpu + 1))
    tasks, cpus = SimpleNamespace(all=[1, 2, 3]), SimpleNamespace(count=2)
    kernel: Any = SimpleNamespace(tasks=tasks, panic=panic, cpus=cpus)
    assert dict(task_facts(kernel, 0x20)) == {
        **{"tasks": "3", "current": "20", "panic": "10", "CPU 0": "10", "CPU 1": "20"},
    }
