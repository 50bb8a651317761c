"""The colours of a line that is being typed."""

from __future__ import annotations

import pytest

from pycrash.errors import CrashError
from pycrash.shell import linecolours
from pycrash.shell.linecolours import LineColours
from tests.shell.fake import fake_session


class Colours:
    """A fake session's; `data` are words that name something of the kernel."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.usable = True
        self.redrawn = 0
        self.lexer = LineColours(fake_session(), lambda: self.usable, self._redraw)
        monkeypatch.setattr(linecolours, "words_as_data", self._words)

    def _redraw(self) -> None:
        self.redrawn += 1

    @staticmethod
    def _words(kernel: object, words: list[str]) -> list[str]:
        if words == ["both"]:
            raise CrashError("ambiguous")
        return ["p", *words] if words == ["jiffies"] else []

    def of(self, line: str) -> list[tuple[str, str]]:
        """The coloured parts of a line: (style, text)."""
        found = self.lexer.coloured(line)
        assert "".join(part[1] for part in found) == line
        return [
            (part[0].removeprefix("class:line."), part[1]) for part in found if part[0] and part[1]
        ]


@pytest.fixture
def colours(monkeypatch: pytest.MonkeyPatch) -> Colours:
    return Colours(monkeypatch)


@pytest.mark.parametrize(
    ("line", "style"),
    [
        ("tally", "command"),
        ("  bt", "command"),
        ("\\bt", "command"),
        ("dmesg", "command"),
        ("cat", "command"),
        ("*task_struct", "command"),
        ("< file", "command"),
        ("r12", "command"),
        ("hist", "command"),
        ("jiffies", "data"),
        ("both", "data"),
        ("ptype", "data"),
        ("nosuch", "unknown"),
        ("tall ", "unknown"),
        ("# note", "comment"),
    ],
)
def test_the_first_word_tells_what_it_is(colours: Colours, line: str, style: str) -> None:
    assert colours.of(line)[0][0] == style


@pytest.mark.parametrize("line", ["", " ", "tal", "fore", "dmes"])
def test_the_beginning_of_a_command_is_not_wrong_yet(colours: Colours, line: str) -> None:
    assert colours.of(line) == []


def test_what_stands_behind(colours: Colours) -> None:
    assert colours.of('tally -en -q 12 ff00 0x1f "a b" word | head -1') == [
        ("command", "tally"),
        ("flag", "-en"),
        ("unknown", "-q"),
        ("number", "12"),
        ("number", "ff00"),
        ("number", "0x1f"),
        ("string", '"a b"'),
        ("pipe", "|"),
        ("program", " head -1"),
    ]
    assert colours.of("bt >> file")[1:] == [("pipe", ">>"), ("program", " file")]
    assert colours.of("!ls -l") == [("pipe", "!"), ("program", "ls -l")]
    # A line that ends in its mark.
    assert colours.of("bt |") == [("command", "bt"), ("pipe", "|")]
    assert colours.of("bt | head |")[1] == ("pipe", "|")
    # Flags with an argument, and of a command with rules of its own.
    assert colours.of("sym -mx")[1] == ("flag", "-mx")
    assert colours.of("eval -q")[1] == ("flag", "-q")


def test_while_the_types_are_read_nothing_is_wrong(colours: Colours) -> None:
    colours.usable = False
    before = colours.lexer.invalidation_hash()
    assert colours.of("nosuch ") == []
    # It is looked at again.
    assert colours.redrawn == 1
    assert colours.lexer.invalidation_hash() != before
    colours.usable = True
    assert colours.of("nosuch ") == [("unknown", "nosuch")]
