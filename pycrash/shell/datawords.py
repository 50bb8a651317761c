"""A first word that is no command: the type or the variable it may name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pycrash.errors import CrashError

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

_INTEGERS = {1: "-8", 2: "-16", 4: "-32", 8: "-64"}


def words_as_data(kernel: Kernel, words: Sequence[str]) -> list[str]:
    """The line that shows what an unknown word names, empty where it names nothing.

    A lone variable is printed; a structure or union is shown, at an address if one follows;
    any other type is described. Raises CrashError where the word cannot be looked up.
    """
    from pycrash.cexpr.expressions import Expressions

    name, rest = words[0], list(words[1:])
    if name == "Q":
        return ["q"]
    if not rest and kernel.symbols.exists(name):
        _require_one_meaning(name, "symbol")
        return ["p", name]
    if name == "enum":
        return ["whatis", *words]
    found = kernel.part(Expressions).types.find(name.partition(".")[0])
    if found is None and _is_enumerator(kernel, name):
        return ["whatis", name]
    if found is None or found.kind == "other":
        return []
    _require_one_meaning(name, "symbol/data type")
    if kernel.symbols.exists(name):
        return ["p", *words]
    if found.kind in ("struct", "union"):
        described = found.typedef and not rest
        return ["whatis" if described else found.kind, *words]
    if found.kind == "int" and rest:
        if kernel.symbols.exists(rest[0]):
            return ["p", *rest]
        return ["rd", _INTEGERS[found.size], *rest]
    return ["whatis", *words]


def _is_enumerator(kernel: Kernel, name: str) -> bool:
    from pycrash.cexpr.expressions import Expressions

    return kernel.part(Expressions).lookup.enumerator(name) is not None


def _require_one_meaning(name: str, what: str) -> None:
    from pycrash.cexpr.gdb.words import PROHIBITED, RESTRICTED, is_gdb_command

    if is_gdb_command(name) and name not in PROHIBITED | RESTRICTED:
        raise CrashError(f"ambiguous command: {name} ({what} and gdb command)")


def words_for_gdb(words: Sequence[str]) -> list[str]:
    """The line that gives an unknown word to gdb, empty where gdb has no such command.

    Raises CrashError for a command a dump has no use for.
    """
    from pycrash.cexpr.gdb.words import is_gdb_command, refuse

    refuse(words[0])
    return ["gdb", *words] if is_gdb_command(words[0]) else []
