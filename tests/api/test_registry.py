from __future__ import annotations

import importlib
import threading
from pathlib import Path
from types import ModuleType

import pytest

from pycrash.api.plugins import PluginError
from pycrash.api.registry import Registry

PLUGIN = """
from pycrash.api import Command

class Hello(Command):
    name = "{name}"
    summary = "says hello"
    synopsis = ""
    description = "Says it."

    def run(self, ctx, args):
        yield from ()

    def text(self, ctx, args, rows):
        yield "hello"
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "hello.py"
    path.write_text(PLUGIN.format(name="hello"))
    return path


@pytest.mark.parametrize("name", Registry().names())
def test_each_command_is_found_by_its_name_alone(name: str) -> None:
    command = Registry().find(name)
    assert command is not None
    assert name in (command.name, *command.aliases)


def test_a_plugin_comes_and_goes(plugin: Path) -> None:
    registry = Registry()
    assert registry.find("hello") is None
    registry.load_file(str(plugin))
    assert registry.find("hello") is not None
    assert registry.loaded_files == {str(plugin): ["hello"]}
    assert registry.unload_file(str(plugin))
    assert registry.find("hello") is None
    assert not registry.unload_file(str(plugin))


def test_the_users_own_folder_is_loaded_when_a_name_is_unknown(plugin: Path) -> None:
    assert Registry(plugin.parent).find("hello") is not None
    assert "hello" in Registry(plugin.parent).names()


def test_a_broken_plugin_is_told_and_the_rest_goes_on(plugin: Path) -> None:
    (plugin.parent / "broken.py").write_text("1 / 0")
    registry = Registry(plugin.parent)
    assert registry.find("hello") is not None
    problem = f"{plugin.parent}/broken.py:1: ZeroDivisionError: division by zero"
    assert registry.take_problems() == [problem]
    assert registry.take_problems() == []


def test_a_plugin_cannot_take_a_name(plugin: Path) -> None:
    plugin.write_text(PLUGIN.format(name="help"))
    registry = Registry()
    with pytest.raises(PluginError, match='"help" is a duplicate of a currently-existing command'):
        registry.load_file(str(plugin))
    found = registry.find("help")
    assert found is not None
    assert found.summary != "says hello"


def test_a_file_without_commands_is_no_plugin(tmp_path: Path) -> None:
    (tmp_path / "empty.py").touch()
    with pytest.raises(PluginError, match="no commands registered"):
        Registry().load_file(str(tmp_path / "empty.py"))


def test_a_shared_object_is_no_python_file(tmp_path: Path) -> None:
    for name in ("echo.so", "echo"):
        (tmp_path / name).write_bytes(b"\x7fELF")
        with pytest.raises(PluginError, match=f"{name}: not a Python file"):
            Registry().load_file(str(tmp_path / name))


def test_two_threads_may_look_for_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry()
    begun, go_on = threading.Event(), threading.Event()
    load = importlib.import_module

    def slowly(name: str) -> ModuleType:
        begun.set()
        go_on.wait(10)
        return load(name)

    monkeypatch.setattr(importlib, "import_module", slowly)
    other = threading.Thread(target=registry.find, args=("ps",))
    other.start()
    begun.wait(10)
    threading.Timer(0.05, go_on.set).start()
    assert registry.find("ps") is not None
    other.join()
