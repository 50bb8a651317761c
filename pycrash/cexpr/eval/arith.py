"""Arithmetic and casts on C values, with gdb's promotions, results and refusals."""

from __future__ import annotations

import math
from collections.abc import Callable

import drgn
from drgn import TypeKind

from pycrash.cexpr.eval.kinds import INTEGRAL, SCALAR, kind_of, real_type, size_of
from pycrash.cexpr.eval.lookup import Lookup
from pycrash.cexpr.eval.operators import INTEGER, divide, float_operation, wrapped
from pycrash.cexpr.printing.ctype import AGGREGATES
from pycrash.cexpr.syntax.errors import ExprError, no_memory

#: Values larger than this are not read; gdb's words for that are in `read`.
MAX_VALUE = 256 << 20

#: Reads memory: address and bytes. Raises ReadError, or ExprError where crash says nothing.
Memory = Callable[[int, int], bytes]

NOT_A_NUMBER = "Argument to arithmetic operation not a number or boolean."


def reading(size: int) -> str:
    """What crash says gdb was reading, which it misspells for four bytes."""
    return "gdb_readmem callback" if size == 4 else "gdb_readmem_callback"


class Arithmetic:
    """Operations on values of one kernel. With `dry` set nothing is read: types alone count.

    `warnings` collects the lines gdb prints before a result.
    """

    def __init__(self, lookup: Lookup, memory: Memory | None = None) -> None:
        self.lookup = lookup
        self.memory = memory or self._kernel_memory
        self.kernel = lookup.kernel
        self.prog = lookup.prog
        self.dry = False
        self.warnings: list[str] = []

    def _kernel_memory(self, address: int, size: int) -> bytes:
        """Memory as gdb reads it through crash, which says nothing of user addresses."""
        if not self.kernel.memory.is_kernel(address):
            raise no_memory(address)
        return self.kernel.read(address, size, reading(size))

    # --- making values

    def named(self, type_name: str) -> drgn.Type:
        found = self.lookup.built_in(type_name)
        assert found is not None
        return found

    def make(self, type_: drgn.Type, value: int | float) -> drgn.Object:
        """A value of a scalar type; integers wrap around as they do in C."""
        real = real_type(type_)
        try:
            if real.kind == TypeKind.FLOAT:
                if real.size not in (4, 8):
                    return self._wide_float(type_, float(value))
                return drgn.Object(self.prog, type_, float(value))
            if real.kind == TypeKind.ENUM and not real.is_complete():
                raise ExprError("Invalid cast.")
            bits = 8 * size_of(real)
            number = int(value) & ((1 << bits) - 1)
            if real.kind == TypeKind.BOOL:
                return drgn.Object(self.prog, type_, bool(value))
            if real.kind != TypeKind.POINTER and self.is_signed(real) and number >> (bits - 1):
                number -= 1 << bits
            return drgn.Object(self.prog, type_, number)
        except OverflowError:
            return drgn.Object(self.prog, type_, math.inf)
        except (TypeError, ValueError, NotImplementedError) as error:
            raise ExprError(str(error)) from None

    def _wide_float(self, type_: drgn.Type, value: float) -> drgn.Object:
        # drgn holds no values wider than double; a double takes their place.
        return drgn.Object(self.prog, self.prog.float_type("long double", 8), value)

    def integer(self, value: int, type_name: str = "int") -> drgn.Object:
        return self.make(self.named(type_name), value)

    def unknown(self, type_name: str) -> drgn.Object:
        """A value of a type that shows as optimized out."""
        reason = drgn.AbsenceReason.OPTIMIZED_OUT
        return drgn.Object(self.prog, self.named(type_name), absence_reason=reason)

    @staticmethod
    def is_signed(type_: drgn.Type) -> bool:
        type_ = real_type(type_)
        if type_.kind == TypeKind.ENUM:
            return bool(type_.is_complete() and real_type(type_.type).is_signed)
        return type_.kind == TypeKind.INT and bool(type_.is_signed)

    # --- reading values

    def read(self, value: drgn.Object) -> drgn.Object:
        """A value whose bytes have been read. Raises ReadError or ExprError."""
        address = value.address_
        if address is None or self.dry:
            return value
        size = size_of(value.type_)
        if size > MAX_VALUE:
            raise ExprError(f"value requires {size} bytes, which is more than max-value-size")
        if kind_of(value) == TypeKind.FUNCTION or not size:
            return value
        bits, offset = value.bit_field_size_, value.bit_offset_ or 0
        data = self.memory(address, ((bits or 8 * size) + offset + 7) // 8)
        return self.from_bytes(value.type_, data, bits, offset)

    def bytes_of(self, value: drgn.Object) -> bytes:
        """A value's bytes. Raises ReadError, or ExprError for what has none."""
        found = self.read(value)
        if found.absent_ or kind_of(found) in (TypeKind.VOID, TypeKind.FUNCTION):
            raise ExprError("Invalid type combination in equality test.")
        return bytes(found.to_bytes_())

    def from_bytes(
        self, type_: drgn.Type, data: bytes, bits: int | None = None, offset: int = 0
    ) -> drgn.Object:
        """A value made of bytes, or of some bits of them. Raises ExprError."""
        try:
            return drgn.Object.from_bytes_(
                self.prog, type_, data, bit_offset=offset, bit_field_size=bits
            )
        except (TypeError, ValueError, NotImplementedError, OverflowError) as error:
            raise ExprError(str(error)) from None

    def number(self, value: drgn.Object) -> int:
        """A value as an integer, as gdb's value_as_long has it. Raises ReadError, ExprError."""
        value = self.coerce(value)
        if kind_of(value) not in SCALAR:
            raise ExprError("Value can't be converted to integer.")
        found = self.scalar(value)
        if isinstance(found, float):
            if math.isnan(found) or math.isinf(found):
                return -(1 << 63)
            return int(found)
        return found

    def scalar(self, value: drgn.Object) -> int | float:
        """The number a scalar holds. Raises ReadError."""
        if self.dry and value.address_ is not None:
            return 0
        found = self.read(value)
        if found.absent_:
            raise ExprError("value has been optimized out")
        try:
            plain = found.value_()
        except (TypeError, ValueError, NotImplementedError) as error:
            raise ExprError(str(error)) from None
        if isinstance(plain, float):
            return plain
        return int(plain)

    def coerce(self, value: drgn.Object) -> drgn.Object:
        """Arrays and functions as pointers. Raises ExprError for an array not in memory."""
        real = real_type(value.type_)
        if real.kind == TypeKind.ARRAY:
            target = self.prog.pointer_type(real.type)
        elif real.kind == TypeKind.FUNCTION:
            target = self.prog.pointer_type(value.type_)
        else:
            return value
        return self.make(target, self.address(value))

    def address(self, value: drgn.Object) -> int:
        """Where a value lies; of a bit-field, the integer it is part of.

        Raises ExprError if it is not in memory.
        """
        if value.address_ is None:
            raise ExprError("Attempt to take address of value not located in memory.")
        address = int(value.address_)
        bits = value.bit_field_size_
        size = size_of(value.type_)
        if bits is None or not size:
            return address
        first = 8 * address + (value.bit_offset_ or 0)
        if first % (8 * size) + bits <= 8 * size:
            return first // (8 * size) * size
        return first // 8

    def truth(self, value: drgn.Object) -> bool:
        """Whether a value counts as true. Raises ReadError, ExprError."""
        value = self.coerce(value)
        if kind_of(value) in SCALAR:
            return bool(self.scalar(value))
        return any(self.bytes_of(value)) if not self.dry else False

    # --- one operand

    def promote(self, value: drgn.Object) -> drgn.Type:
        """The type a single operand is computed in. Raises ExprError for other than numbers."""
        real = real_type(value.type_)
        if real.kind == TypeKind.FLOAT:
            return value.type_
        if real.kind not in INTEGRAL:
            raise ExprError(NOT_A_NUMBER)
        return self.named("int") if size_of(real) < 4 else value.type_

    def _of_size(self, size: int, unsigned: bool) -> drgn.Type:
        word = self.kernel.word_size
        for bound, name in ((4, "int"), (word, "long"), (8, "long long"), (16, "__int128")):
            if size <= bound:
                return self.named(f"unsigned {name}" if unsigned else name)
        raise ExprError(NOT_A_NUMBER)

    def negate(self, value: drgn.Object) -> drgn.Object:
        return self.make(self.promote(value), -self.scalar(value))

    def plus(self, value: drgn.Object) -> drgn.Object:
        return self.make(self.promote(value), self.scalar(value))

    def complement(self, value: drgn.Object) -> drgn.Object:
        type_ = self.promote(value)
        number = self.scalar(value)
        if isinstance(number, float):
            raise ExprError("Argument to complement operation not an integer, boolean.")
        return self.make(type_, ~number)

    # --- two operands

    def binary(self, op: str, left: drgn.Object, right: drgn.Object) -> drgn.Object:
        """`left op right` for every operator that evaluates both. Raises ExprError, ReadError."""
        if op in ("==", "!="):
            return self.integer(self._equal(left, right) == (op == "=="))
        if op in ("<", ">", "<=", ">="):
            return self.integer(self._ordered(op, left, right))
        if op == "+":
            return self._add(left, right)
        if op == "-":
            return self._subtract(left, right)
        return self._compute(op, left, right)

    def _add(self, left: drgn.Object, right: drgn.Object) -> drgn.Object:
        if _is_address(left) and kind_of(right) in INTEGRAL:
            return self._moved(left, self.number(right))
        if _is_address(right) and kind_of(left) in INTEGRAL:
            return self._moved(right, self.number(left))
        return self._compute("+", left, right)

    def _subtract(self, left: drgn.Object, right: drgn.Object) -> drgn.Object:
        if _is_address(left) and _is_address(right):
            return self._distance(self.coerce(left), self.coerce(right))
        if _is_address(left) and kind_of(right) in INTEGRAL:
            return self._moved(left, -self.number(right))
        return self._compute("-", left, right)

    def _moved(self, pointer: drgn.Object, steps: int) -> drgn.Object:
        """A pointer some elements on."""
        pointer = self.coerce(pointer)
        target = real_type(pointer.type_).type
        size = size_of(target)
        if not size:
            raise ExprError(
                "Cannot perform pointer math on incomplete types, "
                "try casting to a known type, or void *."
            )
        return self.make(pointer.type_, self.number(pointer) + steps * size)

    def _distance(self, left: drgn.Object, right: drgn.Object) -> drgn.Object:
        sizes = [size_of(real_type(v.type_).type) for v in (left, right)]
        if sizes[0] != sizes[1]:
            raise ExprError(
                "First argument of `-' is a pointer and second argument is neither\n"
                "an integer nor a pointer of the same type."
            )
        if not sizes[0]:
            self.warnings.append(
                "warning: Type size unknown, assuming 1.  Try casting to a known type, or void *."
            )
        apart = self.number(left) - self.number(right)
        bits = 8 * self.kernel.word_size
        apart = (apart + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))
        return self.integer(divide(apart, sizes[0] or 1), "long")

    def _equal(self, left: drgn.Object, right: drgn.Object) -> bool:
        left, right = self.coerce(left), self.coerce(right)
        kinds = kind_of(left), kind_of(right)
        if all(kind in SCALAR for kind in kinds):
            if not self._comparable(kinds):
                raise ExprError("Invalid type combination in equality test.")
            return self._pair_equal(left, right)
        if kinds[0] == kinds[1] and size_of(left.type_) == size_of(right.type_):
            if kinds[0] in AGGREGATES:
                raise ExprError("Argument to comparison operation not integer, boolean or float.")
            return self.dry or self.bytes_of(left) == self.bytes_of(right)
        raise ExprError("Invalid type combination in equality test.")

    @staticmethod
    def _comparable(kinds: tuple[TypeKind, TypeKind]) -> bool:
        return TypeKind.POINTER not in kinds or TypeKind.FLOAT not in kinds

    def _pair_equal(self, left: drgn.Object, right: drgn.Object) -> bool:
        first, second = self._pair(left, right)
        return first == second

    def _ordered(self, op: str, left: drgn.Object, right: drgn.Object) -> bool:
        left, right = self.coerce(left), self.coerce(right)
        kinds = kind_of(left), kind_of(right)
        if not all(kind in SCALAR for kind in kinds) or not self._comparable(kinds):
            raise ExprError("Invalid type combination in ordering comparison.")
        first, second = self._pair(left, right)
        if op == "<":
            return first < second
        if op == ">":
            return first > second
        return first <= second if op == "<=" else first >= second

    def _pair(self, left: drgn.Object, right: drgn.Object) -> tuple[int | float, int | float]:
        """Two scalars as they compare: in their common type, pointers as addresses."""
        first, second = self.scalar(left), self.scalar(right)
        if TypeKind.POINTER in (kind_of(left), kind_of(right)):
            mask = self.kernel.word_mask
            return int(first) & mask, int(second) & mask
        if isinstance(first, float) or isinstance(second, float):
            return first, second
        common = self.common(left, right)
        return self._cut(common, first), self._cut(common, second)

    def _cut(self, type_: drgn.Type, value: int | float) -> int:
        return wrapped(int(value), 8 * size_of(type_), self.is_signed(type_))

    def common(self, left: drgn.Object, right: drgn.Object) -> drgn.Type:
        """The type two numbers are computed in. Raises ExprError."""
        types = real_type(left.type_), real_type(right.type_)
        floats = [
            value.type_
            for value, type_ in zip((left, right), types, strict=True)
            if type_.kind == TypeKind.FLOAT
        ]
        if any(t.kind not in INTEGRAL and t.kind != TypeKind.FLOAT for t in types):
            raise ExprError(NOT_A_NUMBER)
        if floats:
            return max(floats, key=size_of)
        sizes, signs = [], []
        for type_ in types:
            size = size_of(type_)
            sizes.append(max(size, 4))
            signs.append(size >= 4 and not self.is_signed(type_))
        if sizes[0] == sizes[1]:
            return self._of_size(sizes[0], any(signs))
        return self._of_size(max(sizes), signs[sizes.index(max(sizes))])

    def _compute(self, op: str, left: drgn.Object, right: drgn.Object) -> drgn.Object:
        for value in (left, right):
            if kind_of(value) not in INTEGRAL and kind_of(value) != TypeKind.FLOAT:
                raise ExprError(NOT_A_NUMBER)
        if op in ("<<", ">>"):
            return self._shift(op, left, right)
        common = self.common(left, right)
        if kind_of(left) == kind_of(right) == TypeKind.BOOL:
            if op not in "&|^":
                raise ExprError("Invalid operation on booleans.")
            common = left.type_
        first, second = self.scalar(left), self.scalar(right)
        if real_type(common).kind == TypeKind.FLOAT:
            return self.make(common, float_operation(op, float(first), float(second)))
        first, second = self._cut(common, first), self._cut(common, second)
        if op in ("/", "%") and not second:
            if self.dry:
                return self.make(common, 0)
            raise ExprError("Division by zero")
        if op not in INTEGER:
            raise ExprError("Invalid binary operation on numbers.")
        return self.make(common, INTEGER[op](first, second))

    def _shift(self, op: str, left: drgn.Object, right: drgn.Object) -> drgn.Object:
        if TypeKind.FLOAT in (kind_of(left), kind_of(right)):
            raise ExprError("Integer shift of a floating-point number.")
        type_ = self._of_size(
            size_of(left.type_), size_of(left.type_) >= 4 and not self.is_signed(left.type_)
        )
        first, count = int(self.scalar(left)), int(self.scalar(right))
        way = "left" if op == "<<" else "right"
        if count < 0:
            self.warnings.append(f"warning: {way} shift count is negative")
            return self.make(type_, 0)
        if count >= 8 * size_of(type_):
            self.warnings.append(f"warning: {way} shift count >= width of type")
            return self.make(type_, -1 if op == ">>" and first < 0 else 0)
        return self.make(type_, first << count if op == "<<" else first >> count)

    # --- casts

    def cast(self, type_: drgn.Type, value: drgn.Object) -> drgn.Object:
        """`(type) value` as gdb casts. Raises ExprError, ReadError."""
        to = real_type(type_)
        if to.kind == TypeKind.VOID:
            return drgn.Object(self.prog, self.prog.void_type())
        origin = real_type(value.type_)
        if to.kind == TypeKind.ARRAY:
            return self._cast_array(type_, to, value)
        if to.kind in AGGREGATES and origin.kind in AGGREGATES and type_ == value.type_:
            return value
        value = self.coerce(value)
        origin = real_type(value.type_)
        if to.kind in SCALAR and origin.kind in SCALAR:
            if TypeKind.POINTER in (to.kind, origin.kind) and TypeKind.FLOAT in (
                to.kind,
                origin.kind,
            ):
                return self._reinterpret(type_, value)
            number = self.scalar(value)
            if isinstance(number, float) and to.kind != TypeKind.FLOAT:
                number = self.number(value)
            return self.make(type_, number)
        return self._reinterpret(type_, value)

    def _cast_array(self, type_: drgn.Type, to: drgn.Type, value: drgn.Object) -> drgn.Object:
        """A cast to an array: the value's bytes, as many elements as asked for or as fit."""
        element = size_of(to.type)
        size = size_of(value.type_)
        if to.length is None and element:
            if size % element:
                self.warnings.append(
                    "warning: array element type size does not divide object size in cast"
                )
            type_ = self.prog.array_type(to.type, size // element)
        if kind_of(value) == TypeKind.ARRAY and size_of(type_) != size:
            value = self.coerce(value)
        return self._reinterpret(type_, value)

    def _reinterpret(self, type_: drgn.Type, value: drgn.Object) -> drgn.Object:
        """The same bytes as another type, or what lies in memory in the value's place."""
        if value.absent_ or kind_of(value) == TypeKind.VOID:
            raise ExprError("Invalid cast.")
        if size_of(type_) == size_of(value.type_) and value.bit_field_size_ is None:
            if value.address_ is not None:
                return self.at(type_, value.address_)
            return self.from_bytes(type_, self.bytes_of(value))
        if value.address_ is not None:
            return self.at(type_, value.address_)
        raise ExprError("Invalid cast.")

    def at(self, type_: drgn.Type, address: int) -> drgn.Object:
        """What lies at an address, not read yet. Raises ExprError for void."""
        if real_type(type_).kind == TypeKind.VOID:
            raise ExprError("Attempt to take contents of a non-pointer value.")
        try:
            return drgn.Object(self.prog, type_, address=address & self.kernel.word_mask)
        except (TypeError, ValueError, OverflowError) as error:
            raise ExprError(str(error)) from None


def _is_address(value: drgn.Object) -> bool:
    return kind_of(value) in (TypeKind.POINTER, TypeKind.ARRAY, TypeKind.FUNCTION)
