"""Parses C expressions and type names with the grammar and the precedences of gdb."""

from __future__ import annotations

from collections.abc import Callable

from pycrash.cexpr.syntax.ast import (
    AlignOf,
    ArrayOf,
    Assign,
    Binary,
    Call,
    Cast,
    Char,
    Declarator,
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
    TypeName,
    TypeOf,
    Unary,
)
from pycrash.cexpr.syntax.errors import ExprError, syntax_error
from pycrash.cexpr.syntax.lexer import Token, tokenize

#: How deep brackets, prefixes and casts may nest: far beyond use, within Python's stack.
MAX_DEPTH = 60

BINARY = {
    **{"||": 3, "&&": 4, "|": 5, "^": 6, "&": 7, "==": 8, "!=": 8},
    **{"<": 9, ">": 9, "<=": 9, ">=": 9, "<<": 10, ">>": 10, "@": 11, "+": 12, "-": 12},
    **{"*": 13, "/": 13, "%": 13},
}
ASSIGN = {"=": ""} | {f"{op}=": op for op in ("+", "-", "*", "/", "%", "|", "&", "^", "<<", ">>")}
TAGS = ("struct", "union", "enum")
SCALARS = ("unsigned", "signed", "long", "short", "int", "double", "float")
QUALIFIERS = {
    "const": "const",
    "volatile": "volatile",
    "restrict": "restrict",
    "__restrict": "restrict",
    "__restrict__": "restrict",
    "_Atomic": "atomic",
}
TYPEOF = ("typeof", "__typeof", "__typeof__")
KEYWORDS = {*TAGS, *SCALARS, *QUALIFIERS, *TYPEOF, "sizeof", "_Alignof", "_Complex", "__complex__"}
#: Types gdb knows by one word without any debugging data.
BUILT_IN = ("char", "void", "_Bool", "__int128")


def parse(text: str, is_type: Callable[[str], bool], radix: int = 10) -> Node:
    """The tree of an expression or a type. `is_type` tells a typedef's name from others.

    Raises ExprError.
    """
    return _Parser(text, is_type, radix).whole()


