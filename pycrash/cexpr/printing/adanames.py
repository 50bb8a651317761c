"""Names of symbols as gdb shows them when it takes them for Ada's.

gdb guesses the language of a symbol without debugging data from its name, and Ada's way of
making linker names fits many that are C: `counter.0` is shown as `counter`, `foo.cold` as
`foo[cold]`, `a__b` as `a.b`.
"""

from __future__ import annotations

import re

_SUFFIX = re.compile(r"(?<=.)\.([A-Za-z]*)\Z")
_DIGITS = re.compile(r"(?<=.)(?:\.|\$|___|__)\d+\Z")
_COUNTED = re.compile(r"(?<=..)__\d+(?:_\d+)*\Z")
_DOLLAR = re.compile(r"\$\d+(?:_\d+)*\Z")
_BLOCK = re.compile(r"__B_\d+__")
_BODY = re.compile(r"(?<=[A-Za-z0-9])X")


def shown_name(name: str) -> str:
    """The name gdb prints for a symbol's name."""
    decoded = _decode(name)
    return name if decoded is None else decoded


def _decode(name: str) -> str | None:
    """The Ada name a linker name stands for, None where it can be none."""
    text = name.removeprefix(".").removeprefix("_ada_").removeprefix("___ghost_")
    if not text or text[0] in "_<":
        return None
    suffix = ""
    if match := _SUFFIX.search(text):
        suffix = f"[{match[1]}]"
        text = text[: match.start()]
    text = _DIGITS.sub("", text)
    head, mark, tail = text.partition("___")
    if mark and tail:
        if tail[0] != "X":
            return None
        text = head
    for ending in ("TKB", "TB", "B"):
        if len(text) > len(ending):
            text = text.removesuffix(ending)
    text = _DOLLAR.sub("", _COUNTED.sub("", text))
    text = _BLOCK.sub("__", text.replace("TK__", "__"))
    if match := _BODY.search(text):
        if text[match.end() :].strip("bn"):
            return None
        text = text[: match.start()]
    last = len(text) - 2
    text = re.sub("__", lambda m: "." if m.start() < last else m[0], text)
    if any(c.isupper() or c == " " for c in text):
        return None
    return text + suffix
