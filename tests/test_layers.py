"""Holds the layers: imports point downward only, and each layer keeps to its own means."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from pycrash.api.command import Command
from pycrash.api.registry import Registry
from tests.imports import (
    DESIGN,
    ROOT,
    circles,
    drawn,
    graph_below,
    imports_of,
    module_graph,
    module_of,
    place_in,
    sources,
    tree_of,
)

LONGEST_FILE = 500


def in_order(*names: str) -> dict[str, set[str]]:
    """Each of these may import those before it."""
    return {name: set(names[:place]) for place, name in enumerate(names)}


#: Layer to the layers it may import. `commands` are reached through the registry only.
BELOW = {
    "errors": set(),
    "settings": set(),
    "version": set(),
    "matching": set(),
    "files": {"errors"},
    "objects": {"errors"},
    "kernel": {"version", "files", "objects", "matching", "errors"},
    "triage": {"kernel", "errors"},
    "fleet": {"version", "api", "triage", "kernel", "files", "errors"},
    "cexpr": {"kernel", "objects", "settings", "matching", "errors"},
    "api": {"cexpr", "kernel", "settings", "matching", "errors"},
    "render": {"version", "api", "kernel", "settings", "errors"},
    "report": {"version", "api", "render", "kernel"},
    "mcp": {"version", "api", "render", "kernel", "settings", "errors"},
    "commands": {"cexpr", "triage", "api", "render", "report", "kernel", "errors"},
    "shell": {
        *("version", "fleet", "cexpr", "api", "render", "mcp", "kernel", "files", "matching"),
        "errors",
    },
    "dump": {"shell", "api", "kernel"},
    "__main__": {"shell"},
}
#: The order inside a layer: folder (or file) to the ones beside it that it may import.
INSIDE: dict[str, dict[str, set[str]]] = {
    "cexpr": {
        "syntax": set(),
        "printing": set(),
        "eval": {"syntax", "printing"},
        "structures": {"printing", "eval"},
        "gdb": {"syntax", "printing", "eval"},
        "completion": {"syntax", "printing", "eval", "structures"},
        "expressions": {"printing", "eval", "structures", "completion"},
    },
    "fleet": in_order(
        *("content", "facts", "walk", "signature", "clusters", "store"),
        *("reading", "child", "attempts", "spread", "survey", "rows"),
    ),
    "kernel": in_order(
        *("core", "walks", "log", "sched", "modules", "symbols", "text", "vfs", "mm", "ipc", "net"),
        *("irq", "block", "devices", "bpf"),
        *("system", "time", "tasks", "trace", "stacks", "coredump", "arch", "locking"),
        *("kernel", "summary", "opening"),
    ),
}

#: Modules that belong to some layers alone.
OWNERS = {
    "capstone": {"kernel"},
    "drgn": {"kernel", "cexpr", "dump"},
    "anyio": {"mcp"},
    "jinja2": {"report"},
    "jsonschema": {"mcp"},
    "mcp": {"mcp"},
    "mcp_types": {"mcp"},
    "markupsafe": {"report"},
    "elftools": {"files", "objects", "kernel"},
    "numpy": {"objects", "kernel", "cexpr", "render"},
    "pygments": {"render", "shell"},
    "tabulate": {"render"},
    "prompt_toolkit": {"shell"},
    "subprocess": {"shell", "fleet"},
    "sqlite3": {"fleet"},
    "distributed": {"fleet"},
    "termios": {"shell"},
    "readline": {"shell"},
    "curses": {"shell"},
}


#: Modules that know of each other: a Reader and what it hands out, a command and its context.
KNOTS = [
    {
        f"pycrash.api.{name}"
        for name in ("args", "command", "context", "operands.base", "plugins", "registry")
    },
    {
        f"pycrash.kernel.core.{name}"
        for name in ("architecture", "cpus", "memory", "pagetables", "reader")
    },
]


def layer_of(path: Path) -> str:
    return place_in(module_of(path), "pycrash")


def by_path(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", sources(), ids=by_path)
def test_imports_point_downward(path: Path) -> None:
    layer = layer_of(path)
    if not layer:
        return
    wrong = []
    for line, module, _ in imports_of(path):
        target = place_in(module, "pycrash")
        allowed = BELOW[layer]
        # A command imports no other command.
        if target and target not in allowed and (target != layer or layer == "commands"):
            wrong.append(f"line {line}: {module}")
    assert not wrong, f"{layer} may import {sorted(BELOW[layer])} only"


@pytest.mark.parametrize("layer", INSIDE)
def test_imports_inside_a_layer_keep_its_order(layer: str) -> None:
    wrong = {
        place: targets - INSIDE[layer][place]
        for place, targets in graph_below(f"pycrash.{layer}").items()
        if targets - INSIDE[layer][place]
    }
    assert not wrong


def test_no_circles_but_the_known_ones() -> None:
    assert sorted(map(sorted, circles(module_graph()))) == sorted(map(sorted, KNOTS))


def test_machines_are_known_to_their_folders_alone() -> None:
    rooms = "pycrash.kernel.arch."
    outside = {
        (module, target)
        for module, targets in module_graph().items()
        for target in targets
        if target.startswith(rooms) and not module.startswith(rooms)
    }
    assert {target for _, target in outside} == {f"{rooms}chooser"}, outside


def test_the_picture_of_the_imports_is_true() -> None:
    assert DESIGN.read_text() == drawn(), "python3 -m tests.imports draws it anew"


def test_every_folder_is_a_package_that_is_installed() -> None:
    folders = {module_of(path) for path in sources() if path.name == "__init__.py"}
    listed = re.search(r"^packages = \[(.*?)\]", (ROOT / "pyproject.toml").read_text(), re.M | re.S)
    assert listed is not None
    assert sorted(re.findall(r'"(.*?)"', listed[1])) == sorted(folders)
    assert {module_of(path).rpartition(".")[0] for path in sources()} <= folders | {""}


@pytest.mark.parametrize("path", sources(), ids=by_path)
def test_each_layer_keeps_to_its_own_means(path: Path) -> None:
    layer = layer_of(path)
    wrong = [
        f"line {line}: {module}"
        for line, module, _ in imports_of(path)
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


@pytest.mark.parametrize("command", list(REGISTRY), ids=lambda c: c.name)
def test_a_command_is_found_by_its_name_alone(command: Command) -> None:
    # A registry that has loaded nothing yet looks in one file.
    assert type(Registry().find(command.name)) is type(command)
