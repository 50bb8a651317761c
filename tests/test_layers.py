"""Holds the layers: imports point downward only, and each layer keeps to its own means."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from pycrash.api.command import Command
from pycrash.api.registry import Registry

ROOT = Path(__file__).resolve().parent.parent
LONGEST_FILE = 500

#: Layer to the layers it may import. `commands` are reached through the registry only.
BELOW = {
    "errors": set(),
    "files": {"errors"},
    "objects": {"errors"},
    "kernel": {"files", "objects", "errors"},
    "cexpr": {"kernel", "objects", "errors"},
    "api": {"errors"},
    "render": {"api", "errors"},
    "commands": {"cexpr", "api", "render", "kernel", "errors"},
    "shell": {"cexpr", "api", "render", "kernel", "files", "errors"},
    "__main__": {"shell"},
}
#: What a layer may name in annotations alone: a command is given a Kernel, it opens none.
TYPES_ONLY = {"api": {"kernel", "cexpr"}, "cexpr": {"api"}}

#: The order inside a layer: folder (or file) to the ones beside it that it may import.
INSIDE: dict[str, dict[str, set[str]]] = {
    "cexpr": {
        "syntax": set(),
        "printing": set(),
        "eval": {"syntax", "printing"},
        "structures": {"printing", "eval"},
        "gdb": {"syntax", "printing", "eval"},
        "expressions": {"printing", "eval", "structures"},
    },
}

#: Modules that belong to some layers alone.
OWNERS = {
    "drgn": {"kernel", "cexpr"},
    "elftools": {"files", "objects", "kernel"},
    "numpy": {"objects", "kernel", "cexpr"},
    "pygments": {"render", "shell"},
    "tabulate": {"render"},
    "prompt_toolkit": {"shell"},
    "subprocess": {"shell"},
    "termios": {"shell"},
    "readline": {"shell"},
    "curses": {"shell"},
}


class Import(NamedTuple):
    line: int
    module: str
    types_only: bool


def sources() -> list[Path]:
    return sorted([*ROOT.glob("pycrash/**/*.py"), *ROOT.glob("commands/*.py")])


def layer_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[0] == "commands":
        return "commands"
    return parts[1]


def target_layer(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports_of(node: ast.AST, types_only: bool = False) -> Iterator[Import]:
    """Every import below a node, those inside functions too."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(child.lineno, alias.name, types_only)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"line {child.lineno}: relative import"
            assert child.module is not None
            yield Import(child.lineno, child.module, types_only)
            if child.module == "pycrash":
                for alias in child.names:
                    yield Import(child.lineno, f"pycrash.{alias.name}", types_only)
        else:
            inner = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            yield from imports_of(child, types_only or inner)


def by_path(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", sources(), ids=by_path)
def test_imports_point_downward(path: Path) -> None:
    layer = layer_of(path)
    if layer == "__init__":
        return
    allowed = BELOW[layer]
    package = "pycrash.commands" if layer == "commands" else f"pycrash.{layer}"
    wrong = []
    for line, module, types_only in imports_of(tree_of(path)):
        if not module.startswith("pycrash."):
            continue
        target = target_layer(module)
        if layer != "commands" and (module == package or module.startswith(package + ".")):
            continue
        if target in allowed or (types_only and target in TYPES_ONLY.get(layer, set())):
            continue
        if target.isupper() or target == "__version__":  # of the package itself
            continue
        wrong.append(f"line {line}: {module}")
    assert not wrong, f"{layer} may import {sorted(allowed)} only"


@pytest.mark.parametrize(
    "path", [path for path in sources() if layer_of(path) in INSIDE], ids=by_path
)
def test_imports_inside_a_layer_keep_its_order(path: Path) -> None:
    layer = layer_of(path)
    place = path.relative_to(ROOT / "pycrash" / layer).with_suffix("").parts[0]
    if place == "__init__":
        return
    allowed = INSIDE[layer][place] | {place}
    wrong = [
        f"line {line}: {module}"
        for line, module, _ in imports_of(tree_of(path))
        if f"{module}.".startswith(f"pycrash.{layer}.")
        and f"{module}.".split(".")[2] not in allowed
    ]
    assert not wrong, f"{layer}/{place} may import {sorted(allowed)} only"


@pytest.mark.parametrize("path", sources(), ids=by_path)
def test_each_layer_keeps_to_its_own_means(path: Path) -> None:
    layer = layer_of(path)
    wrong = [
        f"line {line}: {module}"
        for line, module, _ in imports_of(tree_of(path))
        if layer not in OWNERS.get(module.split(".")[0], {layer})
    ]
    assert not wrong


@pytest.mark.parametrize("path", sources(), ids=by_path)
def test_only_the_shell_prints(path: Path) -> None:
    if layer_of(path) in ("shell", "__main__"):
        return
    wrong = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "input"):
            wrong.append(f"line {node.lineno}: {ast.unparse(node)}")
        if isinstance(node, ast.Attribute) and ast.unparse(node) in (
            "sys.stdout",
            "sys.stderr",
            "sys.stdin",
        ):
            wrong.append(f"line {node.lineno}: {ast.unparse(node)}")
    assert not wrong


@pytest.mark.parametrize(
    "path", [*sources(), *sorted(ROOT.glob("tests/**/*.py"))], ids=lambda p: by_path(p)
)
def test_no_file_is_too_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_FILE


# --- declarations of commands

REGISTRY = Registry()


def letters_of(synopsis: str, declared: set[str]) -> set[str]:
    """The option letters a synopsis shows: `-a`, `-[l|m]`, `-x|d`, or joined as in `-rfux`.

    A longer word that is no row of declared letters is something else, as `-seconds`.
    """
    letters: set[str] = set()
    for word in re.findall(r"(?<![\w-])-\[?(\w+(?:\|\w\b)*)", synopsis):
        row = set(word.replace("|", ""))
        if len(word) == 1 or "|" in word or row <= declared:
            letters |= row
    return letters


@pytest.mark.parametrize("command", list(REGISTRY), ids=lambda c: c.name)
def test_flags_are_declared_and_explained(command: Command) -> None:
    declared = {flag.letter for flag in command.flags}
    shown = letters_of(command.synopsis, declared)
    # crash has options that its synopsis leaves out; the help page explains every one.
    assert all(flag.help.strip() for flag in command.flags), "a flag without its help"
    if command.flags:
        assert not shown - declared, "in the synopsis, but not declared"


@pytest.mark.parametrize("command", list(REGISTRY), ids=lambda c: c.name)
def test_commands_say_what_they_are(command: Command) -> None:
    assert command.summary.strip()
    assert not command.summary.endswith(".")
    assert command.description.strip()
    assert (ROOT / "commands" / f"{command.name}.py").exists() or command.name in alternatives()


def alternatives() -> set[str]:
    """Names a command's file serves besides its own, as `q` does for `exit`."""
    return {
        node.value.value
        for path in ROOT.glob("commands/*.py")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        and ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target) == "name"
    }
