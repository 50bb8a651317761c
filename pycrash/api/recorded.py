"""What the sample dump answers to the examples of help pages, as `tests.golden.examples` wrote it
down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

PROMPT = "crash> "
FILE = "answers.txt"
#: How much of an answer is kept: lines, and columns of each.
LINES, COLUMNS = 8, 96
MORE = "..."


def answers() -> dict[str, list[str]]:
    """Line to the lines of its answer; they are read for help pages alone."""
    from importlib.resources import files

    return parsed(files("pycrash.commands").joinpath(FILE).read_text(encoding="utf-8"))


def parsed(text: str) -> dict[str, list[str]]:
    """The answers in a text: each stands behind its line, which a prompt begins."""
    found: dict[str, list[str]] = {}
    answer: list[str] = []
    for line in text.rstrip("\n").split("\n"):
        if line.startswith(PROMPT):
            answer = found[line.removeprefix(PROMPT)] = []
        else:
            answer.append(line)
    return found


def written(found: Mapping[str, Sequence[str]]) -> str:
    """The text that `parsed` reads."""
    blocks = ([f"{PROMPT}{line}", *answer] for line, answer in found.items())
    return "".join(f"{line}\n" for block in blocks for line in block)


def shortened(answer: str) -> Iterator[str]:
    """The beginning of an answer, without empty lines about it."""
    lines = answer.strip("\n").split("\n") if answer.strip() else []
    for line in lines[:LINES]:
        line = line.rstrip()
        yield line if len(line) <= COLUMNS else line[: COLUMNS - len(MORE)] + MORE
    if len(lines) > LINES:
        yield MORE
