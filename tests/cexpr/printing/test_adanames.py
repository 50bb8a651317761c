"""Names gdb takes for Ada's."""

from __future__ import annotations

import pytest

from pycrash.cexpr.printing.adanames import shown_name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("init_task", "init_task"),
        ("counter.0", "counter"),
        ("foo.cold", "foo[cold]"),
        ("ext4__write_end", "ext4.write_end"),
        ("__func__.12", "__func__.12"),
        ("_text", "_text"),
        ("Foo__bar", "Foo__bar"),
        ("a___b", "a___b"),
        ("trailing__", "trailing__"),
        ("a__2", "a"),
        ("abcB", "abc"),
        ("x", "x"),
    ],
)
def test_shown_name(name: str, shown: str) -> None:
    assert shown_name(name) == shown
