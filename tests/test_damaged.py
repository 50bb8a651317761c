"""Damaged dumps: whatever is cut off or altered, pycrash answers in time and without a traceback.

A few copies of the sample are tried; `--damaged N` tries N of them.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pycrash.files.dumpfile import KdumpHeader
from tests.golden.sample import arrange

#: Seconds for all the lines on one copy; undamaged they take four.
LIMIT = 120

LINES = [
    "sys",
    "log | tail -5",
    "ps",
    "ps -m",
    "ps -p",
    "ps -a",
    "ps -G",
    "bt",
    "bt -a",
    "bt -FF",
    "bt -t",
    "foreach bt",
    "foreach bt -l",
    "mod",
    "mod -t",
    "sym -l | tail -3",
    "sym -M | tail -3",
    "sym schedule",
    "rd init_task 64",
    "rd -S init_task 16",
    "rd -p 0 16",
    "set 1",
    "set -v",
    "foreach ps -t",
    "swap",
    "foreach vm",
    "foreach vm -p | tail -1",
    "foreach vm -R nosuch",
    "foreach vtop 400000",
    "sys -c",
    "sys config | tail -1",
    "list task_struct.tasks -h init_task | tail -3",
    "struct task_struct init_task | tail -3",
    "p runqueues:a | tail -3",
    "irq -s",
    "irq -d | tail -1",
    "mach",
    "dev",
    "dev -d",
    "dev -i | tail -3",
    "dev -p",
]


def damaged_copy(source: bytes, seed: int) -> bytearray:
    """One way of damage a seed: cut off, altered in the headers, or altered in the pages."""
    chance = random.Random(seed)
    content = bytearray(source)
    kind = seed % 4
    if kind == 0:
        return content[: chance.randrange(len(content))]
    header = KdumpHeader.parse(source[:8192])
    assert header is not None
    blocks = 1 + header.sub_header_blocks + header.bitmap_blocks
    descriptors = blocks * header.block_size
    first, last = {
        1: (0, descriptors),  # the headers and the bitmap of pages
        2: (descriptors, descriptors + (1 << 18)),  # where pages lie and how long they are
        3: (descriptors + (1 << 19), len(content)),  # the pages themselves
    }[kind]
    for _ in range(chance.choice([1, 10, 1000])):
        at = chance.randrange(first, min(last, len(content)))
        content[at] ^= 1 << chance.randrange(8)
    return content


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(metafunc.config.getoption("--damaged")))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("damaged")
    arrange(folder)
    return folder


def test_damage_is_survived(folder: Path, seed: int) -> None:
    dump = folder / f"damaged-{seed}"
    dump.write_bytes(damaged_copy((folder / "vmcore").read_bytes(), seed))
    cache = folder / "cache"  # mended copies are not to pile up in the user's
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pycrash", "-s", "vmlinux", dump.name],
            input="\n".join([*LINES, "exit"]) + "\n",
            capture_output=True,
            text=True,
            errors="replace",
            cwd=folder,
            env={**os.environ, "XDG_CACHE_HOME": str(cache)},
            timeout=LIMIT,
            check=False,
        )
    finally:
        dump.unlink()
        shutil.rmtree(cache, ignore_errors=True)
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "internal error" not in said, [li for li in said.splitlines() if "internal error" in li]
    assert done.returncode in (0, 1), f"ended by signal {-done.returncode}"
    if done.returncode:
        assert len(done.stderr.splitlines()) == 1, done.stderr
