"""The syntax tree of a C expression, as the parser builds it and the evaluator walks it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Node:
    """Base of every expression."""


@dataclass(frozen=True)
class Declarator:
    """One step of an abstract declarator, innermost first in a type's list.

    `kind` is "pointer", "array" (`length` elements, None if none is given), "function"
    (`parameters`, `variadic`), or a qualifier: "const", "volatile", "restrict", "atomic".
    """

    kind: str
    length: int | None = None
    parameters: tuple[TypeName, ...] = ()
    variadic: bool = False


@dataclass(frozen=True)
class TypeName:
    """A type as written: `base` is a canonical name (`unsigned long`, `struct list_head`)."""

    base: str
    declarators: tuple[Declarator, ...] = ()


@dataclass(frozen=True)
class Number(Node):
    """An integer constant; `type` is the C type gdb gives it."""

    value: int
    type: str


@dataclass(frozen=True)
class Float(Node):
    """A floating constant of type float, double or long double."""

    value: float
    type: str


@dataclass(frozen=True)
class Char(Node):
    """A character constant; `prefix` is empty, or L, u or U for a wide one."""

    value: int
    prefix: str


@dataclass(frozen=True)
class String(Node):
    """A string literal without its final NUL, as code points; `prefix` as of a character."""

    value: tuple[int, ...]
    prefix: str


@dataclass(frozen=True)
class Name(Node):
    """A symbol; `scope` is the file or function in front of `::`, empty for the outermost."""

    name: str
    scope: str | None = None


@dataclass(frozen=True)
class Dollar(Node):
    """`$`, `$$`, `$N`, `$$N`, a convenience variable or a register; without its first `$`."""

    name: str


@dataclass(frozen=True)
class Unary(Node):
    """One of `* & - + ! ~`."""

    op: str
    operand: Node


@dataclass(frozen=True)
class Step(Node):
    """`++` or `--`, in front of its operand or behind it."""

    op: str
    operand: Node
    postfix: bool


@dataclass(frozen=True)
class Binary(Node):
    """Two operands and one of C's operators, `@` or `,`."""

    op: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Ternary(Node):
    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True)
class Assign(Node):
    """`target = value`, or with `op` one of the compound assignments (`+` for `+=`)."""

    op: str
    target: Node
    value: Node


@dataclass(frozen=True)
class Cast(Node):
    type: TypeExpr
    operand: Node


@dataclass(frozen=True)
class MemoryAt(Node):
    """`{type} address`."""

    type: TypeExpr
    operand: Node


@dataclass(frozen=True)
class ArrayOf(Node):
    """`{a, b, c}`."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Index(Node):
    array: Node
    index: Node


@dataclass(frozen=True)
class Member(Node):
    """`value.name` and `value->name`, which gdb treats alike."""

    operand: Node
    name: str


@dataclass(frozen=True)
class Call(Node):
    function: Node
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class SizeOf(Node):
    """`sizeof expression`."""

    operand: Node


@dataclass(frozen=True)
class SizeOfType(Node):
    type: TypeName


@dataclass(frozen=True)
class AlignOf(Node):
    type: TypeExpr


@dataclass(frozen=True)
class TypeExpr(Node):
    """A type where gdb takes one for an expression: `ptype struct x`, `whatis int`."""

    type: TypeName


@dataclass(frozen=True)
class TypeOf(TypeExpr):
    """`typeof(expression)`; `type` is unused."""

    operand: Node
