"""printf and echo: text with values in it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import drgn
from drgn import TypeKind

from pycrash.cexpr.eval.evaluator import Evaluator
from pycrash.cexpr.eval.kinds import kind_of, real_type
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.printing.values import read_string
from pycrash.cexpr.syntax.errors import ExprError, no_memory

_PLACE = re.compile(r"%([-+ #0]*)(\d*)(\.\d+)?(hh|h|ll|l|z|j|t|L)?(.)", re.S)
_ESCAPES = {"a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_ESCAPES |= {"v": "\v", '"': '"', "\\": "\\"}
_ECHO = re.compile(r"\\(\n|[0-7]{1,3}|.|$)", re.S)
#: The longest string that %s fetches, and the widest field.
MAX_STRING = 1 << 16
MAX_WIDTH = 1 << 12


def echo_command(arguments: str) -> Iterator[str]:
    """What `echo text` prints: the text with its escapes, no newline."""

    def escape(match: re.Match[str]) -> str:
        char = match[1]
        if char == "":
            return ""
        if char == "\n":
            return ""
        if char[0] in "01234567":
            return chr(int(char, 8) & 0xFF)
        return _ESCAPES.get(char, char)

    yield _ECHO.sub(escape, arguments)


def printf_command(session: Session, arguments: str) -> Iterator[str]:
    """What `printf "format", expression...` prints. Raises ExprError, ReadError."""
    if not arguments:
        raise ExprError("Argument required (format-control string and values to print).")
    if not arguments.startswith('"'):
        raise ExprError("Bad format string")
    form, rest = _format_string(arguments)
    rest = rest.strip()
    if rest and not rest.startswith(","):
        raise ExprError("Invalid argument syntax")
    wanted = [match for match in _PLACE.finditer(form) if match[5] != "%"]
    for match in wanted:
        if match[5] not in "diouxXcsfeEgGaAp":
            raise ExprError(f"Unrecognized format specifier '{match[5]}' in printf")
    if form.replace("%%", "").count("%") > len(wanted):
        raise ExprError("Incomplete format specifier at end of format string")
    evaluator = Evaluator(session)
    texts = _split_arguments(rest[1:]) if rest else []
    if len(texts) != len(wanted):
        raise ExprError("Wrong number of arguments for specified format-string")
    values = [evaluator.value(evaluator.parse(text)) for text in texts]
    yield from (f"{line}\n" for line in evaluator.warnings)
    given = iter(values)

    def fill(match: re.Match[str]) -> str:
        return "%" if match[5] == "%" else _text(evaluator, match, next(given))

    yield _PLACE.sub(fill, form)


def _format_string(text: str) -> tuple[str, str]:
    """The string a line begins with, escapes replaced, and what follows it."""
    out = []
    at = 1
    while at < len(text) and text[at] != '"':
        char = text[at]
        if char == "\\":
            at += 1
            char = text[at : at + 1]
            octal = re.compile(r"[0-7]{1,3}").match(text, at)
            if octal:
                out.append(chr(int(octal[0], 8) & 0xFF))
                at = octal.end()
                continue
            if char not in _ESCAPES:
                raise ExprError(f"Unrecognized escape character \\{char} in format string.")
            char = _ESCAPES[char]
        out.append(char)
        at += 1
    if at >= len(text):
        raise ExprError("Bad format string, non-terminated '\"'")
    return "".join(out), text[at + 1 :]


def _split_arguments(text: str) -> list[str]:
    """Expressions between commas that stand in no bracket or quote."""
    found = [""]
    depth, quote = 0, ""
    for at, char in enumerate(text):
        if quote:
            if char == quote and text[at - 1] != "\\":
                quote = ""
        elif char in "'\"":
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == "," and not depth:
            found.append("")
            continue
        found[-1] += char
    return found


def _text(evaluator: Evaluator, match: re.Match[str], value: drgn.Object) -> str:
    """One value in one place of the format."""
    flags, width, precision, length, letter = match.groups()
    if int(width or 0) > MAX_WIDTH or int((precision or ".0")[1:] or 0) > MAX_WIDTH:
        raise ExprError("The field is too wide.")
    if letter == "s":
        return f"%{flags}{width}{precision or ''}s" % _string(evaluator, value)
    if letter == "c":
        return f"%{flags}{width}s" % chr(evaluator.arith.number(value) & 0xFF)
    if letter == "p":
        address = evaluator.arith.number(value) & evaluator.kernel.word_mask
        return f"%{flags.replace('0', '')}{width}s" % (f"{address:#x}" if address else "(nil)")
    if letter in "feEgGaA":
        number = evaluator.arith.scalar(value)
        if letter in "aA":
            return float(number).hex()
        return f"%{flags}{width}{precision or ''}{letter}" % float(number)
    number = evaluator.arith.number(value)
    bits = 8 * {"hh": 1, "h": 2, "l": evaluator.kernel.word_size}.get(length or "", 4)
    if length in ("ll", "j", "z", "t"):
        bits = 64
    number &= (1 << bits) - 1
    if letter in "di" and number >> (bits - 1):
        number -= 1 << bits
    return f"%{flags}{width}{precision or ''}{'d' if letter in 'iu' else letter}" % number


def _string(evaluator: Evaluator, value: drgn.Object) -> str:
    """The characters of an array, or those a pointer points to."""
    real = real_type(value.type_)
    if real.kind == TypeKind.ARRAY and value.address_ is None:
        return bytes(value.to_bytes_()).partition(b"\0")[0].decode("latin-1")
    if kind_of(value) not in (TypeKind.ARRAY, TypeKind.POINTER, TypeKind.INT):
        raise ExprError("Value can't be converted to integer.")
    address = evaluator.arith.number(value) & evaluator.kernel.word_mask
    if not address:
        return "(null)"
    data, bad = read_string(evaluator.kernel, address, 1, MAX_STRING)
    if bad is not None:
        raise no_memory(bad)
    return data.rstrip(b"\0").decode("latin-1")
