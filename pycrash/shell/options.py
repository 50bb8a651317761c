"""The program's own options: what can be given, and what it means for a dump."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

#: Options by name, each with the name of its argument ("" for none) and what it does.
#: Those without help are taken as crash takes them and change nothing: what they would tell
#: is found in the dump, or belongs to the inside of crash.
OPTIONS: dict[str, tuple[str, str]] = {
    "-s": ("", "no banner, and no pager"),
    "-i": ("FILE", "run the lines of FILE before the first prompt"),
    "--exec": ("LINE", "run LINE and leave, without banner; may be given more than once"),
    "--latest": ("[FOLDER]", "open the newest dump below FOLDER, /var/crash by default"),
    "--triage": ("", "what killed the machine, on one page, and leave; as --exec triage"),
    "--script": ("FILE", "run a file of Python and leave; may be mixed with --exec"),
    "--json": ("", "rows as JSON, one object a line, without banner; as set output json"),
    "--strict": ("", "the exit status says whether every line went well"),
    "--fail-fast": ("", "leave with status 1 at the first line that does not go well"),
    "--mcp": ("", "serve the dump to an assistant by the Model Context Protocol (docs/mcp.md)"),
    "--stderr": ("", "messages go to standard error; as set error /dev/stderr"),
    "-h": ("[COMMAND]", "this page, or a command's; also input, output, all, commands"),
    "-v": ("", "print the version, as crash does"),
    "--version": ("", "print the version in one line"),
    "-d": ("N", "debug level"),
    "-x": ("", "load the *.py plugins of $CRASH_EXTENSIONS or ./extensions"),
    "-e": ("vi|emacs", "how the keys of the prompt work; vi is the default, or what $EDITOR names"),
    "-t": ("", "print when the dump was taken"),
    "-g": ("", "say whether the vmlinux holds debug information"),
    "--minimal": ("", "only log, dis, rd, sym, eval, set, extend and exit: for a broken dump"),
    "--no_modules": ("", "leave kernel modules alone"),
    "--no_panic": ("", "do not look for the task that crashed; begin at CPU 0's idle task"),
    "--active": ("", "know only the task each CPU ran"),
    "--zero_excluded": ("", "read pages that are not in the dump as zeros"),
    "--mod": ("DIR", "where mod -S looks for modules"),
    "--src": ("DIR", "where dis -s and list look for the kernel's source"),
    "--unpack-limit": ("SIZE", "how large a compressed file may become, as 20G"),
    "--offline": ("show|hide", "whether to show CPUs that are not online"),
    "--hex": ("", "numbers are hexadecimal where there is a choice"),
    "--dec": ("", "numbers are decimal where there is a choice"),
    "--no_crashrc": ("", "run neither $HOME/.crashrc nor ./.crashrc"),
    "--no_scroll": ("", "no pager"),
    "--more": ("", "page with more"),
    "--less": ("", "page with less, the default"),
    "--CRASHPAGER": ("", "page with the command in $CRASHPAGER"),
    "--osrelease": ("DUMP", "print the kernel release a dump names"),
    "--build-id": ("DUMP", "print the build ID a dump names"),
    "--log": ("DUMP", "print the kernel log without a vmlinux"),
    "--debug": ("", "show a traceback where pycrash itself fails"),
    "--cpus": ("N", ""),
    "--kaslr": ("OFFSET|auto", ""),
    "--machdep": ("NAME=VALUE", ""),
    "--hash": ("N", ""),
    "--no_kmem_cache": ("", ""),
    "--kmem_cache_delay": ("", ""),
    "--no_kallsyms": ("", ""),
    "--no_ikconfig": ("", ""),
    "--no_data_debug": ("", ""),
    "--no_elf_notes": ("", ""),
    "--no_strip": ("", ""),
    "--readnow": ("", ""),
    "--smp": ("", ""),
    "--max-malloc-bufs": ("N", ""),
    "--reloc": ("SIZE", ""),
    "-f": ("", ""),
    "-L": ("", ""),
    "-c": ("TTY", ""),
    "-p": ("SIZE", ""),
}

#: Options that are another one with its value.
_MEANS = {"--triage": ("--exec", "triage")}

_SAME = {"-m": "--machdep", "--help": "-h"}

#: What crash takes for memory that pycrash does not read: by a driver, of Xen, as a raw image.
NOT_SERVED = frozenset(
    """
    -k -S -o --memory_module --memory_device --hyper --p2m_mfn --xen_phys_start --kvmhost --kvmio
    --buildinfo
    """.split()  # noqa: SIM905
)


class OptionError(Exception):
    """A command line that cannot be followed; `str()` is one line."""


@dataclass
class Options:
    """A command line: options with their values in order, and the files."""

    given: list[tuple[str, str]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    def __contains__(self, name: str) -> bool:
        return any(name == given for given, _ in self.given)

    def values(self, name: str) -> list[str]:
        """Every value that was given, in order."""
        return [value for given, value in self.given if given == name]

    def value(self, name: str) -> str | None:
        """The value given last, None where the option is absent."""
        return next((value for given, value in reversed(self.given) if given == name), None)


def parse_options(argv: Sequence[str]) -> Options:
    """Read a command line as getopt_long does: options anywhere, `--` ends them, letters joined,
    long names cut short. Raises OptionError."""
    options = Options()
    rest = iter(argv)
    for word in rest:
        if word == "--":
            options.files.extend(rest)
        elif word.startswith("--"):
            options.given.append(_long(word, rest))
        elif word.startswith("-") and len(word) > 1:
            options.given.extend(_letters(word, rest))
        else:
            options.files.append(word)
        if options.given and options.given[-1][0] == "-h":
            _take_topic(options, rest)
            break
    return options


def _take_topic(options: Options, rest: Iterator[str]) -> None:
    """-h takes a word behind it that is no option."""
    if not options.given[-1][1]:
        topic = next(rest, "")
        options.given[-1] = ("-h", "" if topic.startswith("-") else topic)


def _long(word: str, rest: Iterator[str]) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    known = [*(n for n in OPTIONS if n.startswith("--")), *NOT_SERVED, *_SAME]
    matches = [n for n in known if n.startswith(name) and n.startswith("--")]
    if name in matches:
        matches = [name]
    if len(matches) != 1:
        raise OptionError(f"invalid option: {word}")
    name = _served(_SAME.get(matches[0], matches[0]), word)
    takes = OPTIONS[name][0]
    if takes and not takes.startswith("[") and not equals:
        following = next(rest, None)
        if following is None:
            raise OptionError(f"{name} needs an argument: {takes}")
        value = following
    elif equals and not takes:
        raise OptionError(f"invalid option: {word}")
    return _MEANS.get(name, (name, value))


def _letters(word: str, rest: Iterator[str]) -> Iterator[tuple[str, str]]:
    letters = word[1:]
    while letters:
        letter, letters = "-" + letters[0], letters[1:]
        name = _served(_SAME.get(letter, letter), word)
        takes = OPTIONS[name][0]
        if not takes:
            yield name, ""
            continue
        if not letters and not takes.startswith("["):
            following = next(rest, None)
            if following is None:
                raise OptionError(f"{letter} needs an argument: {takes}")
            letters = following
        yield name, letters
        return


def _served(name: str, word: str) -> str:
    if name in NOT_SERVED:
        raise OptionError(f"{name} is for what is not read here (/dev/mem, Xen, raw memory)")
    if name not in OPTIONS:
        raise OptionError(f"invalid option: {word}")
    return name


def usage() -> list[str]:
    """The lines of `pycrash -h`."""
    import textwrap

    shown = [(f"{name} {value}".rstrip(), text) for name, (value, text) in OPTIONS.items() if text]
    width = max(len(left) for left, _ in shown)
    quiet = " ".join(name for name, (_, text) in OPTIONS.items() if not text)
    return [
        "",
        "usage: pycrash [options] [VMLINUX] [DUMP]",
        "       pycrash fleet [options] DIR...    many dumps at once; fleet -h tells more",
        "",
        "Opens the memory image of a dead Linux kernel and reads crash's commands. The files may",
        "come in either order. Without VMLINUX it is looked for beside the dump, in",
        "/usr/lib/debug and by debuginfod. DUMP may be - for standard input, with lines by --exec",
        "or -i, or files of raw memory with their addresses: ram.bin@0 more.bin@100000000.",
        "Without DUMP it is the running kernel, which root may read.",
        "",
        *(f"  {left:<{width}}  {text}" for left, text in shown),
        "",
        "These are taken and change nothing: the dump tells what they would say, or they",
        "belong to the inside of crash.",
        *(f"  {line}" for line in textwrap.wrap(quiet, 76, break_on_hyphens=False)),
        "",
    ]
