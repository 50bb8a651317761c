"""Text of the kernel as C programs print it."""

from __future__ import annotations

import time

import pytest

from pycrash.render.ctext import date_text, printable, size_text


def test_bytes_that_c_would_not_print_are_dots() -> None:
    raw = b"a\tb\x01\x1b[m\x7f\r\v\f\xff\xc3\xa9\n"
    text = raw.decode("utf-8", "surrogateescape")
    assert printable(text) == "a\tb..[m.\r\v\f...\n"
    assert printable("plain text") == "plain text"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0"),
        (640 << 10, "640 KB"),
        (16 << 20, "16 MB"),
        ((639 << 20) + (512 << 10), "639.5 MB"),
        (3 << 29, "1.5 GB"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    assert size_text(size) == text


def test_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert date_text(1795437307) == "Mon Nov 23 12:35:07 UTC 2026"
    assert date_text(86400 * 3) == "Sun Jan  4 00:00:00 UTC 1970"
    assert date_text(2**62) == str(2**62)
