"""What the fields of rows are: the forms they take in JSON, and the schema that says so.

A row's annotations are its contract. Addresses, pointers and words of flags are whole numbers
in Python and strings "0x..." in JSON, since many readers of JSON round numbers past 2^53;
counts, sizes and times are numbers, their unit in the schema.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Protocol, TypeVar, runtime_checkable

Json = dict[str, Any]


@dataclass(frozen=True)
class Form:
    """How a field stands in JSON: in hexadecimal, in a unit, or not at all."""

    hexadecimal: bool = False
    unit: str = ""
    hidden: bool = False


_T = TypeVar("_T")

#: A virtual or physical address, or a pointer as it stands in memory.
Address = Annotated[int, Form(hexadecimal=True)]
#: A word of flags, a mask, or a word of memory whose meaning is not known.
Bits = Annotated[int, Form(hexadecimal=True)]
Bytes = Annotated[int, Form(unit="bytes")]
KiB = Annotated[int, Form(unit="KiB")]
Pages = Annotated[int, Form(unit="pages")]
Percent = Annotated[float, Form(unit="percent")]
Nanoseconds = Annotated[int, Form(unit="nanoseconds")]
Seconds = Annotated[int, Form(unit="seconds")]
#: Seconds since 1970.
Date = Annotated[int, Form(unit="seconds since 1970-01-01 00:00:00 UTC")]
#: What only the text of a command needs; it is no part of the contract.
Hidden = Annotated[_T, Form(hidden=True)]


@runtime_checkable
class Nested(Protocol):
    """A value with an inside, as a C structure: worked out only when somebody asks for it."""

    def plain(self) -> Any:
        """The value in what JSON knows. Raises ReadError."""


@dataclass(frozen=True)
class Shape:
    """One kind of value: how it becomes JSON, and the schema of that. None: left out."""

    encode: Callable[[Any], Any]
    schema: Json


def _same(value: Any) -> Any:
    return value


_HEX = Shape("{:#x}".format, {"type": "string", "pattern": "^-?0x[0-9a-f]+$"})
_PLAIN: dict[Any, Shape] = {
    str: Shape(_same, {"type": "string"}),
    bool: Shape(_same, {"type": "boolean"}),
    int: Shape(_same, {"type": "integer"}),
    float: Shape(_same, {"type": "number"}),
    bytes: Shape(bytes.hex, {"type": "string", "pattern": "^([0-9a-f]{2})*$"}),
    Any: Shape(_same, {}),
    type(None): Shape(_same, {"type": "null"}),
}


def shape_of(hint: Any) -> Shape | None:
    """The shape of an annotation, None for a hidden one. Raises TypeError where it has none."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        return _annotated(inner)
    if origin in (typing.Union, types.UnionType):
        return _union(inner)
    if origin is typing.Literal:
        return Shape(_same, {"enum": list(inner)})
    if origin is tuple and inner[-1:] != (...,):
        return _fixed(inner)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(*inner)
    if isinstance(origin, type) and issubclass(origin, Collection):
        return _list(inner[0])
    return _class(hint)


def _required(hint: Any) -> Shape:
    shape = shape_of(hint)
    if shape is None:
        raise TypeError("a hidden value inside of another")
    return shape


def _annotated(inner: Sequence[Any]) -> Shape | None:
    form = next((note for note in inner[1:] if isinstance(note, Form)), Form())
    if form.hidden:
        return None
    shape = _HEX if form.hexadecimal else _required(inner[0])
    return Shape(shape.encode, {**shape.schema, "description": form.unit}) if form.unit else shape


def _union(inner: Sequence[Any]) -> Shape:
    """Any of several kinds, of which the value's class decides."""
    shapes = [(_class_of(hint), _required(hint)) for hint in inner]

    def encode(value: Any) -> Any:
        for kind, shape in shapes:
            if type(value) is kind:
                return shape.encode(value)
        for kind, shape in shapes:
            # A whole number is a float too, in a place without an int of its own.
            if isinstance(value, kind) or (kind is float and isinstance(value, int)):
                return shape.encode(value)
        raise TypeError(f"{value!r} is none of {inner}")

    return Shape(encode, {"anyOf": [shape.schema for _, shape in shapes]})


def _class_of(hint: Any) -> type:
    """The class that values of an annotation have at run time."""
    while typing.get_origin(hint) is Annotated:
        hint = typing.get_args(hint)[0]
    if typing.get_origin(hint) is typing.Literal:
        return type(typing.get_args(hint)[0])
    found = typing.get_origin(hint) or hint
    return found if isinstance(found, type) else object


def _list(inner: Any) -> Shape:
    shape = _required(inner)
    encode = shape.encode
    return Shape(
        list if encode is _same else lambda value: [encode(held) for held in value],
        {"type": "array", "items": shape.schema},
    )


def _fixed(inner: Sequence[Any]) -> Shape:
    shapes = [_required(hint) for hint in inner]
    schema = {
        "type": "array",
        "prefixItems": [shape.schema for shape in shapes],
        "minItems": len(shapes),
        "maxItems": len(shapes),
    }
    return Shape(
        lambda value: [shape.encode(v) for shape, v in zip(shapes, value, strict=True)], schema
    )


def _mapping(key: Any, inner: Any) -> Shape:
    """An object; keys that are addresses are written as those are."""
    name, shape = _required(key), _required(inner)
    return Shape(
        lambda value: {str(name.encode(k)): shape.encode(v) for k, v in value.items()},
        {"type": "object", "additionalProperties": shape.schema},
    )


def _class(kind: Any) -> Shape:
    """The shape of a class: an enumeration, a nested value, or a record of named fields."""
    if not isinstance(kind, type):
        raise TypeError(f"{kind!r} has no form in JSON")
    if issubclass(kind, Enum):
        return Shape(lambda value: value.value, {"enum": [member.value for member in kind]})
    if dataclasses.is_dataclass(kind) or hasattr(kind, "_fields"):
        return record(kind)
    if kind is Nested or callable(getattr(kind, "plain", None)):
        return Shape(lambda value: value.plain(), {})
    raise TypeError(f"{kind!r} has no form in JSON")


_records: dict[type, Shape] = {}


def record(kind: type) -> Shape:
    """The shape of a dataclass or a named tuple: an object with its fields by name."""
    if kind not in _records:
        _records[kind] = _record(kind)
    return _records[kind]


def _record(kind: type) -> Shape:
    hints = typing.get_type_hints(kind, include_extras=True)
    names = [f.name for f in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else []
    names = names or list(getattr(kind, "_fields", ()))
    shapes = {name: shape for name in names if (shape := shape_of(hints[name])) is not None}
    encoders = [(name, shape.encode) for name, shape in shapes.items()]

    def encode(value: Any) -> Any:
        return {name: encode_one(getattr(value, name)) for name, encode_one in encoders}

    properties = {name: shape.schema for name, shape in shapes.items()}
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return Shape(encode, schema)
