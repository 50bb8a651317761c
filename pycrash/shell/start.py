"""What happens before the first line: questions that need no session, and opening one."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pycrash.api import Settings
from pycrash.api.registry import Registry
from pycrash.errors import CrashError, MissingFeature
from pycrash.shell.messages import STANDARD_ERROR
from pycrash.shell.options import OptionError, Options, usage
from pycrash.shell.pager import is_dumb, usable_pager
from pycrash.shell.progress import show_progress
from pycrash.shell.session import Session
from pycrash.version import CRASH_VERSION, VERSION

if TYPE_CHECKING:
    from pycrash.kernel.kernel import Kernel


def version_lines() -> list[str]:
    """What stands above the banner."""
    return [
        "",
        f"pycrash {VERSION}, which answers as crash {CRASH_VERSION} does",
        "Free software under the GNU GPL, version 3 or later; there is no warranty.",
        'More about that: "help copying" and "help warranty".',
        "",
    ]


def answer_without_session(options: Options) -> int | None:
    """Answer what is asked of the program or of a file alone; None for any other command line."""
    for name, value in options.given:
        if name == "-h":
            return _print_help(value)
        if name == "-v":
            return _print(version_lines())
        if name == "--version":
            return _print([f"pycrash {VERSION}"])
        if name == "-g":
            return _print_debug_data(options.files)
        if name in ("--osrelease", "--build-id"):
            return _print_vmcoreinfo(options, value, name)
        if name == "--log":
            return _print_log(options, value)
    return None


def _print(lines: Iterable[str]) -> int:
    for line in lines:
        print(line)
    return 0


def _print_help(topic: str) -> int:
    if not topic:
        return _print(usage())
    from pycrash.render.manual import pages

    return _print(pages([topic], make_registry(), {}))


def _print_debug_data(files: list[str]) -> int:
    if len(files) != 1:
        raise OptionError("-g needs one file: a vmlinux")
    from pycrash.files.debuginfo import Identity, why_unfit
    from pycrash.files.kinds import require_readable

    path = Path(files[0])
    require_readable(path)
    try:
        reason = why_unfit(path, Identity(None, None))
    except OSError as error:
        raise CrashError(f"{path}: {error.strerror}") from error
    print(f"{path}: {reason or 'contains debugging data'}")
    return int(reason is not None)


def _open_dump(dump: str, options: Options) -> Kernel:
    from pycrash.kernel.core.reader import Options as OpenOptions
    from pycrash.kernel.opening import open_dump

    return open_dump(Path(dump), None, OpenOptions(unpack_limit=_unpack_limit(options)))


def _print_vmcoreinfo(options: Options, dump: str, option: str) -> int:
    try:
        note = _open_dump(dump, options).vmcoreinfo
        print(note.release if option == "--osrelease" else note.build_id or "unknown")
    except MissingFeature:
        print("unknown")
        return 1
    return int(option == "--build-id" and note.build_id is None)


def _print_log(options: Options, dump: str) -> int:
    session = Session(_open_dump(dump, options), Settings(), make_registry())
    return int(not session.show("log"))


def make_registry() -> Registry:
    """The commands, with those of plugins and of the user's own folder."""
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return Registry(Path(home, "pycrash", "commands"))


def open_session(options: Options) -> Session:
    """Open the files and set up a session. Raises CrashError, OptionError."""
    from pycrash.kernel.core.reader import Options as OpenOptions
    from pycrash.kernel.opening import open_files

    settings = make_settings(options)
    progress = show_progress if sys.stderr.isatty() else None
    how = OpenOptions(
        no_modules="--no_modules" in options,
        active_only="--active" in options,
        no_panic="--no_panic" in options,
        module_tree=options.value("--mod"),
        source_tree=options.value("--src"),
        unpack_limit=_unpack_limit(options),
        minimal="--minimal" in options,
    )
    # What is served to an assistant must have been named.
    kernel = open_files(named_files(options), progress, how, or_running="--mcp" not in options)
    if "--latest" in options:
        print(f"pycrash: its vmlinux: {kernel.given[0]}", file=sys.stderr, flush=True)
    settings.namelist, settings.dumpfile = (str(path or "") for path in kernel.given)
    if settings.zero_excluded:
        kernel.memory.zero_excluded = True
    session = Session(kernel, settings, make_registry())
    configure(session, options)
    return session


