"""The order of a vmlinux's symbols, written down and read again."""

from __future__ import annotations

from pathlib import Path

import pytest

from pycrash.files.cache import note
from pycrash.kernel.symbols.order import SymbolOrder, keep_order, load_order

ORDER = SymbolOrder([0, 0x1000, (1 << 64) - 1], ["a", "", "naïve"], "TdA")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_what_is_kept_comes_back() -> None:
    assert load_order("12ab") is None
    keep_order("12ab", ORDER)
    assert load_order("12ab") == ORDER
    assert load_order("34cd") is None


@pytest.mark.parametrize("body", [b"", b"\1", bytes(7), b"\xff" * 40, b"\2" + bytes(23) + b"T\0a"])
def test_a_note_of_another_shape_is_as_good_as_none(body: bytes) -> None:
    note("symbols2-12ab", body)
    assert load_order("12ab") is None
