"""The text of C types, exactly as gdb 16 prints them."""

from __future__ import annotations

from collections.abc import Iterator

import drgn
from drgn import Qualifiers, TypeKind

_TAGS = {
    TypeKind.STRUCT: "struct",
    TypeKind.UNION: "union",
    TypeKind.CLASS: "class",
    TypeKind.ENUM: "enum",
}

#: In the order gdb writes them.
_QUALIFIERS = (
    (Qualifiers.CONST, "const"),
    (Qualifiers.VOLATILE, "volatile"),
    (Qualifiers.RESTRICT, "restrict"),
    (Qualifiers.ATOMIC, "_Atomic"),
)


def format_type_name(type_: drgn.Type, name: str = "") -> str:
    """A type without its body as gdb's `whatis` has it: `struct list_head *`, `int (*)(void)`.

    With a name, the declaration of a thing so called: `struct list_head *next`.
    """
    base = _base(type_)
    return _declare(_specifier(base), type_, name)


def format_type(type_: drgn.Type) -> str:
    """A type with its body, as `ptype` prints it behind `type = `; lines joined by newlines.

    Typedefs are resolved, of the type itself and of what it points to.
    """
    type_ = _resolved(type_)
    base = _base(type_)
    return _declare("\n".join(_body(base)), type_, "")


def _resolved(type_: drgn.Type) -> drgn.Type:
    """A type with the typedefs at its outside taken away, and those of what it is made from."""
    qualifiers = type_.qualifiers
    while type_.kind == TypeKind.TYPEDEF:
        type_ = type_.type
        qualifiers |= type_.qualifiers
    prog = type_.prog
    if type_.kind not in (TypeKind.POINTER, TypeKind.ARRAY, TypeKind.FUNCTION):
        return type_.qualified(qualifiers)
    inner = _resolved(type_.type)
    if inner == type_.type:
        return type_
    if type_.kind == TypeKind.POINTER:
        return prog.pointer_type(inner, type_.size)
    if type_.kind == TypeKind.ARRAY:
        return prog.array_type(inner, type_.length)
    return prog.function_type(inner, type_.parameters, type_.is_variadic)


def _base(type_: drgn.Type) -> drgn.Type:
    """What stands leftmost in a declaration: behind all pointers, arrays and functions."""
    while type_.kind in (TypeKind.POINTER, TypeKind.ARRAY, TypeKind.FUNCTION):
        type_ = type_.type
    return type_


def _qualifiers(type_: drgn.Type) -> list[str]:
    return [word for bit, word in _QUALIFIERS if type_.qualifiers & bit]


def _specifier(type_: drgn.Type) -> str:
    """The name of a type that is no pointer, array or function; bodies as `{...}`."""
    words = _qualifiers(type_)
    kind = type_.kind
    if kind == TypeKind.VOID:
        words.append("void")
    elif kind in _TAGS:
        words += [_TAGS[kind], type_.tag or "{...}"]
    else:
        words.append(type_.name)
    return " ".join(words)


def _declare(specifier: str, type_: drgn.Type, name: str) -> str:
    """A declaration: the specifier, and the name with its stars, brackets and parameters."""
    declarator = _declarator(type_, name)
    if not declarator:
        return specifier
    return f"{specifier} {declarator}"


def _declarator(type_: drgn.Type, text: str) -> str:
    """Wrap a name in what its type makes of it, from the name outward."""
    kind = type_.kind
    if kind == TypeKind.POINTER:
        words = _qualifiers(type_)
        stars = "*" + (" " + " ".join(words) if words else "")
        if words and text:
            stars += " "
        text = stars + text
        if type_.type.kind in (TypeKind.ARRAY, TypeKind.FUNCTION):
            text = f"({text})"
        return _declarator(type_.type, text)
    if kind == TypeKind.ARRAY:
        size = "" if type_.length is None else str(type_.length)
        return _declarator(type_.type, f"{text}[{size}]")
    if kind == TypeKind.FUNCTION:
        return _declarator(type_.type, f"{text}({_parameters(type_)})")
    return text


def _parameters(type_: drgn.Type) -> str:
    parameters = [format_type_name(p.type) for p in type_.parameters]
    if type_.is_variadic:
        parameters.append("...")
    return ", ".join(parameters) or "void"


def _body(type_: drgn.Type, indent: int = 0, show: int = 1) -> Iterator[str]:
    """The lines of a type with its body; the first has no indentation.

    `show` says how many levels of nameless types with named members have their bodies shown.
    """
    kind = type_.kind
    if kind == TypeKind.ENUM:
        yield _enum(type_)
        return
    if kind not in _TAGS:
        yield _specifier(type_)
        return
    head = [*_qualifiers(type_), _TAGS[kind]]
    if type_.tag:
        head.append(type_.tag)
    yield " ".join(head) + " {"
    margin = " " * indent
    if not type_.is_complete():
        yield f"{margin}    <incomplete type>"
    elif not type_.members:
        yield f"{margin}    <no data fields>"
    for member in type_.members or ():
        yield from _member(member, indent + 4, show)
    yield margin + "}"


def _member(member: drgn.TypeMember, indent: int, show: int) -> Iterator[str]:
    margin = " " * indent
    base = _base(member.type)
    # crash has gdb show the bodies of nameless members at any depth.
    below = show - 1 if member.name else show
    bits = f" : {member.bit_field_size}" if member.bit_field_size else ""
    if base.kind not in _TAGS or base.tag or below < 0:
        yield f"{margin}{format_type_name(member.type, member.name or '')}{bits};"
        return
    *head, last = _body(base, indent, below)
    end = _declare(last, member.type, member.name or "")
    for number, line in enumerate(head):
        yield line if number else margin + line
    yield f"{end if head else margin + end}{bits};"


def _enum(type_: drgn.Type) -> str:
    """An enumeration on one line; values are given where they do not follow the one before."""
    head = " ".join([*_qualifiers(type_), "enum"] + ([type_.tag] if type_.tag else []))
    if not type_.is_complete():
        return f"{head} {{<incomplete type>}}"
    parts = []
    expected = 0
    for enumerator in type_.enumerators or ():
        text = enumerator.name
        if enumerator.value != expected:
            text += f" = {enumerator.value}"
        parts.append(text)
        expected = enumerator.value + 1
    return f"{head} {{{', '.join(parts)}}}"
