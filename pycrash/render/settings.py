"""Settings as `set` shows them, one of them or all in a list."""

from __future__ import annotations

import os
from collections.abc import Iterator

from pycrash.api.sessionsettings import Scope, SettingRow
from pycrash.kernel.symbols.table import offset_text
from pycrash.settings import Settings


def setting_lines(row: SettingRow, settings: Settings, listed: bool) -> Iterator[str]:
    """The line of a setting; silence is not spoken of but in the list."""
    if listed:
        yield f"{row.name:>14}: {_text(row, settings, listed)}"
    elif row.name != "silent" or not row.value:
        # crash sets the one name "offline" as in its list.
        label = {"radix": "output radix", "offline": f"{'offline':>13}"}.get(row.name, row.name)
        yield f"{label}: {_text(row, settings, listed)}"


def _text(row: SettingRow, settings: Settings, listed: bool) -> str:
    value = row.value
    text = ("on" if value else "off") if isinstance(value, bool) else str(value)
    if row.name == "scroll":
        return f"{'off' if value == 'off' else 'on'} ({_pager(settings.scroller)})"
    if row.name == "radix":
        hexadecimal = "hexadecimal" if listed else "hex"
        return f"{text} ({'decimal' if value == 10 else hexadecimal})"
    if row.name == "console" and value is None:
        return Settings.console if listed else "not set"
    if row.name == "core" and not listed:
        return f"{text} ({'drop' if value else 'do NOT drop'} core on error message)"
    if row.name == "scope":
        return _scope(value) if isinstance(value, Scope) else "0 (not set)"
    return text


def _pager(scroller: str) -> str:
    if scroller == "CRASHPAGER":
        return f"CRASHPAGER: {os.environ.get('CRASHPAGER', '')}"
    return {"less": "/usr/bin/less", "more": "/bin/more"}.get(scroller, scroller)


def _scope(scope: Scope) -> str:
    return f"{scope.address:x} ({scope.symbol}{offset_text(scope.offset, 10)})"
