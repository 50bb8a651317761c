"""The reports of the sample dump, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from pycrash.dump import Dump, open_dump
from tests.golden.sample import SAMPLE


@pytest.fixture(scope="session")
def sample() -> Dump:
    return open_dump(SAMPLE / "vmlinux.xz", SAMPLE / "vmcore")


@pytest.fixture(scope="session")
def reports(sample: Dump, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The report, and the redacted one."""
    folder = tmp_path_factory.mktemp("reports")
    plain, redacted = folder / "plain.html", folder / "redacted.html"
    sample.rows(f"report {plain}")
    sample.rows(f"report -r {redacted}")
    return plain, redacted
