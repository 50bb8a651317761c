"""Cuts C text into tokens, with gdb's rules for numbers, strings and names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from pycrash.cexpr.syntax.errors import ExprError

Kind = Literal["int", "float", "char", "string", "name", "quoted", "dollar", "op", "end"]

OPERATORS = (
    *(">>=", "<<=", "..."),
    *("+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=", "++", "--", "->", "&&", "||", "::"),
    *("<<", ">>", "==", "!=", "<=", ">="),
    *"[](),.@+-*/%|&^~!<>?:={}",
)
_OPERATOR = re.compile("|".join(re.escape(op) for op in OPERATORS))
_SPACE = re.compile(r"[ \t\n]+")
_NAME = re.compile(r"[A-Za-z_$\u0080-\U0010ffff][\w$\u0080-\U0010ffff]*")
_DIGITS = {2: "01", 8: "01234567", 10: "0123456789", 16: "0123456789abcdef"}
_INTEGER = re.compile(r"(0x|0b|0t|0d)?([0-9a-f]+?)([ul]*)\Z")
_ESCAPES = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "e": 27}


@dataclass(frozen=True)
class Token:
    """One token; `at` is its place in the text, `value` what a constant stands for.

    `type` is the C type of an "int" or "float", the prefix (L, u, U or none) of a "char" or
    "string".
    """

    kind: Kind
    text: str
    at: int
    value: int | float | tuple[int, ...] = 0
    type: str = ""


def tokenize(text: str, radix: int = 10) -> list[Token]:
    """All tokens of a text, an "end" last. `radix` is gdb's input radix.

    Raises ExprError for a bad number, string or character.
    """
    tokens: list[Token] = []
    at, depth = 0, 0
    while True:
        if space := _SPACE.match(text, at):
            at = space.end()
        if at >= len(text):
            break
        token = _next(text, at, radix)
        if token.kind == "op":
            if token.text in "([":
                depth += 1
            elif token.text in ")]":
                # gdb ends the expression at a bracket that closes none.
                if depth == 0:
                    break
                depth -= 1
        elif token.kind == "name" and _ends_expression(token.text, text, at):
            break
        tokens.append(token)
        at += len(token.text)
    tokens.append(Token("end", "", at))
    return tokens


def _ends_expression(name: str, text: str, at: int) -> bool:
    """Whether a word ends an expression as in a breakpoint's condition: `if`, `thread 1`."""
    if name == "if":
        return True
    if not ("thread".startswith(name) or "task".startswith(name)):
        return False
    return re.match(r"[ \t]+[0-9]", text[at + len(name) :]) is not None


def _next(text: str, at: int, radix: int) -> Token:
    char = text[at]
    following = text[at + 1 : at + 2]
    if char.isascii() and (char.isdigit() or (char == "." and following.isdigit())):
        return _number(text, at, radix)
    if char in "'\"" or (char in "LuU" and following in ("'", '"')):
        return _quoted(text, at)
    if match := _OPERATOR.match(text, at):
        return Token("op", match[0], at)
    if match := _NAME.match(text, at):
        return Token("dollar" if char == "$" else "name", match[0], at)
    raise ExprError(f"Invalid character '{char}' in expression.")


def _number(text: str, at: int, radix: int) -> Token:
    prefix = text[at : at + 2].lower()
    hexadecimal = radix > 10 or prefix == "0x"
    end = at + 2 if prefix in ("0x", "0t", "0d") else at
    if prefix in ("0t", "0d"):
        hexadecimal = False
    floating = exponent = False
    while end < len(text):
        char = text[end].lower()
        last = text[end - 1].lower() if end > at else ""
        if not exponent and (char == "p" or (char == "e" and not hexadecimal)):
            floating = exponent = True
        elif (char == "." and not floating) or (exponent and last in "ep" and char in "+-"):
            floating = True
        elif not (char.isascii() and char.isalnum()) and char != "'":
            break
        end += 1
    word = text[at:end]
    digits = word.replace("'", "").lower()
    try:
        if floating:
            return _float(word, digits, at)
        value, type_name = _integer(digits, radix)
    except (ValueError, OverflowError):
        raise ExprError(f'Invalid number "{word}".') from None
    return Token("int", word, at, value, type_name)


