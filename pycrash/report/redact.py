"""Leaves out of a report what its readers are not to know: who and where, and what users had.

What a report takes from structures of the kernel is left out by the sections themselves (see
docs/report.md); the rules here are for text that the kernel wrote, in which anything may stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple


class Rule(NamedTuple):
    """Text that is replaced: what it is, how it is told, and what stands in its place.

    `free` rules are for messages alone: in what commands print, quotes and blanks mean less.
    """

    what: str
    pattern: re.Pattern[str]
    instead: str
    free: bool = False


def _rule(what: str, pattern: str, instead: str, free: bool = False) -> Rule:
    return Rule(what, re.compile(pattern, re.MULTILINE), instead, free)


_BYTE = r"[0-9a-fA-F]{2}"
_GROUP = r"[0-9a-fA-F]{1,4}"
#: Endings of symbols that look like the last part of a host's name.
_CLONES = r"(?:cold|constprop|isra|llvm|lto_priv|part|resched|unlikely)"

#: In the order in which they are applied.
RULES = (
    _rule(
        "command lines: of the kernel, and of programs it was told of",
        r"((?:^|\s)(?:Kernel )?[Cc]ommand line(?: parameters)?:?|proctitle=|Booted with).*",
        r"\1 <command line>",
        free=True,
    ),
    _rule("unknown parameters of the kernel's command line", r"^Unknown kernel command.*",
          "<command line>", free=True),
    _rule("arguments and environment of init", r"^ {4}(?=\S).*", "    <argument>", free=True),
    _rule("messages of audit", r"^(?:audit|type=\d+ audit).*", "<audit>", free=True),
    _rule(
        "names of programs, where a message tells of one that is gone",
        r"(\b[Cc]omm[:=] ?)(?! ?program-\d).*?(?= (?:Kdump|Not tainted|Tainted)|$)",
        r"\1<name>", free=True,
    ),
    _rule("the same in front of its pid", r"^[^\s\[\]]+(?=\[\d+\])", "<name>", free=True),
    _rule("the same behind its pid", r"(\bprocess \d+,? )\([^)]*\)", r"\1(<name>)", free=True),
    _rule("the tasks that the end of memory lists", r"^\[ *\d+\] .*", "<task>", free=True),
    _rule(
        "bytes of memory or code, and whatever stands behind them in their line",
        rf"(?<!\w)(?:<?{_BYTE}>?[ -]){{4,}}.*|\b(?:Code|Bytecode): .*",
        "<bytes>",
    ),
    _rule("what stands in quotes", r"\"[^\"\n]*\"|'[^'\n]*'|`[^`'\n]*'", "<quoted>", free=True),
    _rule("users at hosts", r"[^\s()<>\[\]=,;:]+@[\w.-]+", "<user>"),
    _rule(
        "UUIDs", rf"(?<!\w){_BYTE * 4}-(?:{_BYTE * 2}-){{3}}{_BYTE * 6}(?!\w)", "<uuid>"
    ),
    _rule(
        "MAC addresses", rf"(?<![\w:])(?:{_BYTE}[:-]){{5,}}{_BYTE}(?![\w:])", "<mac>"
    ),
    _rule(
        "IPv6 addresses",
        rf"(?<![\w:])(?:(?:{_GROUP}:){{7}}{_GROUP}"
        rf"|(?:{_GROUP}:){{1,7}}:(?:{_GROUP}(?::{_GROUP}){{0,6}})?"
        rf"|::{_GROUP}(?::{_GROUP}){{0,6}})(?![\w:])",
        "<ip>",
    ),
    _rule("IPv4 addresses", r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w])(?!\.\d)", "<ip>"),
    _rule(
        "addresses of memory, registers and other numbers of eight or more digits; not those below "
        "4096, which are offsets from a NULL pointer",
        r"(?<!\w)(?!(?:0x)?0*[0-9a-fA-F]{1,3}(?!\w))(?:0x)?[0-9a-fA-F]{8,}(?!\w)",
        "<number>",
    ),
    _rule("paths of files", r"(?<![\w./<>])/(?:[^\s/:,;()<>\[\]{}'\"=]+/?)+", "<path>"),
    _rule(
        "names of hosts with their domain",
        rf"(?<![\w.-])(?:[A-Za-z0-9](?:[\w-]*[A-Za-z0-9])?\.){{2,}}(?!{_CLONES}\b)[A-Za-z]{{2,}}(?![\w.])",
        "<host>",
    ),
)  # fmt: skip

#: Shorter values of the command line are everyday words: "1", "on", "y".
_LEAST = 4


class Redactor:
    """Knows the words of one dump that are left out wherever they stand.

    `hosts` are names of the machine and its domain, `programs` names that user tasks bear,
    `parameters` the kernel's command line.
    """

    def __init__(self, hosts: Iterable[str], programs: Iterable[str], parameters: str = "") -> None:
        words: dict[str, str] = {}
        for number, name in enumerate(sorted({name for name in programs if name}), 1):
            words[name] = f"program-{number}"
        for parameter in parameters.split():
            name, _, value = parameter.partition("=")
            words |= {part: "<parameter>" for part in (parameter, value) if len(part) >= _LEAST}
        for host in hosts:
            # "(none)" is what a kernel says that was never told its name.
            if host and host != "(none)":
                words |= {name: "<host>" for name in (host, host.partition(".")[0]) if name}
        self._words = words
        found = sorted(map(re.escape, words), key=len, reverse=True)
        self._pattern = re.compile(rf"(?<!\w)(?:{'|'.join(found)})(?!\w)") if found else None

    def name(self, comm: str) -> str:
        """What stands for the name of a task."""
        return self._words.get(comm, comm)

    def text(self, text: str) -> str:
        """What a command printed, or a fact that is text."""
        return self._without(text, free=False)

    def message(self, text: str) -> str:
        """A message of the kernel, a line or several: stricter, for anything may stand there."""
        return self._without(text, free=True)

    def _without(self, text: str, free: bool) -> str:
        if self._pattern is not None:
            text = self._pattern.sub(lambda found: self._words[found[0]], text)
        for rule in RULES:
            if free or not rule.free:
                text = rule.pattern.sub(rule.instead, text)
        return text
