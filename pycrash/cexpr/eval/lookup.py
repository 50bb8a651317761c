"""Finds what a name in an expression means: a type, a variable, a function, an enumerator."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import drgn
from drgn import FindObjectFlags, Qualifiers, TypeKind

from pycrash.cexpr.eval.kinds import is_open_array
from pycrash.cexpr.eval.state import ExprState
from pycrash.cexpr.syntax.ast import Declarator, TypeName
from pycrash.cexpr.syntax.errors import ExprError, no_symbol
from pycrash.cexpr.syntax.parser import BUILT_IN
from pycrash.kernel.core.debugdata import file_bias
from pycrash.kernel.core.externs import Declarations
from pycrash.objects.elf import ElfFile

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel

_QUALIFIERS = {
    "const": Qualifiers.CONST,
    "volatile": Qualifiers.VOLATILE,
    "restrict": Qualifiers.RESTRICT,
    "atomic": Qualifiers.ATOMIC,
}
_TAGS = {"struct": "struct", "union": "union", "enum": "enum"}
#: What drgn answers of its own accord: macros, which gdb does not know.
_DRGN_NAMES = frozenset(
    ("PAGE_OFFSET", "PAGE_SHIFT", "PAGE_SIZE", "PAGE_MASK", "THREAD_SIZE", "UTS_RELEASE")
) | {"VMCOREINFO", "vmemmap"}
#: Symbols of a file without debugging data have these in place of their types, as in gdb.
TEXT_TYPE = "<text variable, no debug info>"
DATA_TYPE = "<data variable, no debug info>"


class Lookup:
    """Names of one kernel; what is found is kept."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.prog = kernel.prog
        self._types: dict[str, drgn.Type | None] = {}
        self._arrays: dict[str, drgn.Type] = {}

    # --- types

    def built_in(self, name: str) -> drgn.Type | None:
        """A type every C program has, under gdb's name for it."""
        prog, word = self.prog, self.kernel.word_size
        sizes = {"char": 1, "short": 2, "int": 4, "long": word, "long long": 8, "__int128": 16}
        if name == "void":
            return prog.void_type()
        if name == "_Bool":
            return prog.bool_type("_Bool", 1)
        if name in ("float", "double", "long double"):
            return prog.float_type(name, {"float": 4, "double": 8}.get(name, 16))
        first, _, rest = name.partition(" ")
        if first in ("signed", "unsigned") and rest in sizes:
            shown = rest if first == "signed" and rest != "char" else name
            return prog.int_type(shown, sizes[rest], first == "signed")
        if name in sizes:
            return prog.int_type(name, sizes[name], name != "char" or self._char_is_signed())
        return None

    def _char_is_signed(self) -> bool:
        # The kernel is built with unsigned characters everywhere since 6.2; gdb's own
        # type, which literals have, keeps what the processor's ABI says.
        return self.kernel.arch.char_is_signed

    def is_type(self, name: str) -> bool:
        """Whether a single word is a type and not a variable of that name."""
        if self._named(name) is None:
            return False
        return self._typed_symbol(name) is None

    def type(self, name: str) -> drgn.Type:
        """A type by its canonical name: `unsigned long`, `struct list_head`, `pid_t`.

        Raises ExprError.
        """
        found = self._named(name)
        if found is None:
            tag, _, rest = name.partition(" ")
            raise ExprError(
                f"No {tag} type named {rest}." if tag in _TAGS else f"No type named {name}."
            )
        return found

    def _named(self, name: str) -> drgn.Type | None:
        if name not in self._types:
            self._types[name] = self._find_type(name)
        return self._types[name]

    def _find_type(self, name: str) -> drgn.Type | None:
        # The kernel's own char carries the signedness it was compiled with.
        if name != "char" and (found := self.built_in(name)) is not None:
            return found
        try:
            return self.prog.type(name)
        except (LookupError, SyntaxError, ValueError):
            return self.built_in(name) if name in BUILT_IN else None

    def resolve(self, name: TypeName) -> drgn.Type:
        """The drgn type of a type as written. Raises ExprError."""
        found = self.type(name.base)
        for step in name.declarators:
            found = self._apply(found, step)
        return found

    def _apply(self, inner: drgn.Type, step: Declarator) -> drgn.Type:
        prog = self.prog
        try:
            if step.kind == "pointer":
                return prog.pointer_type(inner)
            if step.kind == "array":
                if inner.kind == TypeKind.FUNCTION:
                    raise ExprError("Invalid array of functions.")
                return prog.array_type(inner, step.length)
            if step.kind == "function":
                parameters = [drgn.TypeParameter(self.resolve(p)) for p in step.parameters]
                return prog.function_type(inner, parameters, step.variadic)
            return inner.qualified(inner.qualifiers | _QUALIFIERS[step.kind])
        except (TypeError, ValueError, OverflowError) as error:
            raise ExprError(f"Invalid type: {error}") from None

    # --- symbols

    def enumerator(self, name: str) -> int | None:
        """The value of an enumerator, None where there is none of that name."""
        try:
            return int(self.prog.constant(name).value_())
        except (LookupError, ValueError):
            return None

    def _typed_symbol(self, name: str) -> drgn.Object | None:
        """A variable, function or enumerator the debugging data knows."""
        if name in _DRGN_NAMES:
            return None
        try:
            found = self.prog[name]
        except (LookupError, ValueError):
            return None
        return self._completed(name, found)

    def _completed(self, name: str, found: drgn.Object) -> drgn.Object | None:
        """What drgn leaves out: the address of a function in parts or of a folded variable,
        the length of an array that a weak declaration hides."""
        kind = found.type_.kind
        if kind == TypeKind.FUNCTION:
            found = self._first_copy(name, found)
        if found.absent_ and kind == TypeKind.FUNCTION:
            address = self.kernel.symbol_address(name)
            if address is None:
                return None
            return drgn.Object(self.prog, found.type_, address=address)
        if found.address_ is None and kind != TypeKind.ENUM and not found.absent_:
            # A file that folded a variable's value says nothing of where it lies.
            address = self.kernel.symbol_address(name)
            if address is not None:
                return drgn.Object(self.prog, found.type_, address=address)
        if is_open_array(found.type_) and found.address_ is not None:
            element = found.type_.type
            try:
                size = self.prog.symbol(name).size
                length = size // (drgn.sizeof(element) or 1)
            except (LookupError, TypeError):
                return found
            if length:
                type_ = self.prog.array_type(element, length)
                return drgn.Object(self.prog, type_, address=found.address_)
        return found

    def _first_copy(self, name: str, found: drgn.Object) -> drgn.Object:
        """Of several functions of a name the one at the lowest address, which `sym` shows first.

        drgn indexes files in threads and takes another one each time.
        """
        if self.kernel.vmlinux is None:
            return found
        places = self.kernel.symbols.kernel_symbols.find(name)
        if len(places) < 2:
            return found
        address, _ = places[0]
        file = self.kernel.sources.unit(address)
        if not file:
            return found
        try:
            return self.prog.function(name, file)
        except LookupError:
            # It stands in a header, and every file that includes it has the same.
            return drgn.Object(self.prog, found.type_, address=address)

    def symbol(self, name: str) -> drgn.Object:
        """What a name stands for. Raises ExprError."""
        found = self._typed_symbol(name)
        if found is None:
            found = self._bare_symbol(name)
        elif found.type_.kind == TypeKind.ARRAY and found.address_ is not None:
            found = drgn.Object(self.prog, self._met_as(name, found), address=found.address_)
        if found is None:
            raise no_symbol(name)
        return self.at_run_time(found)

    def _met_as(self, name: str, found: drgn.Object) -> drgn.Type:
        """The type of an array as gdb first met it, which it then keeps.

        That is a declaration of a header, mostly without the length, until `whatis -r` makes
        gdb read the file with the definition too.
        """
        if name not in self._arrays:
            self._arrays[name] = found.type_
            if self._is_global(name) and not self.kernel.part(ExprState).types_read:
                declared = self._declarations.type(name)
                if declared is not None and is_open_array(declared):
                    self._arrays[name] = declared
        return self._arrays[name]

    def _is_global(self, name: str) -> bool:
        """Whether vmlinux has a symbol of that name which headers may declare."""
        if self.kernel.vmlinux is None:
            return False
        found = self.kernel.symbols.kernel_symbols.find(name)
        return any(letter.isupper() for _, letter in found)

    def scoped(self, scope: str, name: str) -> drgn.Object:
        """`file::name`, or with an empty scope `::name`. Raises ExprError."""
        if not scope:
            return self.symbol(name)
        try:
            return self.at_run_time(self.prog.object(name, FindObjectFlags.ANY, scope))
        except (LookupError, ValueError):
            pass
        if "." not in scope and self._typed_symbol(scope) is None:
            raise ExprError(f'No symbol "{scope}" in current context.')
        raise no_symbol(name, "specified context")

    def at_run_time(self, found: drgn.Object) -> drgn.Object:
        """A per-CPU variable at the address gdb gives it: moved along with the kernel.

        gdb moves every section of vmlinux by the distance KASLR chose, also that of per-CPU
        variables where their addresses are offsets (x86-64 before 6.15).
        """
        address = found.address_
        if not address or not self.kernel.cpus.is_per_cpu(address):
            return found
        bias = file_bias(self.prog)
        if address >= bias:
            return found
        address = (address + bias) & self.kernel.word_mask
        return drgn.Object(self.prog, found.type_, address=address)

    def _bare_symbol(self, name: str) -> drgn.Object | None:
        """A symbol of vmlinux that is only declared in C, or not known to C at all."""
        if self.kernel.vmlinux is None:
            return None
        symbols = self.kernel.symbols.kernel_symbols
        for address, _ in symbols.find(name):
            type_ = self._declarations.type(name)
            if type_ is None:
                number = self.prog.int_type("int", 4, True)
                if symbols.in_code(address):
                    returns = self.prog.function_type(number, (), True)
                    type_ = self.prog.typedef_type(TEXT_TYPE, returns)
                else:
                    type_ = self.prog.typedef_type(DATA_TYPE, number)
            return drgn.Object(self.prog, type_, address=address)
        return None

    @cached_property
    def _declarations(self) -> Declarations:
        assert self.kernel.vmlinux is not None
        return Declarations(self.prog, ElfFile(self.kernel.vmlinux))


def is_untyped(value: drgn.Object) -> bool:
    """Whether a symbol has no debugging data that says what it is."""
    type_ = value.type_
    return type_.kind == TypeKind.TYPEDEF and type_.name == DATA_TYPE
