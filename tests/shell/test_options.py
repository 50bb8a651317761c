from __future__ import annotations

import sys

import pytest

from pycrash.shell import pager
from pycrash.shell.options import OPTIONS, OptionError, parse_options, usage
from pycrash.shell.start import make_settings


def test_options_and_files_in_any_order() -> None:
    options = parse_options(["a", "-s", "-i", "cmds", "b", "--mod", "dir", "--src=src", "-d8"])
    assert options.files == ["a", "b"]
    assert options.given == [
        *(("-s", ""), ("-i", "cmds"), ("--mod", "dir"), ("--src", "src"), ("-d", "8")),
    ]


def test_letters_may_be_joined_and_long_names_cut_short() -> None:
    options = parse_options(["-stx", "--zero", "--osrel", "dump"])
    assert options.given == [
        *(("-s", ""), ("-t", ""), ("-x", ""), ("--zero_excluded", ""), ("--osrelease", "dump")),
    ]


@pytest.mark.parametrize(
    ("words", "topic"),
    [(["-h"], ""), (["-h", "bt"], "bt"), (["-hbt"], "bt"), (["--help=bt"], "bt")],
)
def test_help_takes_a_topic(words: list[str], topic: str) -> None:
    assert parse_options(words).value("-h") == topic


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-z"], "invalid option: -z"),
        (["--nosuch"], "invalid option: --nosuch"),
        (["--no"], "invalid option: --no"),
        (["--active=1"], "invalid option: --active=1"),
        (["-i"], "-i needs an argument: FILE"),
        (["--mod"], "--mod needs an argument: DIR"),
        (["--hyper"], "--hyper is for what is not read here (/dev/mem, Xen, raw memory)"),
    ],
)
def test_what_cannot_be_followed_is_one_line(words: list[str], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_options(words)
    assert str(caught.value) == message


def test_settings_follow_the_options() -> None:
    settings = make_settings(
        parse_options(["-s", "--dec", "--hex", "-d", "7", "--offline", "hide"])
    )
    assert (settings.silent, settings.radix, settings.debug, settings.offline) == (
        *(True, 16),
        *(7, "hide"),
    )
    for words in (["-e", "ed"], ["-d", "x"], ["--offline", "maybe"]):
        with pytest.raises(OptionError):
            make_settings(parse_options(words))


@pytest.mark.parametrize(("kind", "scroll"), [("xterm", "more"), ("dumb", "off")])
def test_there_is_no_pager_where_a_terminal_can_do_nothing(
    monkeypatch: pytest.MonkeyPatch, kind: str, scroll: str
) -> None:
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setattr(pager, "which", lambda name: f"/bin/{name}")
    monkeypatch.delenv("CRASHPAGER", raising=False)
    monkeypatch.setenv("TERM", kind)
    assert make_settings(parse_options(["--more"])).scroll == scroll
    # `set scroll on` still has one.
    assert make_settings(parse_options(["--more"])).scroller == "more"


def test_editor_names_the_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "/usr/bin/emacs -nw")
    assert make_settings(parse_options([])).edit == "emacs"
    assert make_settings(parse_options(["-e", "vi"])).edit == "vi"


def test_usage_names_every_option() -> None:
    page = "\n".join(usage())
    assert all(name in page for name in OPTIONS)


def test_triage_is_a_line_to_run() -> None:
    assert parse_options(["--triage", "dump"]).values("--exec") == ["triage"]
    with pytest.raises(OptionError, match="invalid option: --triage=1"):
        parse_options(["--triage=1"])
