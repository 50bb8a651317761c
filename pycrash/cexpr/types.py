"""The text of C types, exactly as gdb 16 prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import drgn


def format_type_name(type_: drgn.Type, name: str = "") -> str:
    """A type without its body as gdb's `whatis` has it: `struct list_head *`, `int (*)(void)`.

    With a name, the declaration of a thing so called: `struct list_head *next`.
    """
    raise NotImplementedError


def format_type(type_: drgn.Type) -> str:
    """A type with its body, as `ptype` prints it behind `type = `; lines joined by newlines."""
    raise NotImplementedError
