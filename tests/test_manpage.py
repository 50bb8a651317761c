"""The manual page is what the declarations say, and man shows it without a complaint."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from pycrash.api.registry import Registry
from pycrash.shell.options import OPTIONS
from tests.manpage import PAGE, page, text


def test_it_is_what_is_declared() -> None:
    assert PAGE.read_text() == page(), "python3 -m tests.manpage writes it anew"


def test_it_names_every_option_and_command() -> None:
    said = page()
    assert [name for name in OPTIONS if text(name) not in said] == []
    assert [c.name for c in Registry() if f"\\fB{text(c.name)}\\fR" not in said] == []


def test_words_stay_as_they_are() -> None:
    assert text(".crashrc") == r"\&.crashrc"
    assert text("a-b \\n ~/x") == r"a\-b \en \(ti/x"


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
def test_troff_has_nothing_to_complain_of() -> None:
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-wall", PAGE], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "a shell over the memory of a dead Linux kernel" in done.stdout
