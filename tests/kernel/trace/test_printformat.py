"""Print formats of trace events, and printk's conversions."""

from __future__ import annotations

from typing import Any

import pytest

from pycrash.kernel.trace.cformat import Names, formatted
from pycrash.kernel.trace.printformat import PrintFormat, Unknown

NAMES = Names(
    place="f+{:#x}/0x10".format,
    symbol="f{}".format,
    constant={"ONE": 1, "base": 0x1000}.get,
    size={"struct page": 64}.get,
)
VALUES: dict[str, Any] = {
    **{"a": 5, "neg": -1, "s": "text", "raw": bytes(range(6)), "raw_len": 6, "list": [7, 8]},
    **{"flags": 0b1011, "ip": 16},
}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('"a=%d s=%s", REC->a, REC->s', "a=5 s=text"),
        ('"one" "two"', "onetwo"),
        (r'"a\"b\n%c", ' + "'x'", 'a"b\nx'),
        ('"%d", 2 + 3 * 4 - (1 << 2) / 2', "12"),
        ('"%d %d", 7 & 3 | 8, 7 ^ 1', "11 6"),
        ('"%s", REC->a > 3 && REC->a != 9 ? "big" : "small"', "big"),
        ('"%s", REC->neg == -1UL ? "none" : "some"', "none"),
        ('"%u", (u8)(REC->a + 254)', "3"),
        ('"%d", (s8)255', "-1"),
        ('"%llu", (unsigned long long)REC->neg', "18446744073709551615"),
        ('"%s", !REC->a ? "no" : ~0 == -1 ? "yes" : ""', "yes"),
        ('"%d %d", ONE, sizeof(int)', "1 4"),
        ('"%p", (((struct page *)base) + (REC->a))', f"{0x1000 + 5 * 64:016x}"),
        ('"%d %d", REC->list[1], REC->raw[2]', "8 2"),
        ('"%pS %ps", (void *)REC->ip, (void *)REC->ip', "f+0x10/0x10 f16"),
        (
            '"%s", REC->flags ? __print_flags(REC->flags, "|", { 1, "A" }, { 2, "B" }) : "none"',
            "A|B|0x8",
        ),
        ('"%s", __print_symbolic(REC->a, { 4, "four" }, { 5, "five" })', "five"),
        ('"%s", __print_symbolic(REC->a, { 4, "four" })', "0x5"),
        ('"%s", __print_hex(REC->raw, 3)', "00 01 02"),
        ('"%s", __print_hex_str(__get_dynamic_array(raw), 2)', "0001"),
        ('"%s", __print_array(REC->raw, 3, 2)', "{0x100,0x302,0x504}"),
        ('"%d", __get_dynamic_array_len(raw)', "6"),
        ('"%s %s", __get_str(s), __get_bitmask(raw)', "text 05040302,0100"),
        ('"%pM", REC->raw', "00:01:02:03:04:05"),
        ('"%d", __builtin_expect(REC->a, 1)', "5"),
    ],
)
def test_formats(text: str, said: str) -> None:
    assert PrintFormat(text, NAMES).text(VALUES) == said


@pytest.mark.parametrize(
    "text",
    [
        *("", "REC->a", '"%d", unknown', '"%d", unknown(1)', '"%d", (1', '"%d", @', '"%d" 1'),
        *('"%d", sizeof(struct none)', '"%d", {1, 2}', '"%d", ' + "(" * 300),
    ],
)
def test_what_is_beyond_them(text: str) -> None:
    with pytest.raises(Unknown):
        PrintFormat(text, NAMES)


@pytest.mark.parametrize(
    "text", ['"%d", REC->none', '"%d"', '"%d", REC->s', '"%d", REC->list[9]', '"%p", REC->raw']
)
def test_values_that_do_not_fit(text: str) -> None:
    with pytest.raises(Unknown):
        PrintFormat(text, NAMES).text(VALUES)


@pytest.mark.parametrize(
    ("form", "value", "said"),
    [
        *(("%5d|", 7, "    7|"), ("%-5d|", 7, "7    |"), ("%05d", -7, "-0007"), ("%+d", 7, "+7")),
        *(("%#x", 255, "0xff"), ("%#06x", 255, "0x00ff"), ("%X", 255, "FF"), ("%o", 8, "10")),
        *(("%d", 2**32 - 1, "-1"), ("%u", -1, "4294967295"), ("%lx", -1, "f" * 16)),
        *(("%hhx", 0x1FF, "ff"), ("%.3s", "abcdef", "abc"), ("%s", b"x", "x"), ("%s", 16, "0x10")),
        *(("%px", 16, "0000000000000010"), ("%pI4", bytes([10, 0, 0, 1]), "10.0.0.1")),
        *(("%pI6c", bytes(15) + b"\1", "::1"), ("100%%", 0, "100%"), ("%.4x", 10, "000a")),
        ("%pU", bytes(range(16)), "00010203-0405-0607-0809-0a0b0c0d0e0f"),
    ],
)
def test_conversions(form: str, value: Any, said: str) -> None:
    assert formatted(form, [value], NAMES) == said


def test_a_width_of_its_own() -> None:
    assert formatted("%*d %.*s", [4, 7, 2, "abc"], NAMES) == "   7 ab"
    assert len(formatted("%99999999d", [7], NAMES)) == 4096
