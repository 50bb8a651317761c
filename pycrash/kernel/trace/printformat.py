"""The print format of a trace event: a format string and C expressions of the event's members.

Parsed once into functions of an event's values, in the way of the libraries that read
tracefs/events/*/format. What is beyond them is Unknown, and the members are listed instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from pycrash.kernel.trace.cformat import Names, formatted

#: An event's values by name.
Values = dict[str, Any]
Part = Callable[[Values], Any]

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<char>'(?:[^'\\]|\\.)*')
    |(?P<number>0[xX][0-9a-fA-F]+|\d+)[uUlL]*|(?P<name>[A-Za-z_]\w*)
    |(?P<sign>->|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^~!<>?:(),{}\[\].]))""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", '"': '"', "'": "'", "0": "\0", "r": "\r"}
_WORD = (1 << 64) - 1
_LEVELS: list[dict[str, Callable[[int, int], int]]] = [
    {"||": lambda a, b: int(bool(a or b))},
    {"&&": lambda a, b: int(bool(a and b))},
    {"|": lambda a, b: a | b},
    {"^": lambda a, b: a ^ b},
    {"&": lambda a, b: a & b},
    {"==": lambda a, b: int(not (a ^ b) & _WORD), "!=": lambda a, b: int(bool((a ^ b) & _WORD))},
    {
        "<=": lambda a, b: int(a <= b),
        ">=": lambda a, b: int(a >= b),
        "<": lambda a, b: int(a < b),
        ">": lambda a, b: int(a > b),
    },
    {"<<": lambda a, b: a << (b & 63), ">>": lambda a, b: a >> (b & 63)},
    {"+": lambda a, b: _sum(a, b), "-": lambda a, b: a - b},
    {
        "*": lambda a, b: a * b,
        "/": lambda a, b: int(a / b) if b else 0,
        "%": lambda a, b: a % b if b else 0,
    },
]
_UNARY: dict[str, Callable[[int], int]] = {
    "!": lambda a: int(not a),
    "~": lambda a: ~a,
    "-": lambda a: -a,
    "+": lambda a: a,
}
#: Words that types are made of; others end in _t, or stand behind struct, union and enum.
_TYPE_WORDS = {
    *("unsigned", "signed", "int", "long", "short", "char", "void", "const", "bool", "struct"),
    *("union", "enum", "u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64", "__u8", "__u16"),
    *("__u32", "__u64", "__s8", "__s16", "__s32", "__s64", "gfp_t"),
}
_WIDTHS = {
    **{"char": 8, "u8": 8, "__u8": 8, "short": 16, "u16": 16, "__u16": 16, "s8": -8, "s16": -16},
    **{"int": 32, "u32": 32, "__u32": 32, "unsigned": 32, "s32": -32, "bool": 8},
}
_DEEPEST = 40


class Unknown(Exception):
    """A format that is not understood."""


class _Pointer(int):
    """A pointer to structures of `size` bytes."""

    size: int


def _pointer(value: int, size: int) -> _Pointer:
    made = _Pointer(value)
    made.size = size
    return made


def _sum(left: int, right: int) -> int:
    if isinstance(left, _Pointer):
        return _pointer(int(left) + int(right) * left.size & _WORD, left.size)
    return left + right


class PrintFormat:
    """One event's format. Raises Unknown."""

    def __init__(self, text: str, names: Names) -> None:
        self._tokens = list(_tokens(text))
        self._at = 0
        self._deep = 0
        self._names = names
        kind, form = self._next()
        if kind != "string":
            raise Unknown(form)
        while self._tokens[self._at : self._at + 1] and self._tokens[self._at][0] == "string":
            form += self._next()[1]
        self._form = form
        self._parts: list[Part] = []
        while self._taken(","):
            self._parts.append(self._conditional())
        if self._at != len(self._tokens):
            raise Unknown(self._tokens[self._at][1])

    def text(self, values: Values) -> str:
        """The message of an event. Raises Unknown where the values do not fit."""
        try:
            return formatted(self._form, [part(values) for part in self._parts], self._names)
        except (TypeError, ValueError, KeyError, IndexError, OverflowError) as error:
            raise Unknown(str(error)) from error

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise Unknown("end")
        self._at += 1
        return self._tokens[self._at - 1]

    def _taken(self, sign: str) -> bool:
        """Whether this sign stands here; then it is passed."""
        found = self._tokens[self._at : self._at + 1] == [("sign", sign)]
        self._at += found
        return found

    def _need(self, sign: str) -> None:
        if not self._taken(sign):
            raise Unknown(f"no {sign}")

    def _conditional(self) -> Part:
        self._deep += 1
        if self._deep > _DEEPEST:
            raise Unknown("nested too deep")
        test = self._binary(0)
        if self._taken("?"):
            first = self._conditional()
            self._need(":")
            second = self._conditional()
            self._deep -= 1
            return lambda values: first(values) if test(values) else second(values)
        self._deep -= 1
        return test

    def _binary(self, level: int) -> Part:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while True:
            sign = next((sign for sign in _LEVELS[level] if self._taken(sign)), None)
            if sign is None:
                return left
            left = _applied(_LEVELS[level][sign], left, self._binary(level + 1))

    def _unary(self) -> Part:
        for sign, apply in _UNARY.items():
            if self._taken(sign):
                return _of_one(apply, self._unary())
        # The address of a member, and what lies there, are the member.
        if self._taken("&") or self._taken("*"):
            return self._unary()
        if self._taken("("):
            cast = self._cast()
            if cast is not None:
                return _of_one(cast, self._unary())
            inner = self._conditional()
            self._need(")")
            return self._behind(inner)
        return self._behind(self._primary())

    def _type(self) -> tuple[list[str], bool] | None:
        """The words of a type up to the parenthesis behind it, and whether it is a pointer."""
        start, words = self._at, list[str]()
        while self._at < len(self._tokens) and self._tokens[self._at][0] == "name":
            words.append(self._next()[1])
        pointer = False
        while self._taken("*"):
            pointer = True
        typed = words and (words[0] in _TYPE_WORDS or words[0].endswith("_t"))
        if typed and self._taken(")"):
            return words, pointer
        self._at = start
        return None

    def _cast(self) -> Callable[[Any], Any] | None:
        """What the type in parentheses that begins here makes of a value; None for no type."""
        found = self._type()
        if found is None:
            return None
        words, pointer = found
        if pointer and words[0] == "struct":
            size = self._names.size(" ".join(words)) or 1
            return lambda value: _pointer(value, size) if isinstance(value, int) else value
        width = 0 if pointer else _width(words)
        return lambda value: _narrowed(value, width)

    def _behind(self, part: Part) -> Part:
        """An element of an array."""
        while self._taken("["):
            index = self._conditional()
            self._need("]")
            part = _element(part, index)
        return part

    def _primary(self) -> Part:
        kind, text = self._next()
        if kind == "number":
            value = int(text, 16 if text[:2] in ("0x", "0X") else 10)
            return lambda values: value
        if kind in ("string", "char"):
            held = text if kind == "string" else ord(text)
            return lambda values: held
        if kind != "name":
            raise Unknown(text)
        if text == "REC" and self._taken("->"):
            name = self._next()[1]
            return lambda values: values[name]
        if self._taken("("):
            return self._call(text)
        number = self._names.constant(text)
        if number is None:
            raise Unknown(text)
        return lambda values: number

    def _call(self, name: str) -> Part:
        if name == "sizeof":
            found = self._type()
            if found is None:
                raise Unknown(name)
            words, pointer = found
            size = abs(0 if pointer else _width(words)) // 8 or self._names.size(" ".join(words))
            if not size:
                raise Unknown(name)
            return lambda values: size
        if name.startswith("__get_"):
            member = self._next()[1]
            self._need(")")
            if name.endswith(("bitmask", "cpumask")):
                return lambda values: _mask(values[member])
            suffix = "_len" if name.endswith("_len") else ""
            return lambda values: values[member + suffix]
        given: list[Any] = []
        while not self._taken(")"):
            given.append(self._pair() if self._taken("{") else self._conditional())
            if not self._taken(","):
                self._need(")")
                break
        if name not in _FUNCTIONS:
            raise Unknown(name)
        return _FUNCTIONS[name](given)

    def _pair(self) -> tuple[Part, Part]:
        first = self._conditional()
        self._need(",")
        second = self._conditional()
        self._taken(",")
        self._need("}")
        return first, second


