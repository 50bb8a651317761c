"""Readable names of Rust symbols, in both manglings of rustc: the legacy one and v0.

The text is that of GNU's demangler without its verbose mode: no hashes, no crate ids.
"""

from __future__ import annotations

import re
from collections.abc import Callable

#: Deeper nesting and longer names than these are no symbol's.
MAX_DEPTH = 200
MAX_LENGTH = 20_000

_BASIC = {
    "a": "i8", "b": "bool", "c": "char", "d": "f64", "e": "str", "f": "f32", "h": "u8",
    "i": "isize", "j": "usize", "l": "i32", "m": "u32", "n": "i128", "o": "u128", "p": "_",
    "s": "i16", "t": "u16", "u": "()", "v": "...", "x": "i64", "y": "u64", "z": "!",
}  # fmt: skip
_LEGACY = {
    "SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ",",
}  # fmt: skip


class _BadName(Exception):
    """The text is no mangled name."""


def demangle(name: str) -> str | None:
    """The readable form of a mangled name; None where it is none."""
    try:
        if name.startswith("_R"):
            return _Reader(re.split(r"\.", name[2:], maxsplit=1)[0]).read()
        if name.startswith("_ZN"):
            return _legacy(name[3:])
    except (_BadName, RecursionError):
        pass
    return None


def demangle_call(text: str) -> str:
    """Lines of a log, in each the Rust symbol before the last `+` made readable."""
    return "\n".join(_in_line(line) for line in text.split("\n"))


def _in_line(line: str) -> str:
    start = line.find("_R")
    if start < 0:
        start = line.find("_ZN")
    end = line.rfind("+")
    name = demangle(line[start:end]) if 0 <= start < end else None
    return line if name is None else line[:start] + name + line[end:]


def _legacy(text: str) -> str:
    """Path segments led by their lengths, the last of them a hash, then E."""
    text = re.sub(r"\.llvm\.[0-9A-F@]+$", "", text)
    if not re.fullmatch(r"[\w$.:@]*17h[0-9a-f]{16}E", text, re.ASCII):
        raise _BadName
    parts, at = [], 0
    while at < len(text) - 1:
        size = re.match(r"[1-9]\d*", text[at:])
        if size is None:
            raise _BadName
        at += size.end()
        parts.append(text[at : at + int(size[0])])
        at += int(size[0])
    if at != len(text) - 1:
        raise _BadName
    return "::".join(_legacy_segment(part) for part in parts[:-1])


def _legacy_segment(part: str) -> str:
    if part.startswith("_$"):
        part = part[1:]

    def plain(match: re.Match[str]) -> str:
        if match[0] == "..":
            return "::"
        code = match[1]
        if code in _LEGACY:
            return _LEGACY[code]
        if re.fullmatch("u[0-9a-f]+", code) and 0x20 <= int(code[1:], 16) < 0x7F:
            return chr(int(code[1:], 16))
        raise _BadName

    return re.sub(r"\.\.|\$(\w*)\$", plain, part)


