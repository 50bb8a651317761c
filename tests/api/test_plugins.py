"""Which plugins are run, and what is said of those that fail."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from pycrash.api.plugins import PluginError, why_not
from pycrash.api.registry import Registry
from pycrash.shell.completer import PromptCompleter
from tests.shell.fake import fake_session

PLUGIN = """
from dataclasses import dataclass

from pycrash.api import Command, Flag, Row

@dataclass(frozen=True)
class GreetRow(Row, kind="greet.name"):
    name: str

class Greet(Command):
    name = "greet"
    summary = "greets"
    synopsis = "[-u] name"
    description = "Greets by name."
    flags = (Flag("u", "in capitals"),)
    rows = (GreetRow,)

    def run(self, ctx, args):
        yield GreetRow(args.operands[0])
        {run}

    def text(self, view, args, rows):
        for row in rows:
            yield row.name.upper() if "u" in args else row.name
        {text}
"""
LINE_OF_RUN, LINE_OF_TEXT = 20, 25


def plugin(folder: Path, run: str = "", text: str = "", name: str = "greet.py") -> Path:
    path = folder / name
    path.write_text(PLUGIN.format(run=run, text=text))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A private folder of plugins."""
    made = tmp_path / "commands"
    made.mkdir(mode=0o700)
    return made


