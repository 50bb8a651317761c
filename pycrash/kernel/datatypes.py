"""What a C name means among the kernel's types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import drgn

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

Kind = Literal["struct", "union", "integer", "other"]

_KINDS: dict[drgn.TypeKind, Kind] = {
    drgn.TypeKind.STRUCT: "struct",
    drgn.TypeKind.CLASS: "struct",
    drgn.TypeKind.UNION: "union",
    drgn.TypeKind.INT: "integer",
    drgn.TypeKind.BOOL: "integer",
}


@dataclass(frozen=True)
class Datatype:
    """A type: its kind behind all typedefs, its size in bytes, whether a typedef named it."""

    kind: Kind
    size: int
    is_typedef: bool


def find_datatype(kernel: Kernel, name: str) -> Datatype | None:
    """The type a bare name stands for, with any member behind a dot cut off; None for none.

    A structure's tag is found before a typedef of the same name.
    """
    bare = name.partition(".")[0]
    if not bare.isidentifier():
        return None
    for prefix in ("struct ", "union ", "", "enum "):
        try:
            named = kernel.prog.type(prefix + bare)
        except (LookupError, SyntaxError, ValueError):
            continue
        type_ = named
        while type_.kind == drgn.TypeKind.TYPEDEF:
            type_ = type_.type
        complete = type_.kind in (drgn.TypeKind.FUNCTION, drgn.TypeKind.VOID)
        size = 0 if complete or not type_.is_complete() else drgn.sizeof(type_)
        return Datatype(_KINDS.get(type_.kind, "other"), size, type_ is not named)
    return None
