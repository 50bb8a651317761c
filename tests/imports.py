"""Who imports whom, read from the sources: imports inside functions and for types count too.

`python3 -m tests.imports` draws the picture of them in docs/design.md anew.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
DESIGN = ROOT / "docs" / "design.md"
#: What stands around the picture in docs/design.md.
MARKS = ("<!-- imports -->\n", "<!-- end of imports -->\n")

Graph = dict[str, set[str]]


class Import(NamedTuple):
    """`module` is what is imported from, a module of this project or of elsewhere."""

    line: int
    module: str
    types_only: bool


def sources() -> list[Path]:
    """Every file of the program."""
    return sorted([*ROOT.glob("pycrash/**/*.py"), *ROOT.glob("commands/*.py")])


def module_of(path: Path) -> str:
    """The name a file is imported by; a package's for its __init__."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[0] == "commands":
        parts = ("pycrash", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _modules() -> frozenset[str]:
    return frozenset(map(module_of, sources()))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


@cache
def imports_of(path: Path) -> tuple[Import, ...]:
    """Every import of a file."""
    return tuple(_imports(tree_of(path), types_only=False))


def _imports(node: ast.AST, types_only: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(child.lineno, alias.name, types_only)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"line {child.lineno}: relative import"
            assert child.module is not None
            for alias in child.names:
                # What is imported from a package may be one of its modules.
                name = f"{child.module}.{alias.name}"
                yield Import(child.lineno, name if name in _modules() else child.module, types_only)
        else:
            inner = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            yield from _imports(child, types_only or inner)


@cache
def module_graph() -> Graph:
    """Module to the modules of this project that it imports."""
    return {
        module_of(path): {i.module for i in imports_of(path) if i.module in _modules()}
        for path in sources()
    }


def place_in(module: str, package: str) -> str:
    """The folder or module right below a package that a module is, or lies in; empty outside."""
    inside = module.removeprefix(f"{package}.")
    return "" if inside == module else inside.partition(".")[0]


def graph_below(package: str) -> Graph:
    """Each folder and module right below a package, to those beside it that it imports."""
    found: Graph = {}
    for module, targets in module_graph().items():
        place = place_in(module, package)
        if place:
            near = {place_in(target, package) for target in targets}
            found.setdefault(place, set()).update(near - {"", place})
    return found


def circles(graph: Mapping[str, Iterable[str]]) -> list[set[str]]:
    """The groups of modules that lead to each other."""
    reach = {name: _reachable(graph, name) for name in graph}
    groups: list[set[str]] = []
    for name in sorted(graph):
        circle = {other for other in reach[name] if name in reach.get(other, ())}
        if circle and circle not in groups:
            groups.append(circle)
    return groups


def _reachable(graph: Mapping[str, Iterable[str]], start: str) -> set[str]:
    seen: set[str] = set()
    work = list(graph[start])
    while work:
        name = work.pop()
        if name not in seen:
            seen.add(name)
            work.extend(graph.get(name, ()))
    return seen


def picture() -> str:
    """The folders of the program and those of its larger layers, each with what it imports."""
    return "\n".join(_table(package) for package in ("pycrash", "pycrash.cexpr", "pycrash.kernel"))


def _table(package: str) -> str:
    """One line a folder, the topmost first: its name and what it imports, by depth."""
    graph = graph_below(package)
    depths = {name: _depth(graph, name, ()) for name in graph}

    def order(names: Iterable[str]) -> list[str]:
        return sorted(names, key=lambda name: (-depths[name], name))

    width = max(map(len, graph))
    lines = [f"{name:{width}}  {' '.join(order(graph[name]))}".rstrip() for name in order(graph)]
    return "```\n{}/\n  {}\n```\n".format(package.replace(".", "/"), "\n  ".join(lines))


def _depth(graph: Graph, name: str, above: tuple[str, ...]) -> int:
    """How many folders lie below one, in the longest row of them."""
    below = [other for other in graph[name] if other not in above]
    return max((1 + _depth(graph, other, (*above, name)) for other in below), default=0)


def drawn() -> str:
    """docs/design.md with the picture as it must be."""
    text = DESIGN.read_text()
    head, _, rest = text.partition(MARKS[0])
    _, _, tail = rest.partition(MARKS[1])
    return f"{head}{MARKS[0]}{picture()}{MARKS[1]}{tail}"


if __name__ == "__main__":
    DESIGN.write_text(drawn())