def _width(words: list[str]) -> int:
    """The bits of a type of numbers, less than 0 of a signed one, 0 of any that is wide."""
    if "long" in words:
        return 0
    return next((_WIDTHS[word] for word in reversed(words) if word in _WIDTHS), 0)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, text = 0, text.strip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise Unknown(text[at : at + 20])
        held = found[found.lastgroup]
        if found.lastgroup in ("string", "char"):
            held = re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), held[1:-1])
        yield found.lastgroup, held
        at = found.end()


def _applied(apply: Callable[[int, int], int], left: Part, right: Part) -> Part:
    return lambda values: apply(left(values), right(values))


def _of_one(apply: Callable[[int], int], part: Part) -> Part:
    return lambda values: apply(part(values))


def _element(part: Part, index: Part) -> Part:
    return lambda values: part(values)[index(values)]


def _narrowed(value: Any, width: int) -> Any:
    if not isinstance(value, int) or not width:
        return value
    value &= (1 << abs(width)) - 1
    return value - (1 << -width) if width < 0 and value >> (-width - 1) else value


def _flags(given: list[Any]) -> Part:
    """The names of the bits of a value, and the rest in hexadecimal."""
    value, between, *pairs = given

    def text(values: Values) -> str:
        left, found = value(values), []
        for number, name in pairs:
            mask = number(values)
            if mask and left & mask == mask:
                found.append(name(values))
                left &= ~mask
        if left:
            found.append(f"{left & (1 << 64) - 1:#x}")
        return str(between(values)).join(found)

    return text


