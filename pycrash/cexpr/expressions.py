"""C over one dump: what commands and plugins ask for types, values and structures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import drgn

    from pycrash.cexpr.eval.lookup import Lookup
    from pycrash.cexpr.eval.session import Surroundings
    from pycrash.cexpr.printing.nested import NestedValue
    from pycrash.cexpr.printing.values import ValueOptions
    from pycrash.cexpr.structures.completion import Suggestion
    from pycrash.cexpr.structures.namedtypes import NamedTypes
    from pycrash.cexpr.structures.structs import StructReader
    from pycrash.kernel.core.space import Space
    from pycrash.kernel.kernel import Kernel
    from pycrash.matching import Slip, Typed
    from pycrash.objects.alltypes import Progress


class Expressions:
    """The one of a dump, had by `kernel.part(Expressions)`.

    What lines leave behind for later ones (the value history, convenience variables, print
    settings of gdb's own) and what was found out once (types, names of addresses) are parts of
    the kernel, each imported when first asked for.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    @property
    def lookup(self) -> Lookup:
        """What a name in an expression means."""
        from pycrash.cexpr.eval.lookup import Lookup

        return self._kernel.part(Lookup)

    @property
    def types(self) -> NamedTypes:
        """Structures and other types by name, and the offsets of their members."""
        from pycrash.cexpr.structures.namedtypes import NamedTypes

        return self._kernel.part(NamedTypes)

    def structs(self, options: ValueOptions, space: Space | None = None) -> StructReader:
        """What reads and prints structures; they are kernel memory unless a space is given."""
        from pycrash.cexpr.structures.structs import StructReader

        return StructReader(self._kernel, options, space)

    def nested(self, value: drgn.Object) -> NestedValue:
        """A value as nested plain data, for JSON; nothing is read yet.

        That of a structure at an address is had by `structs(options).whole(...)`.
        """
        from pycrash.cexpr.printing.nested import NestedValue

        return NestedValue.of(self._kernel, value)

    def types_like(
        self, low: int, high: int, member: str, progress: Progress | None = None
    ) -> list[tuple[int, str]]:
        """(size, name) of types by their size in bytes and what they contain: see TypeSearch."""
        from pycrash.cexpr.structures.typesearch import TypeSearch

        return self._kernel.part(TypeSearch).like(low, high, member, progress)

    def complete_structure(
        self, word: Typed, kinds: tuple[str, ...] = ("struct", "union")
    ) -> Iterator[Suggestion]:
        """What `structure.member,member` could go on as: see Completer."""
        from pycrash.cexpr.structures.completion import Completer

        return self._kernel.part(Completer).structures(word, kinds)

    def complete(
        self, line: Surroundings, typed: Typed, types: bool = False
    ) -> Iterator[Suggestion]:
        """What a half typed expression could go on as: see `complete_expression`."""
        from pycrash.cexpr.completion import complete_expression

        return complete_expression(line, typed, types)

    def slip(self, line: Surroundings, text: str) -> Slip | None:
        """The first name in an expression that means nothing, and what may have been meant."""
        from pycrash.cexpr.completion import slip_in

        return slip_in(line, text)

    def slip_in_structure(
        self, word: str, kinds: tuple[str, ...] = ("struct", "union")
    ) -> Slip | None:
        """The same of `structure.member,member`."""
        from pycrash.cexpr.structures.completion import Completer

        return self._kernel.part(Completer).slip(word, kinds)
