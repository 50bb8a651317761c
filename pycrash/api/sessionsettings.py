"""The settings of a session as `set` knows them: their values, and how a line changes them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pycrash.api.context import Context
from pycrash.api.fields import Address, Bytes
from pycrash.api.operands.base import Offer
from pycrash.api.operands.names import files
from pycrash.api.operands.numbers import (
    hexadecimal,
    integer,
    is_decimal,
    is_hexadecimal,
    is_number,
    number,
)
from pycrash.api.rows import Notice, Row
from pycrash.errors import CrashError
from pycrash.settings import Settings

_AT_RUNTIME = "cannot change{} editing mode during runtime"
#: In the order of the list.
_LISTED = (
    *("scroll", "radix", "refresh", "print_max", "print_array", "console", "debug", "core"),
    *("hash", "silent", "edit", "namelist", "dumpfile", "unwind", "zero_excluded", "null-stop"),
    *("gdb", "scope", "offline", "redzone", "error"),
)
#: Words that are a setting and its value in one.
_SHORT = {"hex": "radix", "dec": "radix", "vi": "edit", "emacs": "edit"}
#: Settings that crash has not, and so not in the list.
_OWN = ("output",)
#: Settings that name a file.
_OF_FILES = ("console", "namelist", "error")
#: What can be typed behind `set`; crash lists the dump's name, but has no word for it.
NAMES = (*(name for name in _LISTED if name != "dumpfile"), *_OWN, *_SHORT, "free", "data_debug")


_ON_OFF = {"on": "", "off": ""}
#: What each setting is for, and the values it takes where they are few, with a remark each.
ABOUT: dict[str, tuple[str, dict[str, str]]] = {
    "scroll": (
        "the pager for long output",
        {
            "on": "as it was before",
            "off": "no pager",
            "less": "less",
            "more": "more",
            "CRASHPAGER": "what the environment's $CRASHPAGER says",
        },
    ),
    "radix": (
        "how numbers are shown (also: hex, dec)",
        {"10": "decimal", "16": "hexadecimal"},
    ),
    "refresh": ("kept for input files; a dump does not change", _ON_OFF),
    "print_max": ("how many elements of an array are printed", {}),
    "print_array": ("arrays one element a line", _ON_OFF),
    "console": ("a device that debug messages go to", {}),
    "debug": ("how much is told about the inner workings", {}),
    "core": ("drop core at an error message", _ON_OFF),
    "hash": ("check lists for repeated entries", _ON_OFF),
    "silent": ("no messages at the start, no prompt in batch", _ON_OFF),
    "edit": ("how the command line is edited", {"vi": "as in vi", "emacs": "as in emacs"}),
    "namelist": ("the kernel's debug file", {}),
    "unwind": ("back traces by the debug information", _ON_OFF),
    "zero_excluded": ("pages left out of the dump read as zeros", _ON_OFF),
    "null-stop": ("strings end at the first NUL", _ON_OFF),
    "gdb": ("lines are meant for gdb", _ON_OFF),
    "scope": ("a text address whose source file decides among names", {}),
    "offline": (
        "CPUs that are offline",
        {"show": "they are shown", "hide": "they are left out"},
    ),
    "redzone": ("slab objects shown with their red zones", _ON_OFF),
    "error": (
        "where error messages go",
        {"default": "to the terminal and the output", "redirect": "where the output goes"},
    ),
    "output": ("what rows become", {"text": "crash's text", "json": "an object a line"}),
}


class Scope(NamedTuple):
    """A text address, `offset` bytes behind `symbol`, which decides among names."""

    address: Address
    symbol: str
    offset: Bytes


@dataclass(frozen=True)
class SettingRow(Row, kind="set.setting"):
    """A setting and its value, None where it is not set."""

    name: str
    value: bool | int | str | Scope | None


class Invalid(Exception):
    """The value does not fit the setting."""


class _Refused(Exception):
    """The setting is not changed, and not shown; the message says why."""


def every_setting(ctx: Context) -> Iterator[SettingRow]:
    """The rows of all settings."""
    return (_row(ctx, name) for name in _LISTED)


def offers(name: str, typed: str) -> Iterator[Offer]:
    """What could stand behind one of NAMES."""
    for value, remark in ABOUT.get(name, ("", {}))[1].items():
        yield Offer(value, remark)
    if name in _OF_FILES:
        yield from files(typed)


def remark_on(name: str) -> str:
    """What one of NAMES is for."""
    if name in _SHORT:
        return f"short for {_SHORT[name]} {name}"
    return ABOUT[name][0] if name in ABOUT else "setting"


def change(ctx: Context, name: str, value: str | None) -> Iterator[Row]:
    """Change one of NAMES to a value as it is typed, and show it; without a value show it alone.

    Raises Invalid, CrashError.
    """
    if name == "data_debug":
        return
    setting, value = (_SHORT[name], name) if name in _SHORT else (name, value)
    if value is not None and setting in _CHANGES:
        if name == "emacs" and not _may_set_edit(ctx.settings):
            raise CrashError(_AT_RUNTIME.format(f" {ctx.settings.edit}"))
        try:
            message = _CHANGES[setting](ctx, value)
        except _Refused as refused:
            yield Notice(str(refused))
            return
        if message:
            yield Notice(message)
    yield _row(ctx, setting)


def _row(ctx: Context, name: str) -> SettingRow:
    value = getattr(ctx.settings, name.replace("-", "_"))
    if name == "scope":
        value = _scope(ctx, value) if value else None
    elif name == "console" and value == Settings.console:
        value = None
    return SettingRow(name, value)


def _scope(ctx: Context, address: int) -> Scope:
    symbol, offset = ctx.kernel.symbols.place(address) or ("", 0)
    return Scope(address, symbol, offset)


def _truth(text: str) -> bool:
    """on, off, or a number. Raises Invalid."""
    if text in ("on", "off"):
        return text == "on"
    if is_number(text):
        return number(text) != 0
    raise Invalid


# Each takes a value as it is typed, and gives a message that stands before the setting, or
# nothing. They raise Invalid, _Refused, CrashError.

_Change = Callable[[Context, str], "str | None"]


def _switch(attribute: str) -> _Change:
    """A setting that is on or off."""

    def change(ctx: Context, value: str) -> None:
        setattr(ctx.settings, attribute, _truth(value))

    return change


def _set_zero_excluded(ctx: Context, value: str) -> None:
    ctx.settings.zero_excluded = ctx.kernel.memory.zero_excluded = _truth(value)


def _set_debug(ctx: Context, value: str) -> None:
    level = number(value) if is_number(value) else int(_truth(value))
    ctx.settings.debug = level - (1 << 64 if level >> 63 else 0)  # it is a long


def _set_silent(ctx: Context, value: str) -> None:
    ctx.settings.silent = _truth(value)
    if ctx.settings.silent:
        ctx.settings.scroll = "off"


def _set_scroll(ctx: Context, value: str) -> None:
    settings = ctx.settings
    if settings.scroller == "none":
        return
    if value in ("less", "more", "CRASHPAGER"):
        if value != "CRASHPAGER" or os.environ.get("CRASHPAGER"):
            settings.scroller = value
        on = settings.scroll != "off"
    else:
        on = _truth(value)
    settings.scroll = settings.scroller if on else "off"


def _set_radix(ctx: Context, value: str) -> None:
    if value == "10" or value.startswith(("dec", "ten")):
        ctx.settings.radix = 10
    elif value == "16" or value.startswith(("hex", "six")):
        ctx.settings.radix = 16
    else:
        raise Invalid


def _may_set_edit(settings: Settings) -> bool:
    """Whether the editing mode can change: with crash before the first line alone."""
    return settings.starting or settings.editing


def _set_edit(ctx: Context, value: str) -> None:
    if not _may_set_edit(ctx.settings) or value not in ("vi", "emacs"):
        raise CrashError(_AT_RUNTIME.format(""))
    ctx.settings.edit = value


def _set_print_max(ctx: Context, value: str) -> None:
    if is_decimal(value):
        ctx.settings.print_max = integer(value)
    elif is_hexadecimal(value):
        ctx.settings.print_max = hexadecimal(value)
    else:
        raise Invalid


def _set_console(ctx: Context, value: str) -> str | None:
    ctx.settings.console = value
    try:
        os.close(os.open(value, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as error:
        return f"console device {value}: {error.strerror}"
    return None


def _set_scope(ctx: Context, value: str) -> None:
    address = _text_address(ctx, value)
    if address and not ctx.kernel.symbols.is_text(address):
        raise _Refused(f"invalid text address: {value}")
    ctx.settings.scope = address


def _text_address(ctx: Context, text: str) -> int:
    """A symbol, an address, or one of them and a distance joined by + or -. Raises Invalid."""
    text = text[1:-1] if text[:1] == "(" and text[-1:] == ")" else text
    for sign in ("+", "-"):
        base, found, distance = text.partition(sign)
        if found and base and is_number(distance.strip()):
            offset = number(distance.strip())
            return _text_address(ctx, base.strip()) + (offset if sign == "+" else -offset)
    if is_hexadecimal(text):
        return hexadecimal(text)
    symbol = ctx.kernel.symbols.by_name(text)
    if symbol is None:
        raise Invalid
    return symbol.address


def _set_offline(ctx: Context, value: str) -> None:
    if value not in ("show", "hide"):
        raise Invalid
    ctx.settings.offline = value


def _set_output(ctx: Context, value: str) -> None:
    if value not in ("text", "json"):
        raise Invalid
    ctx.settings.output = value


def _set_error(ctx: Context, value: str) -> None:
    if value not in ("default", "redirect", ctx.settings.error):
        try:
            with open(value, "a"):
                pass
        except OSError:
            raise _Refused(f"invalid path: {value}") from None
    ctx.settings.error = value


_CHANGES: dict[str, _Change] = {
    "scroll": _set_scroll,
    "radix": _set_radix,
    "refresh": _switch("refresh"),
    "print_max": _set_print_max,
    "print_array": _switch("print_array"),
    "console": _set_console,
    "debug": _set_debug,
    "core": _switch("core"),
    "hash": _switch("hash"),
    "silent": _set_silent,
    "edit": _set_edit,
    "unwind": _switch("unwind"),
    "zero_excluded": _set_zero_excluded,
    "null-stop": _switch("null_stop"),
    "gdb": _switch("gdb"),
    "scope": _set_scope,
    "offline": _set_offline,
    "redzone": _switch("redzone"),
    "error": _set_error,
    "output": _set_output,
}
