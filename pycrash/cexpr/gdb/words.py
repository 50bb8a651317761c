"""Which words are gdb's commands, and how they may be shortened."""

from __future__ import annotations

import re

from pycrash.errors import CrashError

#: The commands of gdb 16 in a build without Python and Guile scripts.
COMMANDS = frozenset(
    """
    actions add-auto-load-safe-path add-auto-load-scripts-directory add-inferior
    add-symbol-file add-symbol-file-from-memory advance agent-printf alias append apropos
    attach awatch backtrace bookmark break break-range bt call catch cd checkpoint clear
    clone-inferior collect commands compare-sections compile complete condition continue
    core-file define define-prefix delete demangle detach directory disable disassemble
    disconnect display document dont-repeat down down-silently dprintf dump echo edit enable
    end eval exec-file expression faas file find finish flash-erase focus forward-search
    frame fs ftrace function generate-core-file goto-bookmark guile guile-repl handle hbreak
    help if ignore inferior info init-if-undefined inspect interpreter-exec interrupt
    jit-reader-load jit-reader-unload jump kill layout list load macro maintenance make mem
    memory-tag monitor new-ui next nexti ni nosharedlibrary output overlay passcount path
    pipe print print-object printf printm ptype pwd python python-interactive queue-signal
    quit rbreak rc record refresh remote remove-inferiors remove-symbol-file restart restore
    return reverse-continue reverse-finish reverse-next reverse-nexti reverse-search
    reverse-step reverse-stepi rni rsi run rwatch save search section select-frame set
    sharedlibrary shell show si signal skip source start starti step stepi stepping stop
    strace symbol-file taas target task tbreak tcatch tdump teval tfaas tfind thbreak thread
    tp trace tsave tstart tstatus tstop tty tui tvariable undisplay unset until up
    up-silently update watch wh whatis where while while-stepping winheight winwidth with ws
    """.split()  # noqa: SIM905
)
#: Those that are of use here: what each does.
ABOUT = {
    "print": "the value of an expression; /x, /d, /s ... behind it say how",
    "call": "the value of an expression",
    "output": "the value of an expression, and nothing else",
    "ptype": "a type with its body",
    "whatis": "the type of an expression",
    "x": "memory; /4gx behind it says how much and how",
    "printf": "values in a text",
    "echo": "a text",
    "list": "source lines",
    "disassemble": "instructions of a function",
    "info": "where things are: line, symbol, address",
    "set": "how values are printed, and variables of one's own",
    "show": "how values are printed",
    "init-if-undefined": "a variable of one's own, where it is not there yet",
}
#: What may stand behind some of them.
INNER = {
    "info": {
        "line": "the source line of a function or an address",
        "symbol": "the symbol at an address",
        "address": "where a symbol is stored",
        "sharedlibrary": "the shared libraries",
    },
    "set": {
        "var": "a variable of one's own: set var $x = 1",
        "print": "how values are printed",
        "output-radix": "numbers printed as 8, 10 or 16 says",
        "input-radix": "numbers read as 8, 10 or 16 says",
        "radix": "both",
    },
    "show": {
        "values": "the last values printed",
        "convenience": "variables of one's own",
        "print": "how values are printed",
        "output-radix": "the base of the numbers printed",
        "input-radix": "the base of the numbers read",
        "radix": "both",
    },
}
#: Letters and words that mean one command though they begin several, or none.
SHORT = {
    **{"p": "print", "i": "info", "l": "list", "x": "x", "h": "help", "f": "frame"},
    **{"inspect": "print", "inf": "inferior", "o": "output", "e": "edit", "j": "jump"},
    **{"tb": "tbreak", "th": "thread", "t": "thread", "u": "until", "where": "backtrace"},
    **{"bt": "backtrace", "gu": "guile", "py": "python", "pi": "python-interactive"},
    **{"po": "print-object", "dis": "disable", "disa": "disable", "mt": "maintenance"},
    **{"sho": "show", "gcore": "generate-core-file", "forward": "forward-search"},
}
#: Commands that run a program, which a dump is not: crash refuses them by name.
PROHIBITED = frozenset(
    """
    run r break b tbreak hbreak thbreak rbreak watch rwatch awatch attach continue c fg detach
    finish handle interrupt jump kill next nexti signal step s stepi target until delete clear
    disable enable condition ignore catch tcatch return file exec-file core-file symbol-file
    load si ni shell sy
    """.split()  # noqa: SIM905
)
RESTRICTED = frozenset(("define", "document", "while", "if"))

_WORD = re.compile(r"!|[\w.-]*")


def find_command(word: str) -> str | None:
    """The command a word stands for (`p/x` is print), None where there is none or several."""
    match = _WORD.match(word)
    name = match[0] if match else ""
    if name in SHORT:
        return SHORT[name]
    if name in COMMANDS:
        return name
    longer = [command for command in COMMANDS if name and command.startswith(name)]
    return longer[0] if len(longer) == 1 else None


def split_command(line: str) -> tuple[str, str]:
    """A line's command word and its arguments; a `/FMT` belongs to the arguments."""
    match = _WORD.match(line)
    word = match[0] if match else ""
    return word, line[len(word) :].strip()


def is_gdb_command(word: str) -> bool:
    """Whether a line that begins with the word goes to gdb."""
    return find_command(word) is not None


def refuse(word: str) -> None:
    """Raise CrashError, in crash's words, for a command a dump has no use for."""
    if word in PROHIBITED:
        raise CrashError(f"prohibited gdb command: {word}")
    if word in RESTRICTED:
        gap = " " * 7
        raise CrashError(
            f"restricted gdb command: {word}\n"
            f'{gap}"{word}" may only be used in a .gdbinit file or in a command file.\n'
            f"{gap}The .gdbinit file is read automatically during crash initialization.\n"
            f"{gap}Other user-defined command files may be read interactively during\n"
            f'{gap}crash runtime by using the gdb "source" command.'
        )
