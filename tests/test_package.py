"""What the package says of itself. tests/package builds it and tries it."""

from __future__ import annotations

import re
from pathlib import Path

import pycrash
from pycrash.version import VERSION

ROOT = Path(__file__).resolve().parent.parent
PROJECT = (ROOT / "pyproject.toml").read_text()


def test_there_is_one_version() -> None:
    assert pycrash.__version__ == VERSION
    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION)
    assert 'attr = "pycrash.version.VERSION"' in PROJECT
    assert '\nversion = "' not in PROJECT


def test_it_is_typed() -> None:
    assert (ROOT / "pycrash" / "py.typed").is_file()
    assert 'package-data = { "pycrash" = ["py.typed"], ' in PROJECT


def test_what_the_readme_says_of_python_is_declared() -> None:
    oldest = re.search(r'requires-python = ">=(3\.\d+)"', PROJECT)
    assert oldest is not None
    assert f"Python {oldest[1]} or newer" in (ROOT / "README.md").read_text()
    assert f"Python :: {oldest[1]}" in PROJECT
