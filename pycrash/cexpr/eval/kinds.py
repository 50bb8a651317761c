"""What kind of type a value has behind its typedefs, and how large it is for gdb."""

from __future__ import annotations

import drgn
from drgn import TypeKind

from pycrash.cexpr.printing.ctype import AGGREGATES

INTEGRAL = frozenset((TypeKind.INT, TypeKind.BOOL, TypeKind.ENUM))
SCALAR = INTEGRAL | {TypeKind.POINTER, TypeKind.FLOAT}


def real_type(type_: drgn.Type) -> drgn.Type:
    """A type behind its typedefs."""
    while type_.kind == TypeKind.TYPEDEF:
        type_ = type_.type
    return type_


def kind_of(value: drgn.Object) -> TypeKind:
    """The kind of a value's type behind typedefs."""
    return real_type(value.type_).kind


def is_open_array(type_: drgn.Type | None) -> bool:
    """Whether a type is an array whose length is not known."""
    return type_ is not None and type_.kind == TypeKind.ARRAY and type_.length is None


def size_of(type_: drgn.Type) -> int:
    """Bytes of a type as gdb's sizeof has them: 1 for void and functions, 0 if incomplete."""
    type_ = real_type(type_)
    kind = type_.kind
    if kind in (TypeKind.VOID, TypeKind.FUNCTION):
        return 1
    if kind == TypeKind.ARRAY:
        return (type_.length or 0) * size_of(type_.type)
    if kind == TypeKind.ENUM:
        return size_of(type_.type) if type_.is_complete() else 0
    if kind in AGGREGATES and not type_.is_complete():
        return 0
    return int(type_.size or 0)
