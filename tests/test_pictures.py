"""The pictures of the documentation: taken by a script, whole, and small."""

from __future__ import annotations

import sys
from xml.etree import ElementTree

import pyte
import pytest

from docs.pictures import FOLDER, SCENES, Scene, drawn, play

SVG = "{http://www.w3.org/2000/svg}"


def test_each_scene_has_its_picture() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {scene.name for scene in SCENES}
    for scene in SCENES:
        path = FOLDER / f"{scene.name}.svg"
        assert path.stat().st_size < 60_000
        texts = ElementTree.fromstring(path.read_text()).iter(f"{SVG}text")
        assert scene.until in "".join(text.text or "" for text in texts)


def test_a_scene_is_played_in_a_terminal() -> None:
    program = (
        "import os; name = input('name? ');"
        "print(f'\\33[1;31mhello {name}\\33[m', *os.get_terminal_size())"
    )
    scene = Scene("hello", [("name?", "you\r")], "hello you", columns=40, rows=5)
    screen = play(scene, [sys.executable, "-c", program])
    assert screen.display[:2] == ["name? you".ljust(40), "hello you 40 5".ljust(40)]


def test_what_does_not_come_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docs.pictures._PATIENCE", 0.1)
    with pytest.raises(TimeoutError, match="'never' did not appear"):
        play(Scene("hello", [], "never", columns=40, rows=5), ["sleep", "9"])


def test_a_screen_is_drawn() -> None:
    screen = pyte.Screen(20, 4)
    pyte.Stream(screen).feed("a<b \033[1;31mred\033[m \033[7mback\033[m\r\n\033[38;2;1;2;3mx")
    root = ElementTree.fromstring(drawn(screen, "one & two"))
    texts = {text.text: text for text in root.iter(f"{SVG}text")}
    assert list(texts) == ["a<b ", "red", "back", "x"]
    assert texts["red"].get("font-weight") == "bold"
    assert texts["red"].get("x") == "42"
    assert texts["x"].get("fill") == "#010203"
    ground = root.findall(f"{SVG}g/{SVG}rect")
    assert [(rect.get("x"), rect.get("fill")) for rect in ground] == [("74", "#d6d8dc")]
    assert root.get("height") == "54"  # two rows
