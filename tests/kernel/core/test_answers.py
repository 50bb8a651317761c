"""What is kept of a kernel's types."""

from __future__ import annotations

from pathlib import Path

import pytest

from pycrash.files.cache import note
from pycrash.kernel.core.answers import KeptAnswers


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_answers_last_from_one_session_to_the_next() -> None:
    first = KeptAnswers("0123")
    first["struct task_struct"] = [9, [0, 8]]
    first["struct nothing"] = None
    first.save()
    second = KeptAnswers("0123")
    assert second["struct task_struct"] == [9, [0, 8]]
    assert "struct nothing" in second
    assert "struct nothing" not in KeptAnswers("4567")


def test_with_modules_what_was_missing_is_asked_again_and_not_kept() -> None:
    store = KeptAnswers("0123")
    store["struct zram"] = None
    store["struct page"] = 64
    store.take_modules()
    assert "struct zram" not in store
    assert store["struct page"] == 64
    store["struct zram"] = 128
    assert "struct zram" in store
    store.save()
    assert KeptAnswers("0123")["struct zram"] is None


@pytest.mark.parametrize("content", [b"", b"nonsense", b'{"version": 3, "answers": {"a": 1}}'])
def test_a_spoilt_file_counts_for_nothing_and_is_written_anew(
    tmp_path: Path, content: bytes
) -> None:
    first = KeptAnswers("0123")
    first["a"] = 1
    first.save()
    (file,) = (tmp_path / "pycrash").iterdir()
    file.write_bytes(content)
    second = KeptAnswers("0123")
    assert "a" not in second
    second["b"] = None
    second.save()
    third = KeptAnswers("0123")
    assert "a" not in third
    assert "b" in third


@pytest.mark.parametrize("body", [b"", b"[1, 2]", b"7", b"{", b"\xff\xfe"])
def test_a_note_of_another_shape_is_as_good_as_none(body: bytes) -> None:
    note("types3-0123", body)
    assert "struct page" not in KeptAnswers("0123")
