"""Evaluates C expressions over a dump.

A value is a drgn.Object: a reference where gdb has an lvalue in memory, else a value. void
is drgn's absent void object.
"""

from __future__ import annotations

from typing import Literal

import drgn
from drgn import TypeKind

from pycrash.cexpr.eval.arith import Arithmetic, Memory
from pycrash.cexpr.eval.kinds import is_open_array, kind_of, real_type, size_of
from pycrash.cexpr.eval.lookup import Lookup, is_untyped
from pycrash.cexpr.eval.registers import register
from pycrash.cexpr.eval.session import Session
from pycrash.cexpr.printing.ctype import AGGREGATES
from pycrash.cexpr.syntax.ast import (
    AlignOf,
    ArrayOf,
    Assign,
    Binary,
    Call,
    Cast,
    Char,
    Dollar,
    Float,
    Index,
    Member,
    MemoryAt,
    Name,
    Node,
    Number,
    SizeOf,
    SizeOfType,
    Step,
    String,
    Ternary,
    TypeExpr,
    TypeOf,
    Unary,
)
from pycrash.cexpr.syntax.errors import ExprError
from pycrash.cexpr.syntax.parser import parse

#: Elements `@` and array casts may make of a value.
MAX_REPEATS = 1 << 31
_FIXED = {"_gdb_major": 16, "_gdb_minor": 2, "_thread": 1, "_inferior": 1, "_gthread": 1}


def evaluate(session: Session, text: str) -> drgn.Object:
    """The value of an expression; a reference where it lies in memory.

    Raises ExprError with gdb's words, or ReadError for memory the dump lacks.
    """
    evaluator = Evaluator(session)
    return evaluator.value(evaluator.parse(text))


