"""Rows as JSON: one object a line, whatever the command."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from pycrash.api.rows import Row


def json_lines(rows: Iterable[Row]) -> Iterator[str]:
    """One object a row: `row` is its kind, the rest its fields. Numbers stay exact."""
    encode = json.JSONEncoder(ensure_ascii=True).encode
    for row in rows:
        yield encode(plain(row))


def plain(value: Any) -> Any:
    """A value of a row in what JSON knows: bytes become hexadecimal digits."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value.value if isinstance(value, Enum) else value
    if is_dataclass(value) and not isinstance(value, type):
        named = {f.name: plain(getattr(value, f.name)) for f in fields(value)}
        return {"row": type(value).__name__, **named} if isinstance(value, Row) else named
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        named = {name: plain(held) for name, held in zip(value._fields, value, strict=True)}
        return {"kind": type(value).__name__, **named}
    if isinstance(value, dict):
        return {str(key): plain(held) for key, held in value.items()}
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, Iterable):
        return [plain(held) for held in value]
    return str(value)
