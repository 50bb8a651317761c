"""Where source files are looked for."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pycrash.kernel.text.sourcefiles import SourceFiles


def files(tree: Path | None) -> SourceFiles:
    options = SimpleNamespace(source_tree=None if tree is None else str(tree))
    return SourceFiles(cast(Any, SimpleNamespace(options=options)))


def test_the_tree_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree, built = tmp_path / "tree", tmp_path / "built"
    for folder in (tree / "mm", built / "mm", tree / "arch" / "x86" / "include" / "asm"):
        folder.mkdir(parents=True)
    (built / "mm" / "slub.c").touch()
    (tree / "mm" / "slub.c").touch()
    (tree / "arch" / "x86" / "include" / "asm" / "page.h").touch()
    monkeypatch.chdir(tree)
    compiled = str(built / "mm" / "slub.c")
    assert files(tree).find(compiled, "mm/slub.c") == tree / "mm" / "slub.c"
    assert files(None).find(compiled, "mm/slub.c") == Path(compiled)
    assert files(None).find("/gone/mm/slub.c", "mm/slub.c") == Path("mm/slub.c")
    assert files(tree).find("/gone/x/page.h", "/gone/x/page.h") == (
        tree / "arch" / "x86" / "include" / "asm" / "page.h"
    )
    assert files(tree).find("/gone/none.c", "none.c") is None
