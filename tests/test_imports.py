"""What is read from the sources about imports."""

from __future__ import annotations

from pathlib import Path

from tests.imports import ROOT, circles, graph_below, imports_of, module_of, place_in


def test_modules_have_the_names_they_are_imported_by() -> None:
    assert module_of(ROOT / "pycrash" / "kernel" / "kernel.py") == "pycrash.kernel.kernel"
    assert module_of(ROOT / "pycrash" / "kernel" / "__init__.py") == "pycrash.kernel"
    assert module_of(ROOT / "commands" / "ps.py") == "pycrash.commands.ps"
    assert place_in("pycrash.kernel.core.reader", "pycrash.kernel") == "core"
    assert place_in("pycrash.kernel", "pycrash.kernel") == ""
    assert place_in("pycrash.kernels.x", "pycrash.kernel") == ""


def test_imports_in_functions_and_for_types_count(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    file.write_text(
        "from pycrash.kernel import kernel, nothing\n"
        "if TYPE_CHECKING:\n    from pycrash.errors import CrashError\n"
        "def f():\n    import drgn\n"
    )
    assert [tuple(found) for found in imports_of(file)] == [
        (1, "pycrash.kernel.kernel", False),
        (1, "pycrash.kernel", False),
        (3, "pycrash.errors", True),
        (5, "drgn", False),
    ]


def test_circles() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    graph = {"a": {"b"}, "b": {"a", "c"}, "c": {"d"}, "d": {"c"}, "e": {"a"}}
    assert circles(graph) == [{"a", "b"}, {"c", "d"}]


def test_the_kernels_core_stands_on_nothing_beside_it() -> None:
    graph = graph_below("pycrash.kernel")
    assert graph["core"] == set()
    assert "core" in graph["tasks"]
