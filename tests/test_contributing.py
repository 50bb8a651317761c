"""The command that CONTRIBUTING.md has its reader write does what it says there."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from pycrash.api import Context, Settings, View
from pycrash.api.registry import Registry

ROOT = Path(__file__).resolve().parent.parent


def test_the_example_command_works(tmp_path: Path) -> None:
    found = re.search(
        r"^```python\n(.*?)^```$", (ROOT / "CONTRIBUTING.md").read_text(), re.M | re.S
    )
    assert found is not None
    plugin = tmp_path / "names.py"
    plugin.write_text(found[1])
    registry = Registry()
    registry.load_file(str(plugin))
    command = registry.find("names")
    assert command is not None

    tasks = [SimpleNamespace(comm=name, mm=mm) for name, mm in (("sh", 8), ("init", 8), ("sh", 0))]
    kernel: Any = SimpleNamespace(tasks=SimpleNamespace(all=tasks))
    ctx = cast(Context, SimpleNamespace(kernel=kernel))

    def lines(*words: str) -> list[str]:
        args = command.parse(words)
        return list(command.text(View(Settings()), args, command.run(ctx, args)))

    assert lines() == ["     2  sh", "     1  init"]
    assert lines("-k") == ["     1  sh"]
