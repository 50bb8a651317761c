"""What the lines for several commands have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from textwrap import dedent
from typing import TYPE_CHECKING

from pycrash.api.operands.addresses import can_evaluate, evaluate, symbol_resolver
from pycrash.api.operands.numbers import hexadecimal, is_decimal, is_hexadecimal
from pycrash.errors import CrashError

if TYPE_CHECKING:
    from pycrash.api.args import Args
    from pycrash.api.context import Context


NOTHING = CrashError("no few lines of drgn read what this shows")


@dataclass(frozen=True)
class Twin:
    """Writes lines of Python for a command's arguments; `flags` are the letters it follows.

    `write` raises CrashError where there are no such lines.
    """

    write: Callable[[Context, Args], str]
    flags: str = ""

    def commented(self, ctx: Context, args: Args) -> str:
        """The lines; the flags that they leave out are a comment before them."""
        left = "".join(dict.fromkeys(f" -{x}" for x, _ in args.given if x not in self.flags))
        comment = f"# without{left}: these lines do not know it\n" if left else ""
        return comment + self.write(ctx, args).strip("\n")


def always(text: str) -> Twin:
    """The same lines whatever the operands are."""
    lines = dedent(text)
    return Twin(lambda ctx, args: lines)


def task_lines(ctx: Context, word: str = "") -> str:
    """Lines that set `task` to the task of a pid or an address, to the current one without."""
    if word and not is_decimal(word):
        return (
            "from drgn import Object\n\n"
            f'task = Object(prog, "struct task_struct *", 0x{hexadecimal(word):x})\n'
        )
    current = ctx.kernel.tasks.get(ctx.task)
    pid = int(word) if word else current.pid
    if pid:
        return f"from drgn.helpers.linux.pid import find_task\n\ntask = find_task(prog, {pid})\n"
    cpu = 0 if word else current.cpu
    return f"from drgn.helpers.linux.sched import idle_task\n\ntask = idle_task(prog, {cpu})\n"


def address(ctx: Context, word: str) -> str:
    """An address as an expression: a number, or that of a symbol. Raises CrashError."""
    resolve = symbol_resolver(ctx.kernel)
    if can_evaluate(word):
        return f"0x{evaluate(word, resolve, ctx.kernel.word_mask):x}"
    if resolve(word) is not None:
        return f'prog.symbol("{word}").address'
    if is_hexadecimal(word):
        return f"0x{hexadecimal(word):x}"
    raise CrashError(f"no address: {word}")


def operand(args: Args, place: int = 0) -> str:
    """An operand, the first by default. Raises CrashError where there is none."""
    if len(args.operands) <= place:
        raise CrashError("lines of drgn need an operand here")
    return args.operands[place]


def count(args: Args, place: int, otherwise: int = 1) -> int:
    """A number among the operands. Raises CrashError where it is none."""
    if len(args.operands) <= place:
        return otherwise
    word = args.operands[place]
    return int(word) if is_decimal(word) else hexadecimal(word)


def cpu_loop(cpus: str) -> tuple[str, str]:
    """The line that goes over the CPUs of a specifier behind a colon ("0-2,4", "a"), and what it
    imports. Raises CrashError."""
    if cpus in ("a", "all"):
        module = "from drgn.helpers.linux.cpumask import for_each_possible_cpu\n"
        return module, "for cpu in for_each_possible_cpu(prog):\n"
    numbers: list[int] = []
    for part in cpus.split(","):
        first, dash, last = part.partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise CrashError(f"no lines of drgn for the CPUs {cpus}")
        numbers += range(int(first), int(last or first) + 1)
    return "", f"for cpu in {numbers}:\n"


def type_name(ctx: Context, word: str, kinds: tuple[str, ...] = ("struct", "union", "enum")) -> str:
    """A type's name as drgn takes it, "struct" put before it where needed. Raises CrashError."""
    for name in (word, *(f"{kind} {word}" for kind in kinds)):
        if ctx.kernel.has_type(name):
            return name
    raise CrashError(f"no type: {word}")
