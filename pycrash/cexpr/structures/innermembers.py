"""Inner members (`se.load.weight`, `pid_links[1].next`) taken out of a printed structure.

crash reads gdb's text back into a tree, looks the path up and prints what it finds by rules of
its own; braces and commas then stand in other places than in gdb's text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pycrash.errors import CrashError

_BRACES = re.compile(r" *(\}{1,2})\Z")
_PATH = re.compile(r"([^.\[]*)([^.]*)(?:\.(.*))?\Z")
_INDEX = re.compile(r"\[\s*([+-]?\d+)\]")


class MemberNotFound(CrashError):
    """The path leads nowhere in the text; crash says so and goes on."""

    def __init__(self, path: str) -> None:
        super().__init__(f"invalid data structure member reference: {path}")


class _Node:
    """A member or an element: its name, and either its text or what is in its braces.

    `array` marks a member that is an array of structures; its `inner` are the elements.
    """

    __slots__ = ("array", "field", "inner", "parent", "value")

    def __init__(self, parent: _Node | None) -> None:
        self.parent = parent
        self.field = ""
        self.value = ""
        self.inner: list[_Node] = []
        self.array = False


class _Builder:
    """Builds the tree line by line; `here` is the node the next line fills."""

    def __init__(self) -> None:
        self.root = _Node(None)
        self.here = self.root
        self.down()

    def down(self) -> None:
        """Open the braces of the node: go to its first inner one."""
        child = _Node(self.here)
        self.here.inner = [child]
        self.here = child

    def up(self) -> None:
        parent = self.here.parent
        if parent is None or parent.parent is None:
            raise CrashError("Internal error while parsing structure")
        self.here = parent

    def along(self) -> None:
        """Go on to a new node behind this one."""
        parent = self.here.parent
        if parent is None:
            raise CrashError("Internal error while parsing structure")
        child = _Node(parent)
        parent.inner.append(child)
        self.here = child

    def add(self, line: str) -> None:
        line = line.rstrip()
        comma = line.endswith(",")
        line = line[:-1] if comma else line
        braces = _BRACES.match(line)
        if braces:
            for _ in braces[1]:
                self.up()
            if comma or self.here.parent is self.root:
                self.along()
            return
        name, equals, value = line.partition(" = ")
        if equals:
            self.here.field = name.lstrip(" ")
        else:
            value = line.lstrip(" ")
        if equals and not (value.startswith("{") and not line.endswith("}")):
            self.here.value = value
            if comma:
                self.along()
        elif value.startswith("{"):
            self.down()
            if value.startswith("{{") and self.here.parent is not None:
                self.here.parent.array = True
                self.down()
        elif "}, {" in value:
            self.up()
            self.along()
            self.down()
        elif line.startswith("struct "):
            self.here.field = line[7:].partition(" {")[0]
            self.down()


def extended_member(name: str, lines: Sequence[str], path: str) -> Iterator[str]:
    """The lines crash prints for a path into a structure printed as `lines`.

    `lines` are those of the member the path begins with. Raises MemberNotFound.
    """
    builder = _Builder()
    builder.add(f"struct {name} {{")
    for line in lines:
        builder.add(line)
    for top in builder.root.inner:
        found = _find(top.inner, path)
        if found is not None:
            at, level = found
            yield from _show(level, at, path, 0, False)
            return
    raise MemberNotFound(path)


def _find(level: list[_Node], path: str) -> tuple[int, list[_Node]] | None:
    """Where a path leads among the nodes of one level: the place and its level."""
    match = _PATH.match(path)
    if not level or match is None:
        return None
    name, brackets, rest = match[1], match[2], match[3]
    for at, node in enumerate(level):
        if not node.field or node.field != name:
            continue
        if node.array and not brackets and rest is not None:
            return None
        if brackets:
            index = _INDEX.match(brackets)
            if not node.array or index is None or not 0 <= int(index[1]) < len(node.inner):
                return None
            at, level = int(index[1]), node.inner
        if rest is None:
            return at, level
        return _find(level[at].inner, rest) if rest else (0, level[at].inner)
    for node in level:
        if not node.field:
            found = _find(node.inner, path)
            if found is not None:
                return found
    return None


def _show(level: list[_Node], at: int, name: str, depth: int, in_array: bool) -> Iterator[str]:
    """The lines of a node, and of those behind it where `depth` is not 0."""
    margin = " " * (2 + 2 * (in_array + depth))
    while at < len(level):
        node = level[at]
        behind = level[at + 1] if at + 1 < len(level) else None
        label = name or node.field
        if node.inner:
            first_is_array = node.inner[0].array
            opening, closing = ("{{", "}}") if first_is_array else ("{", "}")
            if node.field:
                yield f"{margin}{label} = {opening}"
            elif name:
                yield f"{margin}{name} = {margin}{opening}"
            else:
                yield f"{margin}{opening}"
            yield from _show(node.inner, 0, "", in_array + depth + 1, first_is_array)
            yield f"{margin}{closing}{',' if behind is not None and not behind.array else ''}"
        else:
            yield f"{margin}{label} = {node.value}{',' if behind is not None else ''}"
        if not depth:
            return
        at += 1
        if behind is not None and behind.array:
            yield f"{' ' * (2 + 2 * depth)}}}, {{"
