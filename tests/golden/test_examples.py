"""Every example of a help page runs on the sample dump, and the page shows what it answers."""

from __future__ import annotations

import re

import pytest

from pycrash.api.recorded import answers
from pycrash.api.registry import Registry
from pycrash.render.manual import pages
from tests.golden import examples

#: Examples that the sample dump can only answer with what it lacks: their pages say so.
SAID = {
    "ccat /etc/motd": "ccat: page excluded: ",
    "ccat -c /etc/motd": "ccat: page excluded: ",
    "trace": "trace: no struct trace_array in this kernel",
    "trace show -c 0": "trace: no struct trace_array in this kernel",
    "wr init_task 0": "wr: not allowed on dumpfiles",
}


@pytest.fixture(scope="module")
def fresh(session: list[str]) -> dict[str, list[str]]:
    return examples.shown(session[: len(examples.lines())])


@pytest.mark.parametrize("line", examples.examples())
def test_the_page_shows_what_is_answered(fresh: dict[str, list[str]], line: str) -> None:
    assert answers()[line] == fresh[line], "python3 -m tests.golden.examples records it anew"


@pytest.mark.parametrize("line", examples.examples())
def test_no_example_is_an_error(fresh: dict[str, list[str]], line: str) -> None:
    words = "|".join(re.escape(name) for name in ("crash", *Registry().names()))
    wrong = [said for said in fresh[line] if re.match(rf"(({words}): |Usage:)", said)]
    honest = SAID.get(line)
    assert [said for said in wrong if honest is None or not said.startswith(honest)] == []


def test_what_can_be_is_on_its_page() -> None:
    assert set(answers()) == set(examples.examples())
    page = list(pages(["mod"], Registry(), {}))
    at = page.index("    crash> mod")
    assert page[at + 1].split() == ["MODULE", "NAME", "TEXT_BASE", "SIZE", "OBJECT", "FILE"]


def test_pages_name_commands_to_look_at() -> None:
    registry = Registry()
    for command in registry:
        assert command.related, command.name
        assert set(command.related) <= {*registry.names()} - {command.name}