def _float(word: str, digits: str, at: int) -> Token:
    if digits.endswith(("df", "dd", "dl", "i")):
        raise ExprError("Decimal and complex constants are not supported.")
    type_name = "double"
    if not digits.startswith("0x") and digits[-1:] == "f":
        type_name, digits = "float", digits[:-1]
    elif digits[-1:] == "l":
        type_name, digits = "long double", digits[:-1]
    value = float.fromhex(digits) if digits.startswith("0x") else float(digits)
    return Token("float", word, at, value, type_name)


def _integer(digits: str, radix: int) -> tuple[int, str]:
    """Value and C type of an integer constant. Raises ValueError, ExprError."""
    if digits.endswith("i"):
        raise ExprError("Complex constants are not supported.")
    match = _INTEGER.match(digits)
    if match is None:
        raise ValueError(digits)
    base = {"0x": 16, "0b": 2, "0t": 10, "0d": 10}.get(match[1], radix)
    body, suffix = match[2], match[3]
    if match[1] is None and len(digits) > 1 and digits[0] == "0":
        base = 8
    if len(body) > 4096 or any(digit not in _DIGITS.get(base, _DIGITS[16]) for digit in body):
        raise ValueError(digits)
    value = int(body, base)
    unsigned, longs = "u" in suffix, suffix.count("l")
    may_be_unsigned = unsigned or base != 10 or value >= 1 << 63
    for bits, name in ((32, "int"), (64, "long"), (64, "long long")):
        if longs > ("int", "long", "long long").index(name):
            continue
        if not unsigned and value < 1 << (bits - 1):
            return value, name
        if may_be_unsigned and value < 1 << bits:
            return value, f"unsigned {name}"
    raise ExprError("Numeric constant too large.")


def _quoted(text: str, at: int) -> Token:
    """A string, a character, or a name in single quotes."""
    begin = at + (text[at] in "LuU")
    quote = text[begin]
    prefix = text[at:begin]
    codes: list[int] = []
    end = begin + 1
    while end < len(text) and text[end] != quote:
        if text[end] == "\\":
            end = _escape(text, end + 1, codes)
        elif not prefix:
            codes.extend(text[end].encode("utf-8", "surrogateescape"))
            end += 1
        else:
            codes.append(ord(text[end]))
            end += 1
    if end >= len(text):
        kind = "Unterminated string in expression." if quote == '"' else "Unmatched single quote."
        raise ExprError(kind)
    word = text[at : end + 1]
    if quote == '"':
        return Token("string", word, at, tuple(codes), prefix)
    if not codes:
        raise ExprError("Empty character constant.")
    if len(codes) > 2 and not prefix:
        return Token("quoted", word, at)
    if len(codes) > 1:
        raise ExprError("Invalid character constant.")
    return Token("char", word, at, codes[0], prefix)


def _escape(text: str, at: int, codes: list[int]) -> int:
    """Add the character behind a backslash; returns the place behind it."""
    char = text[at : at + 1]
    if char == "x":
        match = re.compile(r"[0-9A-Fa-f]+").match(text, at + 1)
        if match is None:
            raise ExprError("\\x escape without a following hex digit")
        codes.append(int(match[0][-8:], 16) & 0xFF)
        return match.end()
    if match := re.compile(r"[0-7]{1,3}").match(text, at):
        codes.append(int(match[0], 8) & 0xFF)
        return match.end()
    if char in ("u", "U"):
        most = 8 if char == "U" else 4
        match = re.compile(f"[0-9A-Fa-f]{{1,{most}}}").match(text, at + 1)
        if match is None:
            raise ExprError(f"\\{char} escape without a following hex digit")
        codes.append(int(match[0], 16))
        return match.end()
    if char and char != "\n":
        codes.append(_ESCAPES.get(char, ord(char) if ord(char) < 256 else 0x3F))
    return at + 1
