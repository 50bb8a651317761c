"""Sessions recorded from crash, run again on a kernel of nothing."""

from __future__ import annotations

import json

import pytest

from tests.shell.compare_sessions import PROMPT, RECORDED, differences
from tests.shell.fake import in_child
from tests.shell.sessions import SESSIONS, Batch

#: These need a dump.
ON_A_DUMP = {"data-words", "special-in-stream", "special-in-file"}

WANTED = json.loads(RECORDED.read_text())


@pytest.mark.parametrize(
    "batch", [b for b in SESSIONS if b.name not in ON_A_DUMP], ids=lambda b: b.name
)
def test_session_is_as_crash_has_it(batch: Batch) -> None:
    got = in_child(batch.options, batch.stdin, batch.files)
    if "-s" not in batch.options:
        got["stdout"] = got["stdout"][got["stdout"].find(PROMPT) :]
    assert list(differences(WANTED[batch.name], got)) == []


def test_every_session_is_recorded() -> None:
    assert {batch.name for batch in SESSIONS} == set(WANTED)
