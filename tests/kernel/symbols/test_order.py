"""The order of a vmlinux's symbols, written down and read again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pycrash.kernel.symbols.order import SymbolOrder, keep_order, load_order

ORDER = SymbolOrder([0, 0x1000, (1 << 64) - 1], ["a", "", "naïve"], "TdA")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "pycrash"


def test_what_is_kept_comes_back() -> None:
    assert load_order("12ab") is None
    keep_order("12ab", ORDER)
    assert load_order("12ab") == ORDER
    assert load_order("34cd") is None


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: data[:30] + b"x" + data[31:], lambda data: b""]
)
def test_a_damaged_file_is_as_good_as_none(cache: Path, damage: Callable[[bytes], bytes]) -> None:
    keep_order("12ab", ORDER)
    (file,) = cache.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert load_order("12ab") is None
