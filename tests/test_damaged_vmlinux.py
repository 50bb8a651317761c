"""A vmlinux that is damaged but bears the right build ID spoils nothing for the good one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pycrash.objects.elf import ElfFile
from tests.golden.sample import arrange


def damaged_copy(vmlinux: Path, copy: Path) -> None:
    """A copy of the same size in which the names of a structure and a member are others."""
    content = bytearray(vmlinux.read_bytes())
    strings = next(s for s in ElfFile(vmlinux).sections if s.name == ".debug_str")
    first, last = strings.offset, strings.offset + strings.size
    for name, other in ((b"task_struct\0", b"tusk_struct\0"), (b"sched_info\0", b"sched_inf0\0")):
        assert name in content[first:last]
        content[first:last] = content[first:last].replace(name, other)
    copy.write_bytes(content)


def answer(folder: Path, vmlinux: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pycrash", "-s", vmlinux, "vmcore"],
        input="ps 1\nsym -n linux_banner\np init_task.comm\nexit\n",
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache")},
        timeout=120,
        check=False,
    )
    return done.stdout + done.stderr


def test_the_good_file_works_after_the_damaged_one(tmp_path: Path) -> None:
    arrange(tmp_path)
    damaged_copy(tmp_path / "vmlinux", tmp_path / "damaged")
    bad = answer(tmp_path, "damaged")
    assert "no struct task_struct; types come from BTF" in bad
    assert "Traceback" not in bad
    good = answer(tmp_path, "vmlinux")
    assert "no struct task_struct" not in good
    assert '"swapper/0' in good
    assert answer(tmp_path, "vmlinux") == good
    assert answer(tmp_path, "damaged") == bad
