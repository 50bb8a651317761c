"""The kernel's types from its BTF, for a vmlinux whose DWARF is damaged or was left out.

drgn asks here what it would have found in the DWARF.
"""

from __future__ import annotations

from collections.abc import Callable

import drgn
from drgn import FindObjectFlags, TypeKind

from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.kernel.core.reader import Reader
from pycrash.objects import btf
from pycrash.objects.btf import Btf, BtfType, Member
from pycrash.objects.elf import ElfFile

_KINDS = {
    TypeKind.INT: (btf.INT,),
    TypeKind.BOOL: (btf.INT,),
    TypeKind.FLOAT: (btf.FLOAT,),
    TypeKind.STRUCT: (btf.STRUCT,),
    TypeKind.UNION: (btf.UNION,),
    TypeKind.ENUM: (btf.ENUM, btf.ENUM64),
    TypeKind.TYPEDEF: (btf.TYPEDEF,),
}
_QUALIFIERS = {
    btf.CONST: drgn.Qualifiers.CONST,
    btf.VOLATILE: drgn.Qualifiers.VOLATILE,
    btf.RESTRICT: drgn.Qualifiers.RESTRICT,
}
#: Types one inside the other before a structure begins.
_MAX_DEPTH = 64
#: BTF of all drivers takes some 10 MiB.
_LARGEST = 1 << 27


def use_btf(kernel: Reader) -> bool:
    """Have drgn take types from the kernel's BTF alone; False where there is none that is whole.

    Of the kernel's variables only the per-CPU ones have a type then.
    """
    for find in (_in_vmlinux, _in_memory):
        try:
            data = find(kernel)
            if not data:
                continue
            types = BtfTypes(kernel, Btf(data, kernel.byte_order))
            types.check()
        except (CrashError, MissingFeature, ReadError):
            continue
        prog = kernel.prog
        prog.register_type_finder("btf", types.find_type)
        prog.register_object_finder("btf", types.find_object)
        prog.set_enabled_type_finders(["btf"])
        prog.set_enabled_object_finders(["linux", "btf"])
        return True
    return False


def _in_vmlinux(kernel: Reader) -> bytes:
    if kernel.vmlinux is None:
        return b""
    elf = ElfFile(kernel.vmlinux)
    section = elf.section(".BTF")
    if section is None or section.size > _LARGEST:
        return b""
    return elf.data[section.offset : section.offset + section.size]


def _in_memory(kernel: Reader) -> bytes:
    """The BTF that the running kernel had, between the symbols of its linker script."""
    begin, end = (kernel.required_symbol(name) for name in ("__start_BTF", "__stop_BTF"))
    return kernel.read(begin, end - begin, "BTF") if 0 < end - begin <= _LARGEST else b""


