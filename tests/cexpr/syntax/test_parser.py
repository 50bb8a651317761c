"""Trees of expressions and types: precedence, casts, declarators, syntax errors."""

from __future__ import annotations

import pytest

from pycrash.cexpr.syntax.ast import (
    Binary,
    Cast,
    Declarator,
    Index,
    Member,
    Name,
    Number,
    Ternary,
    TypeExpr,
    TypeName,
    Unary,
)
from pycrash.cexpr.syntax.errors import ExprError
from pycrash.cexpr.syntax.parser import parse


def tree(text: str) -> object:
    return parse(text, lambda name: name == "pid_t")


ONE, TWO, THREE = Number(1, "int"), Number(2, "int"), Number(3, "int")


def test_precedence() -> None:
    assert tree("1+2*3") == Binary("+", ONE, Binary("*", TWO, THREE))
    assert tree("1-2-3") == Binary("-", Binary("-", ONE, TWO), THREE)
    assert tree("1 ? 2 : 3") == Ternary(ONE, TWO, THREE)


def test_repetition_binds_less_than_addition() -> None:
    assert tree("a+1@2") == Binary("@", Binary("+", Name("a"), ONE), TWO)
    assert tree("&a@2") == Binary("@", Unary("&", Name("a")), TWO)


def test_postfix() -> None:
    assert tree("a->b[1].c") == Member(Index(Member(Name("a"), "b"), ONE), "c")


def test_a_cast_is_told_from_brackets_by_the_type() -> None:
    assert tree("(pid_t)1") == Cast(TypeExpr(TypeName("pid_t")), ONE)
    assert tree("(pid)+1") == Binary("+", Name("pid"), ONE)


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("unsigned", TypeName("unsigned int")),
        ("long unsigned int", TypeName("unsigned long")),
        ("char const *", TypeName("char", (Declarator("const"), Declarator("pointer")))),
        ("int *[3]", TypeName("int", (Declarator("pointer"), Declarator("array", 3)))),
        ("int (*)[3]", TypeName("int", (Declarator("array", 3), Declarator("pointer")))),
        ("int [3]*", TypeName("int", (Declarator("array", 3), Declarator("pointer")))),
        ("int (*)(void)", TypeName("int", (Declarator("function"), Declarator("pointer")))),
    ],
)
def test_types(text: str, type_: TypeName) -> None:
    assert tree(text) == TypeExpr(type_)


@pytest.mark.parametrize("text", ["1+", "(1", "1 2", ")", "1 ? 2", "int 5", "struct", "a..b", ""])
def test_syntax_errors(text: str) -> None:
    with pytest.raises(ExprError, match="A syntax error in expression, near"):
        tree(text)


def test_nesting_has_an_end() -> None:
    with pytest.raises(ExprError, match="too deeply"):
        tree("(" * 500 + "1" + ")" * 500)


def test_long_chains_are_no_nesting() -> None:
    assert isinstance(tree("1" + "+1" * 2000), Binary)
