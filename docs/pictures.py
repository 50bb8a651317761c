"""Takes the pictures of the documentation: sessions in a terminal, written as SVG.

    python3 docs/pictures.py

Each scene is typed into a pycrash on the sample dump that runs in a pseudo-terminal; a terminal
emulator (pyte) keeps the screen, and the screen is drawn.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

import pyte

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "pictures"
SAMPLE = ("sample_dumps/vmlinux.xz", "sample_dumps/vmcore")

#: Seconds that a scene may take, and without output after which it is over.
_PATIENCE, _QUIET = 60.0, 0.5
# A character, and the room around them.
_WIDTH, _HEIGHT, _MARGIN, _SIZE = 8.0, 17.0, 10.0, 13
_BACK, _TEXT = "#1c1f24", "#d6d8dc"
#: What the names of a terminal's colours look like.
_COLOURS = {
    "black": "#3b4048",
    "red": "#e06c75",
    "green": "#98c379",
    "brown": "#e5c07b",
    "blue": "#61afef",
    "magenta": "#c678dd",
    "cyan": "#56b6c2",
    "white": "#d6d8dc",
    "brightblack": "#7f848e",
    "brightred": "#ff8b92",
    "brightgreen": "#b5e890",
    "brightbrown": "#ffd68a",
    "brightblue": "#8cc8ff",
    "brightmagenta": "#e2a2ff",
    "brightcyan": "#7fd8e3",
    "brightwhite": "#ffffff",
}


@dataclass(frozen=True)
class Scene:
    """What is typed, in steps: each is sent when the screen shows what stands in front of it."""

    name: str
    steps: Sequence[tuple[str, str]]
    #: What the screen shows at the end.
    until: str
    columns: int = 100
    rows: int = 24


SCENES = (
    Scene("prompt", [("STATE:", "ps -S\r")], "ZO: 1", rows=36),
    Scene("completion", [("STATE:", "\f"), ("crash> ", "p init_task.si\t")], "signal", rows=16),
    Scene("bt", [("STATE:", "\fbt\r")], "entry_SYSCALL_64", rows=36),
)


class _Screen(pyte.Screen):
    """A screen that answers what programs ask of a terminal."""

    def __init__(self, columns: int, rows: int, terminal: int) -> None:
        super().__init__(columns, rows)
        self._terminal = terminal

    def write_process_input(self, data: str) -> None:
        os.write(self._terminal, data.encode())


def play(scene: Scene, command: Sequence[str]) -> pyte.Screen:
    """Run a command in a terminal of its own and play a scene; the screen at its end.

    Raises TimeoutError where what the scene waits for does not come.
    """
    with tempfile.TemporaryDirectory() as home:
        child, terminal = pty.fork()
        if child == 0:
            _become(command, home)
        try:
            size = struct.pack("HHHH", scene.rows, scene.columns, 0, 0)
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
            screen = _Screen(scene.columns, scene.rows, terminal)
            stream = pyte.ByteStream(screen)
            for awaited, keys in scene.steps:
                _wait(screen, stream, terminal, awaited)
                os.write(terminal, keys.encode())
            _wait(screen, stream, terminal, scene.until)
            return screen
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(terminal)


def _become(command: Sequence[str], home: str) -> None:
    """Turn a child into the program of the scene. Does not come back."""
    try:
        os.chdir(ROOT)
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        keep = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        own = {"HOME": home, "XDG_CACHE_HOME": cache, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        time.sleep(0.1)  # the size of the terminal is set by then
        os.execvpe(command[0], list(command), {**keep, **own})
    finally:
        os._exit(127)


def _wait(screen: pyte.Screen, stream: pyte.ByteStream, terminal: int, awaited: str) -> None:
    """Take in what a program writes until the screen shows a text and nothing more comes."""
    end, running = time.monotonic() + _PATIENCE, True
    while running and time.monotonic() < end:
        if select.select([terminal], [], [], _QUIET)[0]:
            try:
                stream.feed(os.read(terminal, 65536))
                continue
            except OSError:  # the program has ended
                running = False
        if any(awaited in line for line in screen.display):
            return
    raise TimeoutError(f"{awaited!r} did not appear:\n" + "\n".join(screen.display))


def drawn(screen: pyte.Screen, title: str) -> str:
    """A screen as SVG."""
    lines = [screen.buffer[row] for row in range(screen.lines)]
    used = max((row for row, line in enumerate(screen.display) if line.strip()), default=0) + 1
    width = screen.columns * _WIDTH + 2 * _MARGIN
    height = used * _HEIGHT + 2 * _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="100%" height="100%" rx="6" fill="{_BACK}"/>',
        f'<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="{_SIZE}" '
        'xml:space="preserve">',
    ]
    for row, line in enumerate(lines[:used]):
        cells = [line[column] for column in range(screen.columns)]
        parts += _row(cells, _MARGIN + row * _HEIGHT)
    return "\n".join([*parts, "</g>", "</svg>", ""])


def _row(cells: Sequence[Any], top: float) -> Iterator[str]:
    """The elements of a row: of each run of the same look its ground, if it has one, and text."""
    for look, group in groupby(enumerate(cells), lambda pair: _look(pair[1])):
        run = list(group)
        text = "".join(cell.data for _, cell in run)
        left, length = _MARGIN + run[0][0] * _WIDTH, len(run) * _WIDTH
        fore, back, style = look
        if back != _BACK:
            yield (
                f'<rect x="{left:g}" y="{top:g}" width="{length:g}" height="{_HEIGHT:g}" '
                f'fill="{back}"/>'
            )
        if text.strip():
            yield (
                f'<text x="{left:g}" y="{top + _HEIGHT * 0.76:g}" textLength="{length:g}" '
                f'fill="{fore}"{style}>{escape(text)}</text>'
            )


def _look(cell: Any) -> tuple[str, str, str]:
    """The colours of a cell, and what else its text is."""
    fore, back = _colour(cell.fg, _TEXT), _colour(cell.bg, _BACK)
    if cell.reverse:
        fore, back = back, fore
    style = ' font-weight="bold"' if cell.bold else ""
    style += ' font-style="italic"' if cell.italics else ""
    style += ' text-decoration="underline"' if cell.underscore else ""
    return fore, back, style


def _colour(name: str, default: str) -> str:
    """A colour of pyte's: a name, or red, green and blue in hexadecimal."""
    return default if name == "default" else _COLOURS.get(name, f"#{name}")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for scene in SCENES:
        screen = play(scene, [sys.executable, "-m", "pycrash", *SAMPLE])
        (FOLDER / f"{scene.name}.svg").write_text(drawn(screen, f"pycrash: {scene.name}"))


if __name__ == "__main__":
    main()
