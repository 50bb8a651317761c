"""Options of bpf, in the order they were typed."""

from __future__ import annotations

import pytest

from commands.bpf import Bpf
from pycrash.api import Context, CrashError
from tests.commands.crowd import Crowd


@pytest.fixture
def context() -> Context:
    return Crowd().context


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("-x -d", "-d and -x are mutually exclusive"),
        ("-d -x", "-x option requires -s"),
        ("-d -x -j", "-j option only applicable with -p or -P"),
        ("-d -M -x -T", "-t option only applicable with -p or -P"),
        ("-s", "-s option requires either -p, -P, -m or -M"),
        ("-M none", "invalid argument: none"),
    ],
)
def test_what_is_refused(context: Context, words: str, message: str) -> None:
    with pytest.raises(CrashError) as caught:
        list(Bpf().run(context, Bpf().parse(words.split())))
    assert str(caught.value) == message
