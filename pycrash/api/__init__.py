"""Declaration of commands: flags, operands, registry. Knows neither drgn nor the terminal."""

from pycrash.api.args import Args, Flag, UsageError, parse_args
from pycrash.api.command import Command
from pycrash.api.context import Context, Settings, ShellPort
from pycrash.api.rows import Notice, Part, Row, quick
from pycrash.api.taskheader import TaskHeader, header_lines

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