class Evaluator:
    """Parses and evaluates for one session; `dry` finds types without reading memory.

    `memory` reads values in place of the kernel's own memory. `warnings` has gdb's lines that
    come before a result.
    """

    def __init__(self, session: Session, dry: bool = False, memory: Memory | None = None) -> None:
        self.session = session
        self.kernel = session.kernel
        self.prog = self.kernel.prog
        self.lookup = self.kernel.part(Lookup)
        self.state = session.state
        self.arith = Arithmetic(self.lookup, memory)
        self.arith.dry = dry

    @property
    def warnings(self) -> list[str]:
        return self.arith.warnings

    @property
    def dry(self) -> bool:
        return self.arith.dry

    def parse(self, text: str) -> Node:
        """The tree of a text. Raises ExprError."""
        return parse(text, self.lookup.is_type, self.state.settings.get("input-radix", 10))

    # --- types

    def type_of(self, node: Node) -> drgn.Type:
        """The type an expression or a type expression has. Raises ExprError."""
        if isinstance(node, TypeExpr):
            return self.type(node)
        return self.value(node).type_

    def type(self, node: TypeExpr) -> drgn.Type:
        """The type a type expression names. Raises ExprError."""
        if isinstance(node, TypeOf):
            return self._without_reading(node.operand).type_
        return self.lookup.resolve(node.type)

    def _without_reading(self, node: Node) -> drgn.Object:
        before, self.arith.dry = self.arith.dry, True
        try:
            return self.value(node)
        finally:
            self.arith.dry = before

    # --- values

    def value(self, node: Node) -> drgn.Object:
        """The value of an expression. Raises ExprError, ReadError."""
        # Chains like a.b.c or 1+1+1 lean to the left and may be long: no recursion there.
        chain: list[Binary | Member | Index | Call] = []
        while isinstance(node, (Binary, Member, Index, Call)):
            chain.append(node)
            if isinstance(node, Binary):
                node = node.left
            elif isinstance(node, Index):
                node = node.array
            else:
                node = node.operand if isinstance(node, Member) else node.function
        found = self._leaf(node)
        for link in reversed(chain):
            found = self._link(link, found)
        return found

    def _link(self, node: Binary | Member | Index | Call, left: drgn.Object) -> drgn.Object:
        if isinstance(node, Member):
            return self._member(left, node.name)
        if isinstance(node, Index):
            return self._index(left, self.value(node.index))
        if isinstance(node, Call):
            return self._call(node)
        op = node.op
        if op == ",":
            return self.value(node.right)
        if op in ("&&", "||"):
            if not self.dry and self._logical(left) == (op == "||"):
                return self.arith.integer(op == "||")
            return self.arith.integer(self._logical(self.value(node.right)))
        if op == "@":
            return self._repeat(left, self.value(node.right))
        return self.arith.binary(op, self._typed(left), self._typed(self.value(node.right)))

    def _call(self, node: Call) -> drgn.Object:
        """A call: a dump runs no functions, but one of gdb's own is known."""
        if node.function == Dollar("_isvoid") and len(node.arguments) == 1:
            void = kind_of(self.value(node.arguments[0])) == TypeKind.VOID
            return self.arith.integer(void)
        raise ExprError("You can't do that without a process to debug.")

    def _logical(self, value: drgn.Object) -> bool:
        """An operand of && or ||, which unlike ! takes no structures."""
        if kind_of(self._typed(value)) in AGGREGATES:
            raise ExprError("Argument to logical operation not a number or boolean.")
        return self.arith.truth(value)

    def _typed(self, value: drgn.Object) -> drgn.Object:
        """A value that must have a type. Raises ExprError."""
        if is_untyped(value):
            raise ExprError("A variable has unknown type; cast it to its declared type")
        return value

    def _leaf(self, node: Node) -> drgn.Object:
        arith = self.arith
        if isinstance(node, Number):
            return arith.integer(node.value, node.type)
        if isinstance(node, Float):
            return arith.make(arith.named(node.type), node.value)
        if isinstance(node, Char):
            return arith.make(self._char(node.prefix), node.value)
        if isinstance(node, String):
            return self._string(node)
        if isinstance(node, Name):
            return self._name(node)
        if isinstance(node, Dollar):
            return self._dollar(node.name)
        if isinstance(node, Unary):
            return self._unary(node)
        if isinstance(node, Step):
            return self._step(node)
        if isinstance(node, Ternary):
            then = self.dry or arith.truth(self._typed(self.value(node.condition)))
            return self.value(node.then if then else node.otherwise)
        if isinstance(node, Assign):
            return self._assign(node)
        return self._leaf_of_types(node)

    def _leaf_of_types(self, node: Node) -> drgn.Object:
        arith = self.arith
        if isinstance(node, Cast):
            return self._cast(node)
        if isinstance(node, MemoryAt):
            address = arith.number(self.value(node.operand))
            return arith.at(self.type(node.type), address)
        if isinstance(node, ArrayOf):
            return self._array(node)
        if isinstance(node, SizeOf):
            if isinstance(node.operand, TypeExpr):
                return arith.integer(size_of(self.type(node.operand)))
            operand = self._typed(self._without_reading(node.operand))
            if isinstance(node.operand, Name) and is_open_array(operand.type_):
                return arith.unknown("unsigned long")
            return arith.integer(size_of(operand.type_))
        if isinstance(node, SizeOfType):
            return arith.integer(size_of(self.lookup.resolve(node.type)))
        if isinstance(node, AlignOf):
            return arith.integer(self._alignment(self.type(node.type)))
        raise ExprError("Attempt to use a type as an expression")

    def _name(self, node: Name) -> drgn.Object:
        found = self._in_scope(node.name) if node.scope is None else None
        if found is None:
            found = self.lookup.scoped(node.scope or "", node.name)
        if found.absent_ and kind_of(found) == TypeKind.FUNCTION:
            raise ExprError(f'No symbol "{node.name}" in current context.')
        return found

    def _in_scope(self, name: str) -> drgn.Object | None:
        """What a name means in the file that `set scope` chose, None if nothing."""
        place = self.session.settings.scope
        stretch = self.kernel.sources.stretch(place) if place else None
        if stretch is None:
            return None
        try:
            return self.lookup.scoped(stretch[0], name)
        except ExprError:
            return None

    def _char(self, prefix: str) -> drgn.Type:
        if not prefix:
            return self.arith.named("char")
        # gdb looks wide characters up by their typedefs.
        return self.lookup.type({"L": "wchar_t", "u": "char16_t"}.get(prefix, "char32_t"))

    def _string(self, node: String) -> drgn.Object:
        element = self._char(node.prefix)
        type_ = self.prog.array_type(element, len(node.value) + 1)
        width = size_of(element)
        order: Literal["little", "big"] = "little" if self.kernel.byte_order == "<" else "big"
        mask = (1 << 8 * width) - 1
        data = b"".join((code & mask).to_bytes(width, order) for code in (*node.value, 0))
        return drgn.Object.from_bytes_(self.prog, type_, data)

    def _array(self, node: ArrayOf) -> drgn.Object:
        items = [self.arith.read(self._typed(self.value(item))) for item in node.items]
        sizes = {size_of(item.type_) for item in items}
        if len(sizes) > 1 or 0 in sizes:
            raise ExprError("array elements must all be the same size")
        if any(item.absent_ or kind_of(item) == TypeKind.FUNCTION for item in items):
            raise ExprError("array elements must be values")
        type_ = self.prog.array_type(items[0].type_, len(items))
        if self.dry:
            return drgn.Object(self.prog, type_, address=0)
        return self.arith.from_bytes(type_, b"".join(map(self.arith.bytes_of, items)))

    # --- operators

    def _unary(self, node: Unary) -> drgn.Object:
        if node.op == "&":
            return self._address_of(self.value(node.operand))
        operand = self._typed(self.value(node.operand))
        if node.op == "*":
            return self._follow(operand)
        if node.op == "-":
            return self.arith.negate(operand)
        if node.op == "+":
            return self.arith.plus(operand)
        if node.op == "~":
            return self.arith.complement(operand)
        return self.arith.integer(not self.arith.truth(operand))

    def _address_of(self, value: drgn.Object) -> drgn.Object:
        address = self.arith.address(value)
        return self.arith.make(self.prog.pointer_type(value.type_), address)

    def _follow(self, value: drgn.Object) -> drgn.Object:
        """`*value`: what a pointer points to; a function is itself, an integer is an address."""
        kind = kind_of(value)
        if kind == TypeKind.FUNCTION:
            if self.dry:
                raise ExprError("Attempt to take contents of a non-pointer value.")
            return value
        if kind == TypeKind.INT:
            return self.arith.at(self.arith.named("long"), self.arith.number(value))
        value = self.arith.coerce(value)
        if kind_of(value) != TypeKind.POINTER:
            raise ExprError("Attempt to take contents of a non-pointer value.")
        target = real_type(value.type_).type
        return self.arith.at(target, self.arith.number(value))

    def _member(self, value: drgn.Object, name: str) -> drgn.Object:
        value = self.arith.coerce(self._typed(value))
        while kind_of(value) == TypeKind.POINTER:
            value = self._follow(value)
        if kind_of(value) not in AGGREGATES:
            raise ExprError("Attempt to extract a component of a value that is not a structure.")
        try:
            return value.member_(name)
        except LookupError:
            raise ExprError(f"There is no member named {name}.") from None
        except (TypeError, ValueError) as error:
            raise ExprError(f"There is no member named {name}: {error}.") from None

    def _index(self, array: drgn.Object, index: drgn.Object) -> drgn.Object:
        array = self._typed(array)
        kind = kind_of(array)
        if kind not in (TypeKind.ARRAY, TypeKind.POINTER):
            name = getattr(array.type_, "name", None)
            raise ExprError(
                f"cannot subscript something of type `{name}'"
                if name
                else "cannot subscript requested type"
            )
        if kind == TypeKind.ARRAY and array.address_ is None:
            return self._element(array, self.arith.number(index))
        return self._follow(self.arith.binary("+", array, self._typed(index)))

    def _element(self, array: drgn.Object, index: int) -> drgn.Object:
        if not 0 <= index < (real_type(array.type_).length or 0):
            raise ExprError("no such vector element")
        return array[index]

    def _repeat(self, value: drgn.Object, count: drgn.Object) -> drgn.Object:
        if value.address_ is None:
            raise ExprError("Only values in memory can be extended with '@'.")
        if kind_of(count) not in (TypeKind.INT, TypeKind.BOOL, TypeKind.ENUM):
            raise ExprError("Invalid number of repetitions.")
        number = self.arith.number(count)
        if not 0 < number < MAX_REPEATS:
            raise ExprError(f"Invalid number {number} of repetitions.")
        self._typed(value)
        if kind_of(value) == TypeKind.FUNCTION:
            raise ExprError("Invalid type for repetition.")
        array = self.prog.array_type(value.type_, number)
        return self.arith.at(array, self.arith.address(value))

    def _cast(self, node: Cast) -> drgn.Object:
        type_ = self.type(node.type)
        value = self.value(node.operand)
        if is_untyped(value) and value.address_ is not None:
            return self.arith.at(type_, value.address_)
        return self.arith.cast(type_, value)

    def _alignment(self, type_: drgn.Type) -> int:
        try:
            return int(drgn.alignof(type_))
        except (TypeError, ValueError, AttributeError):
            raise ExprError("could not determine alignment of type") from None

    # --- history, convenience variables, assignment

    def _dollar(self, name: str) -> drgn.Object:
        void = drgn.Object(self.prog, self.prog.void_type())
        stripped = name.removeprefix("$")
        if stripped == "" or (stripped.isascii() and stripped.isdigit()):
            back = name.startswith("$")
            count = int(stripped[:18]) if stripped else int(back)
            return self.state.recall(-count if back or not stripped else count)
        if name in self.state.variables:
            return self.state.variables[name]
        if name == "_siginfo":
            raise ExprError("Unable to read siginfo")
        if name in _FIXED:
            return self.arith.integer(_FIXED[name])
        found = register(self.kernel, self.session.task, name)
        return void if found is None else found

    def _assign(self, node: Assign) -> drgn.Object:
        if not isinstance(node.target, Dollar) or not _is_variable(node.target.name):
            target = self.value(node.target)
            self.value(node.value)
            if target.address_ is not None:
                raise ExprError(f"Cannot access memory at address {target.address_:#x}")
            raise ExprError("Left operand of assignment is not an lvalue.")
        value = self.value(node.value)
        if node.op:
            value = self.arith.binary(node.op, self._typed(self.value(node.target)), value)
        self._typed(value)
        return self._set(node.target.name, value)

    def _set(self, name: str, value: drgn.Object) -> drgn.Object:
        if value.address_ is not None:
            value = self.arith.coerce(value)
        found = self.arith.read(value) if kind_of(value) != TypeKind.VOID else value
        if not self.dry:
            self.state.variables[name] = found
        return found

    def _step(self, node: Step) -> drgn.Object:
        before = self._typed(self.value(node.operand))
        after = self.arith.binary(node.op[0], before, self.arith.integer(1))
        if not isinstance(node.operand, Dollar) or not _is_variable(node.operand.name):
            raise ExprError("Left operand of assignment is not an lvalue.")
        self._set(node.operand.name, after)
        return before if node.postfix else after


def _is_variable(name: str) -> bool:
    """Whether `$name` is a convenience variable rather than a place in the history."""
    stripped = name.removeprefix("$")
    return bool(stripped) and not stripped[0].isdigit() and stripped == name
