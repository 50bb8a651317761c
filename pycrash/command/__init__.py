"""Declaration of commands: flags, operands, registry. Knows neither drgn nor the terminal."""

from pycrash.command.args import Args, Flag, UsageError, parse_args
from pycrash.command.command import Command
from pycrash.command.context import Context, Settings, ShellPort
from pycrash.command.rows import Notice, Part, Row, quick
from pycrash.command.taskheader import TaskHeader, header_lines

__all__ = [
    "Args",
    "Command",
    "Context",
    "Flag",
    "Notice",
    "Part",
    "Row",
    "Settings",
    "ShellPort",
    "TaskHeader",
    "UsageError",
    "header_lines",
    "parse_args",
    "quick",
]
