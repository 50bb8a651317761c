"""The manual page, docs/pycrash.1, made from the options and the commands as they are declared.

python3 -m tests.manpage writes it anew; the package installs it below share/man.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pycrash.api.registry import CRASH_WORDS, Registry
from pycrash.render.manual import in_order
from pycrash.shell.options import OPTIONS
from pycrash.version import CRASH_VERSION, VERSION

PAGE = Path(__file__).resolve().parent.parent / "docs" / "pycrash.1"

_DESCRIPTION = f"""\
pycrash opens the memory image of a dead Linux kernel (kdump, ELF, with or without compression)
with the debug vmlinux of that kernel, and reads commands: those of crash {CRASH_VERSION}, with its
output, and more. The files may come in either order. Without VMLINUX it is looked for beside the
dump, below /usr/lib/debug, and by debuginfod; where there is none, the command that installs it
is said, and symbols and types are those that the kernel of a dump holds itself (6.0 and later).
Without DUMP it is the running kernel, by /proc/kcore, which takes root's rights. Files of
raw memory are named with their addresses: ram.bin@0 more.bin@100000000.

At a terminal there is a prompt, with completion by Tab. Otherwise lines come from standard input,
or from the options."""
_STATUS = (
    ("0", "The session was left by q or exit, or came to the end of the lines of options."),
    ("1", "The lines of standard input came to their end; or the files could not be opened; or "
          "with --strict or --fail-fast, a line did not go well."),
    ("130", "Ctrl-C, unless somebody sits at the prompt."),
)  # fmt: skip
_ENVIRONMENT = (
    ("DEBUGINFOD_URLS", "Servers that are asked for a vmlinux, with blanks between."),
    ("EDITOR", "emacs, where it is in the name, or vi: how the keys of the prompt work."),
    ("NO_COLOR", "No colours."),
    ("CRASHPAGER", "The pager that --CRASHPAGER takes."),
    ("CRASH_EXTENSIONS", "The folder of plugins that -x loads."),
    ("CRASH_MODULE_PATH", "A folder in which mod -S looks."),
)
_FILES = (
    ("~/.crashrc, ./.crashrc", "Lines that are run before the first prompt."),
    ("~/.config/pycrash/commands/*.py", "Commands of one's own."),
    ("~/.cache/pycrash", "What was unpacked or fetched, and what was learned of a vmlinux."),
)
_EXAMPLES = (
    ("Open a dump, and find its vmlinux:", "pycrash /var/crash/127.0.0.1-2026-11-30/vmcore"),
    ("What killed the machine, by the newest dump:", "pycrash --latest --triage"),
    ("A line for a script:", "pycrash --json --exec 'ps -u' vmlinux vmcore"),
)


def lines() -> Iterator[str]:
    """The page, in the language of man(7)."""
    yield f'.TH PYCRASH 1 "" "pycrash {VERSION}" "User Commands"'
    yield from (".SH NAME", text("pycrash - a shell over the memory of a dead Linux kernel"))
    yield from (".SH SYNOPSIS", r".B pycrash", r"[\fIoptions\fR] [\fIVMLINUX\fR] [\fIDUMP\fR]")
    yield ".br"
    yield from (r".B pycrash", r"\fB\-\-latest\fR [\fIFOLDER\fR] [\fIoptions\fR]")
    yield ".SH DESCRIPTION"
    for number, paragraph in enumerate(_DESCRIPTION.split("\n\n")):
        yield from ([".PP"] * bool(number)) + [text(line) for line in paragraph.split("\n")]
    yield ".SH OPTIONS"
    told = {name: option for name, option in OPTIONS.items() if option[1]}
    yield from terms((f"{name} {value}".rstrip(), said) for name, (value, said) in told.items())
    silent = ", ".join(name for name in OPTIONS if name not in told)
    yield from (".PP", text(f"Taken as crash takes them, and without effect: {silent}."))
    yield from _commands()
    for title, entries in (
        ("EXIT STATUS", _STATUS),
        ("ENVIRONMENT", _ENVIRONMENT),
        ("FILES", _FILES),
    ):
        yield from (f".SH {title}", *terms(entries))
    yield ".SH EXAMPLES"
    for what, line in _EXAMPLES:
        yield from (".PP", text(what), ".PP", ".RS 4", ".EX", text(line), ".EE", ".RE")
    yield from (".SH SEE ALSO", r".BR crash (8),", r".BR drgn (1),", r".BR makedumpfile (8)")


def _commands() -> Iterator[str]:
    """The commands, those of crash first."""
    registry = Registry()
    commands = {command.name: command for command in registry}
    yield from (".SH COMMANDS", text("help COMMAND shows the page of one, with examples."))
    for title, ours in (("As in crash", False), ("More than crash", True)):
        names = [name for name in in_order(list(commands)) if (name not in CRASH_WORDS) == ours]
        yield f".SS {title}"
        yield from terms((name, commands[name].summary) for name in names)


def terms(entries: Iterator[tuple[str, str]] | Sequence[tuple[str, str]]) -> Iterator[str]:
    """Words, each with its paragraph."""
    for word, said in entries:
        yield from (".TP", rf"\fB{text(word)}\fR", text(said))


def text(words: str) -> str:
    """Words as they are, whatever they mean to troff."""
    escaped = words.replace("\\", r"\e").replace("-", r"\-").replace("~", r"\(ti")
    return rf"\&{escaped}" if escaped[:1] in (".", "'") else escaped


def page() -> str:
    """The whole page."""
    return "".join(f"{line}\n" for line in lines())


if __name__ == "__main__":
    PAGE.write_text(page())
