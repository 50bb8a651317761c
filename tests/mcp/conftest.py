"""The sample dump, opened once, and its tools."""

from __future__ import annotations

import pytest

from pycrash.api import Settings
from pycrash.files.compressed import unpacked
from pycrash.kernel.kernel import Kernel
from pycrash.kernel.opening import open_files
from pycrash.mcp.tools import Tools
from tests.golden.sample import SAMPLE


@pytest.fixture(scope="session")
def kernel() -> Kernel:
    return open_files([unpacked(SAMPLE / "vmlinux.xz"), SAMPLE / "vmcore"])


@pytest.fixture(scope="session")
def tools(kernel: Kernel) -> Tools:
    return Tools(kernel, Settings())