class _Parser:
    def __init__(self, text: str, is_type: Callable[[str], bool], radix: int) -> None:
        self.text = text
        self.tokens = tokenize(text, radix)
        self.at = 0
        self.depth = 0
        self.is_type = is_type

    # --- tokens

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def peek(self, *texts: str) -> bool:
        token = self.token
        return token.kind in ("op", "name") and token.text in texts

    def accept(self, *texts: str) -> str:
        """Take the next token if it is one of these; its text, or nothing."""
        if not self.peek(*texts):
            return ""
        self.at += 1
        return self.tokens[self.at - 1].text

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise self.error()

    def error(self) -> ExprError:
        return syntax_error(self.text[self.token.at :])

    def nest(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExprError("The expression nests too deeply.")

    # --- expressions

    def whole(self) -> Node:
        node = self.type_expression() if self.at_type() else self.comma()
        # What follows a closing bracket without its opening one is junk.
        if self.token.kind != "end" or self.text[self.token.at :].strip():
            raise self.error()
        return node

    def comma(self) -> Node:
        node = self.assignment()
        while self.accept(","):
            node = Binary(",", node, self.assignment())
        return node

    def assignment(self) -> Node:
        self.nest()
        node = self.ternary()
        if self.token.kind == "op" and self.token.text in ASSIGN:
            op = ASSIGN[self.accept(self.token.text)]
            node = Assign(op, node, self.assignment())
        self.depth -= 1
        return node

    def ternary(self) -> Node:
        node = self.binary(3)
        if self.accept("?"):
            then = self.assignment()
            self.expect(":")
            self.nest()
            node = Ternary(node, then, self.ternary())
            self.depth -= 1
        return node

    def binary(self, least: int) -> Node:
        node = self.unary()
        while self.token.kind == "op" and (rank := BINARY.get(self.token.text, 0)) >= least:
            op = self.accept(self.token.text)
            node = Binary(op, node, self.binary(rank + 1))
        return node

    def unary(self) -> Node:
        self.nest()
        try:
            return self._unary()
        finally:
            self.depth -= 1

    def _unary(self) -> Node:
        if self.token.kind == "op":
            if op := self.accept("*", "&", "-", "+", "!", "~"):
                return Unary(op, self.unary())
            if op := self.accept("++", "--"):
                return Step(op, self.unary(), postfix=False)
            if self.peek("("):
                begin = self.at
                self.at += 1
                if self.at_type():
                    type_ = self.type_expression()
                    self.expect(")")
                    return Cast(type_, self.unary())
                self.at = begin
            if self.peek("{"):
                return self.braces()
        if self.accept("sizeof"):
            return self.sizeof()
        if self.accept("_Alignof"):
            self.expect("(")
            if not self.at_type():
                raise self.error()
            type_ = self.type_expression()
            self.expect(")")
            return AlignOf(type_)
        return self.postfix(self.primary())

    def sizeof(self) -> Node:
        if self.peek("("):
            begin = self.at
            self.at += 1
            if self.at_type() and not self.peek(*TYPEOF):
                name = self.type_name()
                self.expect(")")
                return SizeOfType(name)
            self.at = begin
        return SizeOf(self.unary())

    def braces(self) -> Node:
        self.expect("{")
        if self.at_type():
            type_ = self.type_expression()
            self.expect("}")
            return MemoryAt(type_, self.unary())
        items = [self.assignment()]
        while self.accept(","):
            items.append(self.assignment())
        self.expect("}")
        return self.postfix(ArrayOf(tuple(items)))

    def postfix(self, node: Node) -> Node:
        while self.token.kind == "op":
            if self.accept("["):
                node = Index(node, self.comma())
                self.expect("]")
            elif self.accept(".", "->"):
                node = Member(node, self.field())
            elif self.accept("("):
                node = Call(node, self.arguments())
            elif op := self.accept("++", "--"):
                node = Step(op, node, postfix=True)
            else:
                break
        return node

    def field(self) -> str:
        if self.token.kind not in ("name", "quoted"):
            raise self.error()
        self.at += 1
        return self.tokens[self.at - 1].text.strip("'")

    def arguments(self) -> tuple[Node, ...]:
        if self.accept(")"):
            return ()
        found = [self.assignment()]
        while self.accept(","):
            found.append(self.assignment())
        self.expect(")")
        return tuple(found)

    def primary(self) -> Node:
        token = self.token
        if token.kind == "op":
            if self.accept("("):
                node = self.comma()
                self.expect(")")
                return node
            if self.accept("::"):
                return Name(self.plain_name(), scope="")
            raise self.error()
        if token.kind == "end" or token.text in KEYWORDS:
            raise self.error()
        if token.kind == "string":
            return self.string()
        self.at += 1
        if token.kind == "dollar":
            return Dollar(token.text[1:])
        if token.kind in ("name", "quoted"):
            name = token.text.strip("'")
            if self.accept("::"):
                return Name(self.plain_name(), scope=name)
            return Name(name)
        if token.kind == "float":
            assert isinstance(token.value, float)
            return Float(token.value, token.type)
        assert isinstance(token.value, int)
        if token.kind == "char":
            return Char(token.value, token.type)
        return Number(token.value, token.type)

    def plain_name(self) -> str:
        token = self.token
        if token.kind not in ("name", "quoted") or token.text in KEYWORDS:
            raise self.error()
        self.at += 1
        return token.text.strip("'")

    def string(self) -> Node:
        codes: list[int] = []
        prefix = ""
        while self.token.kind == "string":
            if self.token.type:
                if prefix not in ("", self.token.type):
                    raise ExprError("Undefined string concatenation.")
                prefix = self.token.type
            assert isinstance(self.token.value, tuple)
            codes.extend(self.token.value)
            self.at += 1
        return String(tuple(codes), prefix)

    # --- types

    def at_type(self) -> bool:
        token = self.token
        if token.kind != "name":
            return False
        if token.text in KEYWORDS:
            return token.text not in ("sizeof", "_Alignof")
        following = self.tokens[self.at + 1]
        if following.kind == "op" and following.text == "::":
            return False
        return token.text in BUILT_IN or self.is_type(token.text)

    def type_expression(self) -> TypeExpr:
        if self.accept(*TYPEOF):
            self.expect("(")
            if self.at_type():
                found = self.type_expression()
            else:
                found = TypeOf(TypeName(""), self.assignment())
            self.expect(")")
            return found
        return TypeExpr(self.type_name())

    def type_name(self) -> TypeName:
        self.nest()
        base, steps = self.base_type()
        # A finished declarator may have another behind it: `long [4]*` points to the array.
        while self.peek("*", "[", "("):
            steps += self.declarators()
        self.depth -= 1
        return TypeName(base, tuple(steps))

    def base_type(self) -> tuple[str, list[Declarator]]:
        words: list[str] = []
        base = ""
        qualifiers: list[Declarator] = []
        while self.token.kind == "name":
            text = self.token.text
            if text in QUALIFIERS:
                self.at += 1
                qualifiers.append(Declarator(QUALIFIERS[text]))
            elif text in TAGS and not base and not words:
                self.at += 1
                if self.token.kind not in ("name", "quoted"):
                    raise self.error()
                base = f"{text} {self.token.text.strip(chr(39))}"
                self.at += 1
            elif text in SCALARS and not base:
                self.at += 1
                words.append(text)
            elif (text in BUILT_IN or self.is_type(text)) and not base:
                if any(word not in ("unsigned", "signed") for word in words):
                    break
                self.at += 1
                base = text
            else:
                break
        if base and words:
            return _signed_name(words, base), qualifiers
        if words:
            return _scalar(words, self.error), qualifiers
        if not base:
            raise self.error()
        return base, qualifiers

    def declarators(self) -> list[Declarator]:
        """Steps from the base type outwards."""
        steps: list[Declarator] = []
        while self.accept("*"):
            steps.append(Declarator("pointer"))
            while self.token.kind == "name" and self.token.text in QUALIFIERS:
                steps.append(Declarator(QUALIFIERS[self.accept(self.token.text)]))
        inner: list[Declarator] = []
        if self.peek("(") and self.tokens[self.at + 1].text in ("*", "(", "["):
            self.nest()
            self.at += 1
            inner = self.declarators()
            self.expect(")")
            self.depth -= 1
        suffixes: list[Declarator] = []
        while self.peek("[", "("):
            suffixes.append(self.array() if self.accept("[") else self.function())
        return steps + suffixes[::-1] + inner

    def array(self) -> Declarator:
        length = None
        if self.token.kind == "int":
            assert isinstance(self.token.value, int)
            length = self.token.value
            self.at += 1
        self.expect("]")
        return Declarator("array", length)

    def function(self) -> Declarator:
        self.expect("(")
        parameters: list[TypeName] = []
        variadic = False
        while not self.accept(")"):
            if parameters:
                self.expect(",")
                if self.accept("..."):
                    variadic = True
                    self.expect(")")
                    break
            if not self.at_type():
                raise self.error()
            parameters.append(self.type_name())
        if parameters == [TypeName("void")]:
            parameters = []
        return Declarator("function", parameters=tuple(parameters), variadic=variadic)


def _signed_name(words: list[str], base: str) -> str:
    """`unsigned char` and its like; plain `signed` is what `char` and typedefs need not have."""
    if len(words) > 1:
        raise ExprError(f"No type named {' '.join([*words, base])}.")
    return f"{words[0]} {base}"


def _scalar(words: list[str], error: Callable[[], ExprError]) -> str:
    """The canonical name of an arithmetic type written in several words."""
    counts = {word: words.count(word) for word in SCALARS}
    floating = counts["double"] + counts["float"]
    if floating:
        if len(words) == 1:
            return words[0]
        if sorted(words) == ["double", "long"]:
            return "long double"
        raise error()
    if (
        counts["int"] > 1
        or counts["long"] > 2
        or counts["short"] > 1
        or counts["unsigned"] + counts["signed"] > 1
        or (counts["short"] and counts["long"])
    ):
        raise error()
    size = "short" if counts["short"] else " ".join(["long"] * counts["long"]) or "int"
    return f"unsigned {size}" if counts["unsigned"] else size