class _Reader:
    """Reads one name of the v0 mangling, of which `text` is what follows `_R`."""

    def __init__(self, text: str) -> None:
        if not re.fullmatch(r"[A-Z]\w*", text, re.ASCII):
            raise _BadName
        self._text = text
        self._at = 0
        self._depth = 0
        self._length = 0
        self._lifetimes = 0
        self._out: list[str] = []
        self._silent = False

    def read(self) -> str:
        self._path(in_value=True)
        if self._at < len(self._text):
            # The crate that instantiated it is not shown.
            self._silent = True
            self._path(in_value=False)
        if self._at != len(self._text):
            raise _BadName
        return "".join(self._out)

    def _next(self) -> str:
        if self._at >= len(self._text):
            raise _BadName
        self._at += 1
        return self._text[self._at - 1]

    def _eat(self, char: str) -> bool:
        found = self._text.startswith(char, self._at)
        self._at += found
        return found

    def _print(self, text: str) -> None:
        if not self._silent:
            self._out.append(text)
            self._length += len(text)
            if self._length > MAX_LENGTH:
                raise _BadName

    def _number62(self) -> int:
        """Digits 0-9a-zA-Z closed by `_`; none of them stand for 0, else one more than they say."""
        match = re.compile(r"[0-9a-zA-Z]*_").match(self._text, self._at)
        if match is None:
            raise _BadName
        self._at = match.end()
        value = 0
        for char in match[0][:-1]:
            digit = ord(char) - (48 if char.isdigit() else 87 if char.islower() else 29)
            value = value * 62 + digit
        return value + 1 if len(match[0]) > 1 else 0

    def _tagged(self, tag: str) -> int:
        return self._number62() + 1 if self._eat(tag) else 0

    def _identifier(self) -> str:
        punycode = self._eat("u")
        match = re.compile(r"(0|[1-9]\d*)_?").match(self._text, self._at)
        if match is None:
            raise _BadName
        start = match.end()
        self._at = start + int(match[1])
        text = self._text[start : self._at]
        if self._at > len(self._text):
            raise _BadName
        if not punycode:
            return text
        plain, _, coded = text.rpartition("_")
        try:
            return (
                f"{plain}-{coded}".encode().decode("punycode")
                if plain
                else (coded.encode().decode("punycode"))
            )
        except (UnicodeError, ValueError):
            raise _BadName from None

    def _within(self, step: Callable[[], None]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _BadName
        step()
        self._depth -= 1

    def _back(self, step: Callable[[], None]) -> None:
        """Read again what stands at an earlier place."""
        place = self._number62()
        if place >= self._at - 1:
            raise _BadName
        if self._silent:
            return
        after, self._at = self._at, place
        self._within(step)
        self._at = after

    def _path(self, in_value: bool) -> None:
        self._within(lambda: self._path_of(self._next(), in_value))

    def _path_of(self, tag: str, in_value: bool) -> None:
        if tag == "C":
            self._tagged("s")
            self._print(self._identifier())
        elif tag == "N":
            self._nested(in_value)
        elif tag in "MXY":
            if tag != "Y":
                self._tagged("s")
                silent, self._silent = self._silent, True
                self._path(in_value)
                self._silent = silent
            self._print("<")
            self._type()
            if tag != "M":
                self._print(" as ")
                self._path(in_value=False)
            self._print(">")
        elif tag == "I":
            self._path(in_value)
            self._print("::<" if in_value else "<")
            self._list(self._argument)
            self._print(">")
        elif tag == "B":
            self._back(lambda: self._path(in_value))
        else:
            raise _BadName

    def _nested(self, in_value: bool) -> None:
        space = self._next()
        if not space.isalpha():
            raise _BadName
        self._path(in_value)
        number = self._tagged("s")
        name = self._identifier()
        if space.isupper():
            kind = {"C": "closure", "S": "shim"}.get(space, space)
            self._print(f"::{{{kind}{':' + name if name else ''}#{number}}}")
        elif name:
            self._print(f"::{name}")

    def _list(self, step: Callable[[], None], mark: str = ", ") -> int:
        """Items up to an E; returns how many."""
        count = 0
        while not self._eat("E"):
            if count:
                self._print(mark)
            step()
            count += 1
        return count

    def _argument(self) -> None:
        if self._eat("L"):
            self._lifetime(self._number62())
        elif self._eat("K"):
            self._constant()
        else:
            self._type()

    def _lifetime(self, index: int) -> None:
        if not index:
            self._print("'_")
            return
        depth = self._lifetimes - index
        if depth < 0:
            raise _BadName
        self._print(f"'{chr(97 + depth)}" if depth < 26 else f"'_{depth}")

    def _type(self) -> None:
        self._within(lambda: self._type_of(self._next()))

    def _type_of(self, tag: str) -> None:
        if tag in _BASIC:
            self._print(_BASIC[tag])
        elif tag in "RQ":
            self._print("&")
            if self._eat("L") and (index := self._number62()):
                self._lifetime(index)
                self._print(" ")
            self._print("mut " if tag == "Q" else "")
            self._type()
        elif tag in "PO":
            self._print("*const " if tag == "P" else "*mut ")
            self._type()
        elif tag in "AS":
            self._print("[")
            self._type()
            if tag == "A":
                self._print("; ")
                self._constant()
            self._print("]")
        elif tag == "T":
            self._print("(")
            self._print(",)" if self._list(self._type) == 1 else ")")
        elif tag == "F":
            self._bound(self._function)
        elif tag == "D":
            self._print("dyn ")
            self._bound(lambda: self._list(self._trait, " + "))
            if not self._eat("L"):
                raise _BadName
            if index := self._number62():
                self._print(" + ")
                self._lifetime(index)
        elif tag == "B":
            self._back(self._type)
        else:
            self._path_of(tag, in_value=False)

    def _bound(self, step: Callable[[], object]) -> None:
        """What may be led by lifetimes of its own: "for<'a, 'b> "."""
        count = self._tagged("G")
        if count > MAX_DEPTH:
            raise _BadName
        if count:
            self._print("for<")
            for place in range(count):
                self._print(", " if place else "")
                self._lifetimes += 1
                self._lifetime(1)
            self._print("> ")
        step()
        self._lifetimes -= count

    def _function(self) -> None:
        self._print("unsafe " if self._eat("U") else "")
        if self._eat("K"):
            name = "C" if self._eat("C") else self._identifier().replace("_", "-")
            self._print(f'extern "{name}" ')
        self._print("fn(")
        self._list(self._type)
        self._print(")")
        if not self._eat("u"):
            self._print(" -> ")
            self._type()

    def _trait(self) -> None:
        """A trait of a dyn type; the types it is bound to join its generic arguments."""
        is_open = self._open_path()
        while self._eat("p"):
            self._print(", " if is_open else "<")
            is_open = True
            self._print(f"{self._identifier()} = ")
            self._type()
        self._print(">" if is_open else "")

    def _open_path(self) -> bool:
        """A path whose generic arguments, if it has any, are left unclosed."""
        is_open = False
        if self._eat("B"):
            found: list[bool] = []
            self._back(lambda: found.append(self._open_path()))
            is_open = bool(found and found[0])
        elif self._eat("I"):
            self._path(in_value=False)
            self._print("<")
            self._list(self._argument)
            is_open = True
        else:
            self._path(in_value=False)
        return is_open

    def _constant(self) -> None:
        if self._eat("B"):
            self._back(self._constant)
            return
        tag = self._next()
        if tag == "p":
            self._print("_")
        elif tag in "hjtmyoaslxni":
            negative = tag in "aslxni" and self._eat("n")
            digits = self._hexadecimal()
            value = int(digits or "0", 16)
            self._print("-" if negative else "")
            self._print(f"0x{digits}" if len(digits) > 16 else str(value))
        elif tag == "b":
            digits = self._hexadecimal()
            if digits not in ("0", "1"):
                raise _BadName
            self._print("true" if digits == "1" else "false")
        elif tag == "c":
            code = int(self._hexadecimal() or "0", 16)
            if code > 0x10FFFF:
                raise _BadName
            self._print(f"'{_char(code)}'")
        else:
            raise _BadName

    def _hexadecimal(self) -> str:
        match = re.compile(r"[0-9a-f]*_").match(self._text, self._at)
        if match is None:
            raise _BadName
        self._at = match.end()
        return match[0][:-1]


def _char(code: int) -> str:
    """A character as Rust writes it between quotes."""
    named = {9: r"\t", 10: r"\n", 13: r"\r", 39: r"\'", 92: "\\\\"}
    if code in named:
        return named[code]
    return chr(code) if 0x20 <= code < 0x7F else f"\\u{{{code:x}}}"
