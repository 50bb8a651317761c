"""The documentation: it is built without a warning, and its examples are true.

Every block of README.md and docs/ that has lines behind `crash>` is run on the sample dump, all of
them in one session, in the order of the pages. What stands below a line is compared with what it
prints: `...` stands for anything, numbers of values (`$1`) may differ. Nothing below it means that
the output is not shown; then the line must not fail. Blocks behind `<!-- not run: WHY -->` are left
alone.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest

from pycrash import open_dump
from pycrash.api.registry import Registry
from tests.golden.sample import SAMPLE, arrange

ROOT = Path(__file__).resolve().parent.parent
#: interface.md is made by the build.
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted({*(ROOT / "docs").glob("*.md")} - {ROOT / "docs" / "interface.md"}),
]

PROMPT = "crash> "
_BLOCK = re.compile(
    r"(?P<skip><!-- not run: .+? -->\n+)?"
    r"(?:^(?P<indent> *)```.*\n(?P<fenced>(?:.*\n)*?) *```$|(?P<plain>(?:^ {4}.*\n|^\n(?= {4}))+))",
    re.M,
)


@dataclass(frozen=True)
class Example:
    """A line of a page and what stands below it."""

    page: str
    line: str
    shown: str

    def __str__(self) -> str:
        return f"{self.page}: {self.line}"


def blocks(text: str) -> Iterator[list[str]]:
    """The lines of each block of a page that is to be run."""
    for found in _BLOCK.finditer(text):
        if not found["skip"]:
            lines = (found["fenced"] or found["plain"] or "").split("\n")
            indent = len(found["indent"] or "") if found["fenced"] else 4
            yield [line[indent:] for line in lines]


def examples(page: Path) -> Iterator[Example]:
    for lines in blocks(page.read_text()):
        line, shown = "", []
        for text in [*lines, PROMPT]:
            if not text.startswith(PROMPT) and text != PROMPT.strip():
                shown.append(text)
                continue
            if line:
                yield Example(page.name, line, "\n".join(shown).strip("\n"))
            line, shown = text[len(PROMPT) :], []


EXAMPLES = [example for page in PAGES for example in examples(page)]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """What the examples print, by their number, in a session on the sample dump."""
    folder = tmp_path_factory.mktemp("docs")
    arrange(folder)
    (folder / "sample_dumps").symlink_to(SAMPLE)
    for name, source in plugins():
        (folder / name).write_text(source)
    lines = [f"{example.line}\necho @@{at}@@" for at, example in enumerate(EXAMPLES)]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pycrash",
            "-s",
            "--no_crashrc",
            "sample_dumps/vmlinux.xz",
            "sample_dumps/vmcore",
        ],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        cwd=folder,
        env=_environment(folder),
        timeout=300,
    )
    parts = re.split(r"@@(\d+)@@\n", done.stdout)
    return dict(zip(map(int, parts[1::2]), parts[::2], strict=False))


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(folder / "config")}


def plugins() -> Iterator[tuple[str, str]]:
    """The plugin files that pages have their readers write, each named in the line before."""
    for page in PAGES:
        found = re.findall(r"`(\w+\.py)`:\n\n```python\n(.*?)^```$", page.read_text(), re.M | re.S)
        yield from found


@pytest.mark.parametrize("number", range(len(EXAMPLES)), ids=map(str, EXAMPLES))
def test_an_example_prints_what_the_page_says(answers: dict[int, str], number: int) -> None:
    example, output = EXAMPLES[number], answers[number]
    if example.shown:
        want, got = _comparable(example.shown), _comparable(output)
        agrees = doctest.OutputChecker().check_output(want, got, doctest.ELLIPSIS)
        assert agrees, f"{example} prints\n{output}"
    else:
        complaints = ("crash: ", "Usage:", f"{example.line.split()[0]}: ")
        assert not output.startswith(complaints), f"{example} prints\n{output}"


def _comparable(text: str) -> str:
    text = re.sub(r"\$\d+ = ", "$N = ", text)
    return "".join(f"{line.rstrip()}\n" for line in text.strip("\n").split("\n"))


def test_there_are_examples_on_the_pages_of_commands() -> None:
    pages = {example.page for example in EXAMPLES if example.shown}
    assert {
        "README.md",
        "tutorial.md",
        "python.md",
        "triage.md",
        "blockers.md",
        "stacks.md",
    } <= pages
    assert {"explain.md", "diff.md", "plugins.md"} <= pages


def test_what_drgn_has_for_each_command() -> None:
    """Both sides of the table: the left is a command, the right can be evaluated."""
    page = (ROOT / "docs" / "fromdrgn.md").read_text()
    dump = open_dump(SAMPLE / "vmlinux.xz", SAMPLE / "vmcore")
    names = {"prog": dump.prog}
    begin = re.search(r"```python\n(.*?)```", page, re.S)
    assert begin is not None
    exec(begin[1], names)
    registry = Registry()
    rows = re.findall(r"^\| `(.+?)` \| (`.+`) \|$", page, re.M)
    assert len(rows) > 50
    for line, twins in rows:
        assert registry.find(line.split()[0]) is not None, line
        for twin in re.findall(r"`(.+?)`", twins):
            value = eval(twin, names)
            str(list(islice(value, 3)) if isinstance(value, Iterator) else value)


def test_the_example_in_python_runs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = re.search(
        r"```python\n(from pycrash import .*?)```", (ROOT / "docs/python.md").read_text(), re.S
    )
    assert found is not None
    arrange(tmp_path)
    subprocess.run(
        [sys.executable, "-c", found[1]], check=True, cwd=tmp_path, env=_environment(tmp_path)
    )
    out = capfd.readouterr().out
    assert "1 init IN\n" in out
    assert "crashme_deref" in out


def test_the_reports_of_new_dumps(tmp_path: Path) -> None:
    """The script of capture.md writes a report beside each dump that has none."""
    script = re.search(
        r"```sh\n(#!/bin/sh\n# kdump-triage.*?)```", (ROOT / "docs/capture.md").read_text(), re.S
    )
    assert script is not None
    program = tmp_path / "bin" / "pycrash"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\n[ "$*" = "--no_crashrc --triage $DUMP" ] && echo report\n')
    program.chmod(0o755)
    folder = tmp_path / "crash" / "127.0.0.1-2026-11-30-12:00:00"
    old = tmp_path / "crash" / "old"
    for made in (folder, old):
        made.mkdir(parents=True)
        (made / "vmcore").touch()
    (old / "triage.txt").write_text("as it was")
    path = f"{program.parent}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "DUMP": str(folder / "vmcore")}
    subprocess.run(["sh", "-c", script[1], "sh", tmp_path / "crash"], check=True, env=env)
    assert (folder / "triage.txt").read_text() == "report\n"
    assert (old / "triage.txt").read_text() == "as it was"
    assert sorted(file.name for file in folder.iterdir()) == ["triage.txt", "vmcore"]


@pytest.mark.parametrize("page", [ROOT / "README.md", SAMPLE / "README.md"], ids=str)
def test_links_of_pages_that_are_not_built(page: Path) -> None:
    """Those of the others are tested by the build."""
    for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
        assert "://" in link or (page.parent / link).exists(), link


def test_the_shell_of_the_pages_is_shell() -> None:
    for page in PAGES:
        for shell in re.findall(r"^```sh\n(.*?)^```$", page.read_text(), re.M | re.S):
            subprocess.run(["sh", "-n"], input=shell, text=True, check=True)


def test_the_pages_are_read_without_a_warning(tmp_path: Path) -> None:
    """Links and all; `tests/run` also has them written."""
    tool = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-E", "-b", "dummy"]
    done = subprocess.run(
        [*tool, ROOT / "docs", tmp_path], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