def _symbolic(given: list[Any]) -> Part:
    """The name of a value, itself in hexadecimal where it has none."""
    value, *pairs = given

    def text(values: Values) -> str:
        number = value(values)
        names = (name(values) for one, name in pairs if one(values) == number)
        return str(next(names, f"{number & (1 << 64) - 1:#x}"))

    return text


def _hex(between: str) -> Callable[[list[Any]], Part]:
    def made(given: list[Any]) -> Part:
        data, count = given
        return lambda values: bytes(data(values)[: count(values)]).hex(*between)

    return made


def _mask(held: bytes) -> str:
    """A mask as the kernel prints it: words of 32 bits."""
    digits = f"{int.from_bytes(held, 'little'):0{2 * len(held)}x}"
    return ",".join(digits[at : at + 8] for at in range(0, len(digits), 8))


def _array(given: list[Any]) -> Part:
    """Numbers in braces."""
    data, count, size = given

    def text(values: Values) -> str:
        held, each = bytes(data(values)), size(values)
        numbers = (held[at : at + each] for at in range(0, count(values) * each, each))
        return "{" + ",".join(f"{int.from_bytes(one, 'little'):#x}" for one in numbers) + "}"

    return text


_FUNCTIONS: dict[str, Callable[[list[Any]], Part]] = {
    "__print_flags": _flags,
    "__print_flags_u64": _flags,
    "__print_symbolic": _symbolic,
    "__print_symbolic_u64": _symbolic,
    "__print_hex": _hex(" "),
    "__print_hex_str": _hex(""),
    "__print_array": _array,
    "__builtin_expect": lambda given: given[0],
}
