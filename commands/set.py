"""set: the task that commands work on, and the settings of the session."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pycrash.api import (
    CPUS,
    TASK,
    Address,
    Args,
    Context,
    CrashError,
    Flag,
    Notice,
    Offer,
    Pages,
    Row,
    Settings,
    TaskCommand,
    View,
    find_task,
    hexadecimal,
    integer,
    is_decimal,
    is_hexadecimal,
    is_number,
    many,
    number,
)
from pycrash.api.taskcontext import TaskContext, context_lines, task_context
from pycrash.kernel.tasks.table import Task

_AT_RUNTIME = "cannot change{} editing mode during runtime"


@dataclass(frozen=True)
class SettingRow(Row, kind="set.setting"):
    """A setting and its value as text."""

    name: str
    value: str


@dataclass(frozen=True)
class MarkedRow(Row, kind="set.marked"):
    """A task that was marked as the active one of its CPU."""

    comm: str
    task: Address
    cpu: int


@dataclass(frozen=True)
class FreedRow(Row, kind="set.freed"):
    """How many pages of cached dump memory were given back."""

    pages: Pages


class _Invalid(Exception):
    """The value does not fit the setting."""


class Set(TaskCommand):
    name = "set"
    summary = "choose the current task; show or change settings"
    synopsis = "[[-a] [pid | taskp] | [-c cpu] | -p] | [crash_variable [setting]] | -v"
    description = (
        "Without arguments, shows the current context: the task that commands work on unless "
        "told otherwise. At the start that is the task that crashed. A pid or the address of a "
        "task_struct makes that task the current one.\n\n"
        "With the name of a setting, shows it; with a value behind it, changes it:\n"
        "  scroll         on | off | less | more | CRASHPAGER: the pager for long output\n"
        "  radix          10 | 16: how numbers are shown (also: hex, dec)\n"
        "  refresh        on | off: kept for input files; a dump does not change\n"
        "  print_max      how many elements of an array are printed\n"
        "  print_array    on | off: arrays one element a line\n"
        "  console        a device that debug messages go to\n"
        "  debug          how much is told about the inner workings\n"
        "  core           on | off: drop core at an error message\n"
        "  hash           on | off: check lists for repeated entries\n"
        "  silent         on | off: no messages at the start, no prompt in batch\n"
        "  edit           vi | emacs: how the command line is edited\n"
        "  namelist       the kernel's debug file\n"
        "  unwind         on | off: back traces by the debug information\n"
        "  zero_excluded  on | off: pages left out of the dump read as zeros\n"
        "  null-stop      on | off: strings end at the first NUL\n"
        "  gdb            on | off: lines are meant for gdb\n"
        "  scope          a text address whose source file decides among names\n"
        "  offline        show | hide: CPUs that are offline\n"
        "  redzone        on | off: slab objects shown with their red zones\n"
        "  error          default | redirect | FILE: where error messages go"
    )
    flags = (
        Flag(
            "a", "Mark this task as the one its CPU was running.", value=TASK.named("pid | taskp")
        ),
        Flag("c", "Make the task that this CPU was running the current one.", value=CPUS),
        Flag("p", "Make the task that crashed the current one."),
        Flag("v", "Show every setting."),
    )
    examples = (
        ("Work on pid 1 from now on", "set 1"),
        ("Back to the task that crashed", "set -p"),
        ("Show numbers in hexadecimal", "set radix 16"),
        ("All settings", "set -v"),
    )
    operands = (many(TASK),)
    rows = (TaskContext, SettingRow, MarkedRow, FreedRow)
    minimal = True

    def complete(self, ctx: Context, words: Sequence[str]) -> Iterable[Offer] | None:
        word = words[-1]
        if len(words) > 1 or word.startswith("-") or word[:1].isdigit():
            return None
        return [Offer(name, "setting") for name in _CHANGES if name.startswith(word)]

    def run(self, ctx: Context, args: Args) -> Iterator[Row]:
        for letter, value in args.given:
            # The first of these that is typed decides.
            yield from _option(ctx, letter, value or "")
            return
        if not args.operands:
            for problem in ctx.kernel.panic.new_problems():
                yield Notice(problem)
            yield task_context(ctx.kernel, ctx.task)
            return
        for place, word in enumerate(args.operands):
            change = _CHANGES.get(word)
            if change is not None:
                value = args.operands[place + 1] if place + 1 < len(args.operands) else None
                try:
                    yield from change(ctx, word, value)
                except _Invalid:
                    typed = " ".join(args.operands)
                    raise CrashError(f"invalid command: set {typed} ") from None
                return
            found = find_task(ctx.kernel.tasks, word)
            if found is None:
                yield Notice(f"invalid task or pid value: {word}")
                continue
            if ctx.task in {task.address for task in found.tasks}:
                yield task_context(ctx.kernel, ctx.task)
                continue
            # What stands behind the task that becomes the current one is not read.
            ctx.settings.task = found.tasks[0].address
            yield task_context(ctx.kernel, ctx.task)
            return

    def run_task(self, ctx: Context, args: Args, task: Task) -> Iterator[Row]:
        yield task_context(ctx.kernel, task.address)

    def check_each(self, args: Args, operands: Sequence[str]) -> Iterator[Notice]:
        if "R" in args:
            raise CrashError("set command does not support -R option")
        return iter(())

    def text(self, view: View, args: Args, rows: Iterable[Row]) -> Iterator[str]:
        for row in rows:
            if isinstance(row, TaskContext):
                yield from context_lines(row)
            elif isinstance(row, SettingRow):
                yield f"{_label(row.name, 'v' in args)}: {row.value}"
            elif isinstance(row, MarkedRow):
                yield (
                    f'"{row.comm}" task {row.task:x} has been marked as the active task on '
                    f"cpu {row.cpu}"
                )
            elif isinstance(row, FreedRow):
                yield f"{row.pages} pages freed"


def _label(name: str, listed: bool) -> str:
    """The name of a setting, in its column in the list of all."""
    if listed:
        return f"{name:>14}"
    # crash sets the one name "offline" as in its list.
    return f"{name:>13}" if name == "offline" else name


def _option(ctx: Context, letter: str, value: str) -> Iterator[Row]:
    panic = ctx.kernel.panic
    if letter == "v":
        yield from _all(ctx)
    elif letter == "p":
        if not panic.task:
            yield Notice("no panic task found!")
            return
        ctx.settings.task = panic.task
        yield task_context(ctx.kernel, ctx.task)
    elif letter == "c":
        task = _task_on(ctx, integer(value))
        if task != ctx.task:
            ctx.settings.task = task
            yield task_context(ctx.kernel, task)
    elif letter == "a":
        found = find_task(ctx.kernel.tasks, value)
        if found is None:
            raise CrashError(f"invalid task or pid value: {value}")
        if len(found.tasks) > 1:
            count = len(found.tasks)
            raise CrashError(f"pid {found.value} has {count} tasks: use a task address")
        (marked,) = found.tasks
        panic.mark_active(marked.cpu, marked.address)
        yield MarkedRow(marked.comm, marked.address, marked.cpu)


def _task_on(ctx: Context, cpu: int) -> int:
    count = ctx.kernel.cpus.count
    if cpu >= count:
        ending = "s" if count > 1 else ""
        raise CrashError(f"invalid cpu number: system has only {count} cpu{ending}")
    if ctx.settings.offline == "hide" and not ctx.kernel.cpus.is_online(cpu):
        raise CrashError(f"invalid cpu number: cpu {cpu} is OFFLINE")
    task = ctx.kernel.panic.active_on(cpu)
    if not task:
        raise CrashError(f"cannot determine active task on cpu {cpu}")
    return task


# Settings: each is shown by a text of its value, and changed by one of the functions below.


def _on_off(value: bool) -> str:
    return "on" if value else "off"


def _truth(text: str) -> bool:
    """on, off, or a number. Raises _Invalid."""
    if text in ("on", "off"):
        return text == "on"
    if is_number(text):
        return number(text) != 0
    raise _Invalid


def _scroll(ctx: Context) -> str:
    pager = ctx.settings.scroller
    name = {"less": "/usr/bin/less", "more": "/bin/more"}.get(pager, pager)
    if pager == "CRASHPAGER":
        name = f"CRASHPAGER: {os.environ.get('CRASHPAGER', '')}"
    return f"{_on_off(ctx.settings.scroll != 'off')} ({name})"


def _radix(ctx: Context, name: str = "hex") -> str:
    radix = ctx.settings.radix
    return f"{radix} ({'decimal' if radix == 10 else name})"


def _scope(ctx: Context) -> str:
    scope = ctx.settings.scope
    name = ctx.kernel.symbols.text(scope) if scope else "not set"
    return f"{scope:x} ({name})"


def _all(ctx: Context) -> Iterator[Row]:
    settings = ctx.settings
    values = {
        "scroll": _scroll(ctx),
        "radix": _radix(ctx, "hexadecimal"),
        "refresh": _on_off(settings.refresh),
        "print_max": str(settings.print_max),
        "print_array": _on_off(settings.print_array),
        "console": settings.console,
        "debug": str(settings.debug),
        "core": _on_off(settings.core),
        "hash": _on_off(settings.hash),
        "silent": _on_off(settings.silent),
        "edit": settings.edit,
        "namelist": settings.namelist,
        "dumpfile": settings.dumpfile,
        "unwind": _on_off(settings.unwind),
        "zero_excluded": _on_off(settings.zero_excluded),
        "null-stop": _on_off(settings.null_stop),
        "gdb": _on_off(settings.gdb),
        "scope": _scope(ctx),
        "offline": settings.offline,
        "redzone": _on_off(settings.redzone),
        "error": settings.error,
    }
    for name, value in values.items():
        yield SettingRow(name, value)


_Change = Callable[[Context, str, "str | None"], Iterator[Row]]


def _switch(attribute: str) -> _Change:
    """A setting that is on or off."""

    def change(ctx: Context, name: str, value: str | None) -> Iterator[Row]:
        if value is not None:
            setattr(ctx.settings, attribute, _truth(value))
        yield SettingRow(name, _on_off(getattr(ctx.settings, attribute)))

    return change


def _set_zero_excluded(ctx: Context, name: str, value: str | None) -> Iterator[Row]:
    yield from _switch("zero_excluded")(ctx, name, value)
    ctx.kernel.memory.zero_excluded = ctx.settings.zero_excluded


def _set_debug(ctx: Context, name: str, value: str | None) -> Iterator[Row]:
    if value is not None:
        level = number(value) if is_number(value) else int(_truth(value))
        ctx.settings.debug = level - (1 << 64 if level >> 63 else 0)  # it is a long
    yield SettingRow(name, str(ctx.settings.debug))


def _set_silent(ctx: Context, name: str, value: str | None) -> Iterator[Row]:
    if value is not None:
        ctx.settings.silent = _truth(value)
        if ctx.settings.silent:
            ctx.settings.scroll = "off"
    if not ctx.settings.silent:
        yield SettingRow(name, "off")


def _set_core(ctx: Context, name: str, value: str | None) -> Iterator[Row]:
    if value is not None:
        ctx.settings.core = _truth(value)
    what = "on (drop core" if ctx.settings.core else "off (do NOT drop core"
    yield SettingRow(name, f"{what} on error message)")


def _set_scroll(ctx: Context, name: str, value: str | None) -> Iterator[Row]:
    settings = ctx.settings
    if value is not None and settings.scroller != "none":
        if value in ("less", "more", "CRASHPAGER"):
            if value != "CRASHPAGER" or os.environ.get("CRASHPAGER"):
                settings.scroller = value
            on = settings.scroll != "off"
        else:
            on = _truth(value)
        settings.scroll = settings.scroller if on else "off"
    yield SettingRow(name, _scroll(ctx))


def _set_radix(ctx: Context, name: str, value: str | None) -> Iterator[Row]:
    if name != "radix":
        value = name
    if value is not None:
        if value == "10" or value.startswith(("dec", "ten")):
            ctx.settings.radix = 10
        elif value == "16" or value.startswith(("hex", "six")):
            ctx.settings.radix = 16
        else:
            raise _Invalid
    yield SettingRow("output radix", _radix(ctx))


def _set_edit(ctx: Context, name: str, value: str | None) -> Iterator[Row]:
    wanted = value if name == "edit" else name
    if ctx.settings.starting and wanted in ("vi", "emacs"):
        ctx.settings.edit = wanted
        yield SettingRow("edit", wanted)
        return
    if name != "edit":
        raise CrashError(_AT_RUNTIME.format(f" {ctx.settings.edit}" if name == "emacs" else ""))
    if value is not None:
        raise CrashError(_AT_RUNTIME.format(""))
    yield SettingRow(name, ctx.settings.edit)


def _set_print_max(ctx: Context, name: str, value: str | None) -> Iterator[Row]:
    if value is not None:
        if is_decimal(value):
            ctx.settings.print_max = integer(value)
        elif is_hexadecimal(value):
            ctx.settings.print_max = hexadecimal(value)
        else:
            raise _Invalid
    yield SettingRow(name, str(ctx.settings.print_max))


def _set_console(ctx: Context, name: str, value: str | None) -> Iterator[Row]:
    settings = ctx.settings
    if value is not None:
        settings.console = value
        try:
            os.close(os.open(value, os.O_WRONLY | os.O_NONBLOCK))
        except OSError as error:
            yield Notice(f"console device {value}: {error.strerror}")
    unset = settings.console == Settings.console
    yield SettingRow(name, "not set" if unset else settings.console)


def _set_scope(ctx: Context, name: str, value: str | None) -> Iterator[Row]:
    if value is not None:
        address = _text_address(ctx, value)
        if address and not ctx.kernel.symbols.is_text(address):
            yield Notice(f"invalid text address: {value}")
            return
        ctx.settings.scope = address
    yield SettingRow(name, _scope(ctx))


def _text_address(ctx: Context, text: str) -> int:
    """A symbol, an address, or one of them and a distance joined by + or -. Raises _Invalid."""
    text = text[1:-1] if text[:1] == "(" and text[-1:] == ")" else text
    for sign in ("+", "-"):
        base, found, distance = text.partition(sign)
        if found and base and is_number(distance.strip()):
            offset = number(distance.strip())
            return _text_address(ctx, base.strip()) + (offset if sign == "+" else -offset)
    if is_hexadecimal(text):
        return hexadecimal(text)
    symbol = ctx.kernel.symbols.by_name(text)
    if symbol is None:
        raise _Invalid
    return symbol.address


def _set_offline(ctx: Context, name: str, value: str | None) -> Iterator[Row]:
    if value is not None:
        if value not in ("show", "hide"):
            raise _Invalid
        ctx.settings.offline = value
    yield SettingRow(name, ctx.settings.offline)


def _set_error(ctx: Context, name: str, value: str | None) -> Iterator[Row]:
    if value is not None and value != ctx.settings.error:
        if value not in ("default", "redirect"):
            try:
                with open(value, "a"):
                    pass
            except OSError:
                yield Notice(f"invalid path: {value}")
                return
        ctx.settings.error = value
    yield SettingRow(name, ctx.settings.error)


def _show_namelist(ctx: Context, name: str, value: str | None) -> Iterator[Row]:
    yield SettingRow(name, ctx.settings.namelist)


def _set_free(ctx: Context, name: str, value: str | None) -> Iterator[Row]:
    # The pages of a dump are kept by the library that reads it; there is nothing to give back.
    yield FreedRow(0)


def _nothing(ctx: Context, name: str, value: str | None) -> Iterator[Row]:
    return iter(())


_CHANGES: dict[str, _Change] = {
    "debug": _set_debug,
    "hash": _switch("hash"),
    "unwind": _switch("unwind"),
    "refresh": _switch("refresh"),
    "gdb": _switch("gdb"),
    "scroll": _set_scroll,
    "silent": _set_silent,
    "console": _set_console,
    "core": _set_core,
    "radix": _set_radix,
    "hex": _set_radix,
    "dec": _set_radix,
    "edit": _set_edit,
    "vi": _set_edit,
    "emacs": _set_edit,
    "print_max": _set_print_max,
    "scope": _set_scope,
    "null-stop": _switch("null_stop"),
    "print_array": _switch("print_array"),
    "namelist": _show_namelist,
    "free": _set_free,
    "data_debug": _nothing,
    "zero_excluded": _set_zero_excluded,
    "offline": _set_offline,
    "redzone": _switch("redzone"),
    "error": _set_error,
}
