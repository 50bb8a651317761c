"""The sample dump, opened once, and its tools."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from pycrash.api import Settings
from pycrash.files.compressed import unpacked
from pycrash.kernel.kernel import Kernel
from pycrash.kernel.opening import open_files
from pycrash.mcp.tools import Tools
from tests.golden.sample import SAMPLE

#: The package is an extra: who has it not tests the rest.
collect_ignore_glob = [] if find_spec("mcp") else ["test_server.py"]


@pytest.fixture(scope="session")
def kernel() -> Kernel:
    return open_files([unpacked(SAMPLE / "vmlinux.xz"), SAMPLE / "vmcore"])


@pytest.fixture(scope="session")
def tools(kernel: Kernel) -> Tools:
    return Tools(kernel, Settings())