def test_a_plugin_has_flags_help_and_json_as_the_built_in_ones(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    session = fake_session()
    for line in (
        f"extend {plugin(folder)}",
        *("greet you", "greet -u you", "greet you --json", "greet -x", "help greet"),
    ):
        session.feed(line)
    out, err = capfd.readouterr()
    lines = out.splitlines()
    assert lines[1:4] == ["you", "YOU", '{"kind": "greet.name", "name": "you"}']
    assert err == "greet: invalid option -- 'x'\n"
    assert "Usage:\n  greet [-u] name\n" in out
    assert "greet - greets" in out
    assert "in capitals" in out


@pytest.mark.parametrize(
    ("run", "text", "line", "said"),
    [
        ("1 / 0", "", LINE_OF_RUN, "ZeroDivisionError: division by zero"),
        ("", "rows.nothing", LINE_OF_TEXT, "AttributeError: "),
        ("raise SystemExit(3)", "", LINE_OF_RUN, "SystemExit: 3"),
        ("raise BrokenPipeError", "", LINE_OF_RUN, "BrokenPipeError\n"),
        ("raise KeyError('a\\n\\nb')", "", LINE_OF_RUN, "KeyError: 'a"),
        ("ctx.registry.find(7)", "", LINE_OF_RUN, "AttributeError: "),
    ],
)
def test_an_exception_names_the_plugin_and_the_session_goes_on(
    folder: Path, capfd: pytest.CaptureFixture[str], run: str, text: str, line: int, said: str
) -> None:
    session = fake_session()
    path = plugin(folder, run, text)
    for typed in (f"extend {path}", "greet you", "tally 1"):
        session.feed(typed)
    out, err = capfd.readouterr()
    assert f"\ngreet: {path}:{line}: {said}" in out
    assert out.splitlines()[-1] == "1"
    assert len(out.splitlines()) == 4  # loaded, the row, one line of the error, what came behind
    assert not err


def test_the_traceback_is_for_debug_alone(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    session = fake_session()
    session.runner.debug = True
    session.feed(f"extend {plugin(folder, '1 / 0')}")
    session.feed("greet you")
    assert "Traceback" in capfd.readouterr().err


def test_what_no_line_of_a_plugin_raised_names_its_file(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = plugin(folder)
    path.write_text(path.read_text().replace("yield GreetRow(args.operands[0])", "return None"))
    session = fake_session()
    session.feed(f"extend {path}")
    session.feed("greet you --json")
    assert f'"message": "{path}: TypeError: ' in capfd.readouterr().out


def test_a_plugin_that_another_command_runs_is_named(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    session = fake_session()
    path = plugin(folder, "1 / 0")
    session.feed(f"extend {path}")
    session.feed("repeat -1 greet you")
    assert f"{path}:{LINE_OF_RUN}: ZeroDivisionError" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import sys\nsys.exit(1)", ":2: SystemExit: 1"),
        ("def", ": SyntaxError: "),
        ("import no_such_module_here", ":1: ModuleNotFoundError: "),
        ("raise BrokenPipeError('gone')", ":1: BrokenPipeError: gone"),
        ("x = 1", ": no commands registered"),
        (PLUGIN.replace('summary = "greets"', "summary = 1"), ": Greet: summary is to be a text"),
        (PLUGIN.replace('"greet"', '"gr eet"'), ': Greet: "gr eet" is no word to type'),
        (PLUGIN.replace('(Flag("u", "in capitals"),)', '("u",)'), ": Greet: flags are to be of"),
        (PLUGIN.replace("(GreetRow,)", "(int,)"), ": Greet: rows are to be classes derived"),
        (PLUGIN + "\n    def __init__(self):\n        raise OSError('no')\n", ": OSError: no"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_told_in_one_line(
    folder: Path, capfd: pytest.CaptureFixture[str], source: str, said: str
) -> None:
    path = folder / "greet.py"
    path.write_text(source.format(run="", text="") if "{run}" in source else source)
    before = set(sys.modules)
    session = fake_session()
    session.feed(f"extend {path}")
    session.feed("tally 1")
    out = capfd.readouterr().out
    assert out.startswith(f"extend: {path}{said}")
    assert out.count("\n") == 2
    assert not {name for name in set(sys.modules) - before if "plugin_greet" in name}


def test_a_file_that_was_edited_is_read_anew(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    session = fake_session()
    path = plugin(folder)
    session.feed(f"extend {path}")
    path.write_text(path.read_text().replace("row.name.upper()", "row.name.title()"))
    for line in (f"extend -u {path}", f"extend {path}", "greet -u you"):
        session.feed(line)
    assert capfd.readouterr().out.splitlines()[-1] == "You"
    assert not (folder / "__pycache__").exists()


# Whose files are run.


@pytest.mark.parametrize("mode", [0o777, 0o707, 0o770])
def test_an_open_folder_of_the_user_is_not_used(folder: Path, mode: int) -> None:
    plugin(folder)
    folder.chmod(mode)
    registry = Registry(folder)
    assert registry.find("greet") is None
    assert registry.take_problems() == [f"{folder}: not loaded: others can write to {folder}"]


@pytest.mark.parametrize("mode", [0o666, 0o620])
def test_an_open_file_in_it_is_not_used_and_the_others_are(folder: Path, mode: int) -> None:
    path = plugin(folder)
    path.chmod(mode)
    other = folder / "other.py"
    other.write_text(PLUGIN.format(run="", text="").replace('"greet"', '"other"'))
    registry = Registry(folder)
    assert registry.find("greet") is None
    assert registry.find("other") is not None
    assert registry.take_problems() == [f"{path}: not loaded: others can write to {path}"]


def test_an_open_folder_above_is_as_bad(folder: Path) -> None:
    plugin(folder)
    folder.parent.chmod(0o777)
    assert f"others can write to {folder.parent}" in why_not(folder / "greet.py", private=True)
    folder.parent.chmod(0o1777)  # sticky: nobody else can put another folder in its place
    assert not why_not(folder / "greet.py", private=True)


def test_a_link_is_judged_where_it_stands_and_where_it_leads(folder: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    target = plugin(shared)
    link = folder / "greet.py"
    link.symlink_to(target)
    assert not why_not(link, private=True)
    shared.chmod(0o777)
    assert why_not(link, private=True) == f"others can write to {shared}"
    shared.chmod(0o700)
    folder.chmod(0o777)
    assert why_not(link, private=True) == f"others can write to {folder}"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_not_used(folder: Path) -> None:
    path = plugin(folder)
    os.chown(path, 12345, 12345)
    assert why_not(path, private=True) == f"{path} belongs to another user"
    assert not why_not(path, private=False)  # asked for by name, in a folder that is safe
    folder.chmod(0o1777)
    assert why_not(path, private=False) == f"{path} belongs to another user"


def test_extend_does_not_run_what_everybody_can_write(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = plugin(folder)
    session = fake_session()
    folder.chmod(0o770)
    session.feed(f"extend {path}")
    session.feed("extend -u")
    folder.chmod(0o777)
    session.feed(f"extend {path}")
    folder.chmod(0o700)
    path.chmod(0o666)
    session.feed(f"extend {path}")
    assert capfd.readouterr().out.splitlines() == [
        *(f"{path}: loaded", f"{path}: unloaded"),
        f"extend: {path}: not loaded: others can write to {folder}",
        f"extend: {path}: not loaded: others can write to {path}",
    ]


# Packages.


def install(site: Path, modules: dict[str, str], points: str) -> None:
    """A package as pip leaves it behind."""
    for name, source in modules.items():
        (site / name).write_text(source)
    info = site / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[pycrash.commands]\n{points}")


def test_a_package_names_its_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    good = PLUGIN.format(run="1 / 0", text="")
    modules = {
        "acme_greet.py": good,
        "acme_class.py": good.replace('"greet"', '"wave"').replace("1 / 0", ""),
        "acme_broken.py": "raise SystemExit(2)",
        "acme_empty.py": "",
    }
    points = (
        "a = acme_greet\nb = acme_class:Greet\nc = acme_broken\nd = acme_empty\ne = acme_none\n"
    )
    install(tmp_path, modules, points)
    monkeypatch.syspath_prepend(str(tmp_path))
    session = fake_session()
    for line in ("wave you", "greet you", "tally 1"):
        session.feed(line)
    lines = capfd.readouterr().out.splitlines()
    assert sorted(lines[:3]) == [
        "WARNING: acme_broken: SystemExit: 2",
        "WARNING: acme_empty: no commands registered",
        "WARNING: acme_none: ModuleNotFoundError: No module named 'acme_none'",
    ]
    assert lines[3:] == [
        *("you", "you"),
        f"greet: {tmp_path}/acme_greet.py:{LINE_OF_RUN}: ZeroDivisionError: division by zero",
        "1",
    ]
    for name in modules:
        sys.modules.pop(name.removesuffix(".py"), None)


def test_a_plugin_is_found_by_completion(folder: Path) -> None:
    from pycrash.shell.completion import Completion

    plugin(folder)
    session = fake_session()
    session.registry = Registry(folder)
    completion = Completion(session, lambda: True)
    assert [found.text for found in completion.candidates("gree")] == ["greet"]
    offered = {found.text: found.remark for found in completion.candidates("greet -")}
    assert offered["-u"] == "in capitals"


@pytest.mark.parametrize("error", ["SystemExit", "ValueError"])
def test_completion_that_fails_in_a_plugin_leaves_the_prompt(folder: Path, error: str) -> None:
    path = plugin(folder)
    with path.open("a") as file:
        file.write(f"\n    def complete(self, ctx, words):\n        raise {error}\n")
    session = fake_session()
    session.registry.load_file(str(path))
    completer = PromptCompleter(session, lambda: True)
    document = Document("greet y")
    assert not list(completer.get_completions(document, CompleteEvent()))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="No such file or directory"):
        Registry().load_file(str(tmp_path / "none.py"))
