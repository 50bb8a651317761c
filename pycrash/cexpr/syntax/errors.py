"""Errors of expressions, in gdb's words."""

from __future__ import annotations

from pycrash.errors import CrashError


class ExprError(CrashError):
    """An expression that cannot be parsed or evaluated; `str()` is what gdb says of it."""


def syntax_error(rest: str) -> ExprError:
    """A syntax error; `rest` is the text from the place where parsing stopped."""
    return ExprError(f"A syntax error in expression, near `{rest}'.")


def no_symbol(name: str, where: str = "current context") -> ExprError:
    """A name that is neither variable, function, enumerator nor symbol."""
    return ExprError(f'No symbol "{name}" in {where}.')


def no_memory(address: int) -> ExprError:
    """Memory an expression needs is not there, and crash says nothing more about it."""
    return ExprError(f"Cannot access memory at address 0x{address:x}")