class BtfTypes:
    """The types of one block of BTF as drgn's, each made once."""

    def __init__(self, kernel: Reader, data: Btf) -> None:
        self._kernel, self._prog, self._btf = kernel, kernel.prog, data
        self._made: dict[int, drgn.Type] = {}
        self._finite: set[int] = set()

    def check(self) -> None:
        """Raises CrashError where the block is damaged or knows no tasks."""
        if (btf.STRUCT, "task_struct") not in self._btf.numbers:
            raise CrashError(".BTF: no struct task_struct")

    def find_type(
        self, prog: drgn.Program, kinds: drgn.TypeKindSet, name: str, filename: str | None
    ) -> drgn.Type | None:
        """drgn's question for a type of a name; BTF does not know the file of any."""
        if filename:
            return None
        for kind in kinds:
            for number_kind in _KINDS.get(kind, ()):
                for number in self._btf.numbers.get((number_kind, name), ()):
                    found = self._type(number, 0)
                    if found.kind == kind:
                        return found
        # What is only declared is kept under one kind for structures and unions.
        for kind in (TypeKind.STRUCT, TypeKind.UNION):
            for number in self._btf.numbers.get((btf.FWD, name), ()) if kind in kinds else ():
                if self._type(number, 0).kind == kind:
                    return self._type(number, 0)
        return None

    def find_object(
        self, prog: drgn.Program, name: str, flags: FindObjectFlags, filename: str | None
    ) -> drgn.Object | None:
        """drgn's question for an enumerator, a function or a variable."""
        if filename:
            return None
        if flags & FindObjectFlags.CONSTANT and name in self._btf.enumerators_by_name:
            number, value = self._btf.enumerators_by_name[name]
            return drgn.Object(prog, self._type(number, 0), value=value)
        wanted = {btf.FUNC: FindObjectFlags.FUNCTION, btf.VAR: FindObjectFlags.VARIABLE}
        for kind, flag in wanted.items():
            numbers = self._btf.numbers.get((kind, name)) if flags & flag else None
            address = self._kernel.symbol_address(name) if numbers else None
            if numbers and address is not None:
                type_ = self._type(self._btf.type(numbers[0]).size, 0)
                return drgn.Object(prog, type_, address=address)
        return None

    def _type(self, number: int, depth: int) -> drgn.Type:
        if number not in self._made:
            self._made[number] = self._make(number, depth)
        return self._made[number]

    def _make(self, number: int, depth: int) -> drgn.Type:
        if depth > _MAX_DEPTH:
            raise CrashError(f".BTF: type {number} leads to itself")
        if not number:
            return self._prog.void_type()
        found = self._btf.type(number)
        if found.kind in (btf.STRUCT, btf.UNION):
            self._require_finite(number, 0)
            return self._structure(found)
        if found.kind == btf.FWD:
            make = self._prog.union_type if found.flag else self._prog.struct_type
            return make(found.name)
        if found.kind in (btf.ENUM, btf.ENUM64):
            return self._enumeration(found)
        if found.kind == btf.INT:
            return self._integer(found)
        if found.kind == btf.FLOAT:
            return self._prog.float_type(found.name, found.size)
        return self._derived(found, depth)

    def _derived(self, found: BtfType, depth: int) -> drgn.Type:
        """What is made of another type."""
        if found.kind == btf.ARRAY:
            element, count = self._btf.array(found)
            # An array without a length, as a structure may end with, has none here either.
            return self._prog.array_type(self._type(element, depth + 1), count or None)
        target = self._type(found.size, depth + 1)
        if found.kind == btf.PTR:
            return self._prog.pointer_type(target)
        if found.kind == btf.TYPEDEF:
            return self._prog.typedef_type(found.name, target)
        if found.kind in _QUALIFIERS:
            return target.qualified(target.qualifiers | _QUALIFIERS[found.kind])
        if found.kind == btf.FUNC_PROTO:
            return self._prototype(found, target, depth)
        if found.kind == btf.TYPE_TAG:
            return target
        raise CrashError(f".BTF: {found.name or 'a type'} is of no kind that others refer to")

    def _prototype(self, found: BtfType, returns: drgn.Type, depth: int) -> drgn.Type:
        parameters = self._btf.parameters(found)
        variadic = bool(parameters) and parameters[-1] == ("", 0)
        made = [
            drgn.TypeParameter(self._type(number, depth + 1), name or None)
            for name, number in parameters[: len(parameters) - variadic]
        ]
        return self._prog.function_type(returns, made, variadic)

    def _integer(self, found: BtfType) -> drgn.Type:
        encoding, _, _ = self._btf.integer(found)
        if encoding & btf.INT_BOOL:
            return self._prog.bool_type(found.name, found.size)
        return self._prog.int_type(found.name, found.size, bool(encoding & btf.INT_SIGNED))

    def _enumeration(self, found: BtfType) -> drgn.Type:
        listed = self._btf.enumerators(found)
        # Before kernel 6.0 nothing says whether values are signed, and all are written signed.
        signed = found.flag
        if not signed and found.kind == btf.ENUM and self._is_old:
            listed = [(name, value - (value >> 31 << 32)) for name, value in listed]
            signed = any(value < 0 for _, value in listed)
            if not signed:
                listed = [(name, value & 0xFFFFFFFF) for name, value in listed]
        base = self._prog.int_type("int" if signed else "unsigned int", found.size, signed)
        enumerators = [drgn.TypeEnumerator(name, value) for name, value in listed]
        return self._prog.enum_type(found.name or None, base, enumerators)

    @property
    def _is_old(self) -> bool:
        """Whether the block was written before enumerations of 64 bits and signs were."""
        return not any(kind == btf.ENUM64 for kind, _ in self._btf.numbers)

    def _require_finite(self, number: int, depth: int) -> None:
        """Structures must not hold themselves, or drgn looks for a member without end."""
        if depth > _MAX_DEPTH:
            raise CrashError(f".BTF: type {number} holds itself")
        if number in self._finite or not number:
            return
        found = self._btf.type(number)
        if found.kind in (btf.STRUCT, btf.UNION):
            inner = [member.type for member in self._btf.members(found)]
        elif found.kind == btf.ARRAY:
            inner = [self._btf.array(found)[0]]
        elif found.kind == btf.TYPEDEF or found.kind in _QUALIFIERS:
            inner = [found.size]
        else:
            inner = []
        for each in inner:
            self._require_finite(each, depth + 1)
        self._finite.add(number)

    def _structure(self, found: BtfType) -> drgn.Type:
        make = self._prog.union_type if found.kind == btf.UNION else self._prog.struct_type
        members = [
            drgn.TypeMember(self._member(member), member.name or None, member.bit)
            for member in self._btf.members(found)
        ]
        return make(found.name or None, found.size, members)

    def _member(self, member: Member) -> Callable[[], drgn.Type | drgn.Object]:
        """What drgn asks when it comes to the member, as structures may point to themselves."""

        def make() -> drgn.Type | drgn.Object:
            type_ = self._type(member.type, 0)
            if not member.width:
                return type_
            return drgn.Object(self._prog, type_, bit_field_size=member.width)

        return make