def named_files(options: Options) -> list[Path]:
    """The files to open: those given, or with --latest the newest dump, which is told.

    A folder to look in may stand behind the option or among the files; "-" is a dump on standard
    input, which is saved. Raises CrashError, OptionError.
    """
    files = [_standard_input() if name == "-" else Path(name) for name in options.files]
    if "--latest" not in options:
        return files
    from pycrash.files.latest import CRASH_FOLDER, newest_dump

    given = [Path(name) for name in options.values("--latest") if name]
    folders = [*given, *filter(Path.is_dir, files)]
    if len(folders) > 1:
        raise OptionError("--latest looks in one folder")
    found = newest_dump(folders[0] if folders else CRASH_FOLDER)
    print(f"pycrash: the newest dump: {found}", file=sys.stderr, flush=True)
    return [*(file for file in files if file not in folders), found.path]


def _standard_input() -> Path:
    """A dump that comes on standard input. Raises CrashError, OptionError."""
    from pycrash.files.flattened import save_stream

    if sys.stdin.isatty():
        raise OptionError("- takes a dump from standard input, which is a terminal")
    return save_stream(sys.stdin.buffer, show_progress if sys.stderr.isatty() else None)


def configure(session: Session, options: Options) -> None:
    """Tell a session what the options say of it."""
    session.runner.debug = "--debug" in options
    session.minimal = "--minimal" in options
    session.fail_fast = "--fail-fast" in options


def make_settings(options: Options) -> Settings:
    """What the options set. Raises OptionError for a value that is none."""
    silent = any(name in options for name in ("-s", "--exec", "--script", "--json"))
    settings = Settings(silent=silent, zero_excluded="--zero_excluded" in options)
    if "--json" in options:
        settings.output = "json"
    if "--stderr" in options:
        settings.error = STANDARD_ERROR
    settings.debug = _number(options, "-d", settings.debug)
    settings.edit = editing_mode(options)
    for name, _ in options.given:
        if name in ("--hex", "--dec"):
            settings.radix = 16 if name == "--hex" else 10
    offline = options.value("--offline") or settings.offline
    if offline not in ("show", "hide"):
        raise OptionError(f"invalid --offline argument: {offline}")
    settings.offline = offline
    wanted = [name for name, _ in options.given if name in ("--more", "--less", "--CRASHPAGER")]
    if sys.stdout.isatty():
        settings.scroller = usable_pager(wanted[-1][2:] if wanted else None)
    if sys.stdin.isatty() and not silent and "--no_scroll" not in options and not is_dumb():
        settings.scroll = "off" if settings.scroller == "none" else settings.scroller
    return settings


def _unpack_limit(options: Options) -> int:
    """What --unpack-limit says, 0 where it is not given. Raises OptionError."""
    from pycrash.files.room import read_size

    value = options.value("--unpack-limit")
    try:
        return read_size(value) if value is not None else 0
    except ValueError:
        raise OptionError(f"invalid --unpack-limit argument: {value}") from None


def _number(options: Options, name: str, default: int) -> int:
    value = options.value(name)
    if value is None:
        return default
    try:
        return int(value, 0)
    except ValueError:
        raise OptionError(f"invalid {name} argument: {value}") from None


def editing_mode(options: Options) -> str:
    """vi or emacs: what -e says, or what $EDITOR names, else vi. Raises OptionError."""
    given = options.value("-e")
    if given not in (None, "vi", "emacs"):
        raise OptionError(f"invalid edit mode: {given}")
    editor = os.path.basename(os.environ.get("EDITOR", ""))
    return given or ("emacs" if "emacs" in editor else "vi")


def print_date(session: Session) -> int:
    """What -t asks for: when the dump was taken."""
    from pycrash.render.ctext import date_text

    print(f"{date_text(session.kernel.system.date)}\n")
    return 0
