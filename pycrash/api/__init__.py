"""What commands are made of: all that a plugin may import.

The promise: what stands in `__all__` here, and what the docstrings of those classes say, stays
as it is or grows; a change that breaks a plugin is named in CHANGELOG.md and raises the first
number of pycrash's version. The built-in commands are made of the same. Facts of the kernel
come from `Context.kernel` (`pycrash.kernel.kernel.Kernel`): its properties and `part`.
"""

from pycrash.api.args import Args, Flag, Given, UsageError, WrongOption, parse_args
from pycrash.api.command import Command, TaskCommand
from pycrash.api.context import Context, ShellPort, View
from pycrash.api.fields import (
    Address,
    Bits,
    Bytes,
    Date,
    Hidden,
    KiB,
    Nanoseconds,
    Nested,
    Pages,
    Percent,
    Seconds,
)
from pycrash.api.header import TaskHeader, header_line, task_header, whose
from pycrash.api.operands.addresses import (
    ADDRESS,
    EXPRESSION,
    SYMBOL,
    address_of,
    can_evaluate,
    evaluate,
    is_symbol_name,
    symbol_resolver,
)
from pycrash.api.operands.base import Choice, Offer, Operand, Place, Word, many, one
from pycrash.api.operands.cpus import CPUS, cpu_list
from pycrash.api.operands.expressions import (
    C_EXPRESSION,
    GDB_EXPRESSION,
    PER_CPU_ADDRESS,
    TYPE_OR_EXPRESSION,
)
from pycrash.api.operands.members import (
    OFFSET_OF,
    STRUCT,
    STRUCTURE,
    UNION,
    MembersOf,
    offset_operand,
)
from pycrash.api.operands.names import CACHE, COMMAND, DIRECTORY, FILE, MODULE
from pycrash.api.operands.numbers import (
    COUNT,
    DECIMAL,
    HEX,
    OFFSET,
    decimal,
    hexadecimal,
    integer,
    is_decimal,
    is_hexadecimal,
    is_number,
    leading_integer,
    number,
)
from pycrash.api.operands.radix import asked_radix
from pycrash.api.operands.tasks import (
    COMM,
    PID,
    POLICY,
    TASK,
    comm_name,
    find_task,
    is_quoted,
    pattern,
    policies,
    policy_name,
)
from pycrash.api.rowlist import Rows
from pycrash.api.rows import Begin, Bundle, Gap, Notice, Part, Row, TaskRow, Text, quick
from pycrash.errors import CrashError, MissingFeature, ReadError
from pycrash.matching import Typed
from pycrash.settings import Settings

__all__ = [
    "ADDRESS",
    "CACHE",
    "COMM",
    "COMMAND",
    "COUNT",
    "CPUS",
    "C_EXPRESSION",
    "DECIMAL",
    "DIRECTORY",
    "EXPRESSION",
    "FILE",
    "GDB_EXPRESSION",
    "HEX",
    "MODULE",
    "OFFSET",
    "OFFSET_OF",
    "PER_CPU_ADDRESS",
    "PID",
    "POLICY",
    "STRUCT",
    "STRUCTURE",
    "SYMBOL",
    "TASK",
    "TYPE_OR_EXPRESSION",
    "UNION",
    "Address",
    "Args",
    "Begin",
    "Bits",
    "Bundle",
    "Bytes",
    "Choice",
    "Command",
    "Context",
    "CrashError",
    "Date",
    "Flag",
    "Gap",
    "Given",
    "Hidden",
    "KiB",
    "MembersOf",
    "MissingFeature",
    "Nanoseconds",
    "Nested",
    "Notice",
    "Offer",
    "Operand",
    "Pages",
    "Part",
    "Percent",
    "Place",
    "ReadError",
    "Row",
    "Rows",
    "Seconds",
    "Settings",
    "ShellPort",
    "TaskCommand",
    "TaskHeader",
    "TaskRow",
    "Text",
    "Typed",
    "UsageError",
    "View",
    "Word",
    "WrongOption",
    "address_of",
    "asked_radix",
    "can_evaluate",
    "comm_name",
    "cpu_list",
    "decimal",
    "evaluate",
    "find_task",
    "header_line",
    "hexadecimal",
    "integer",
    "is_decimal",
    "is_hexadecimal",
    "is_number",
    "is_quoted",
    "is_symbol_name",
    "leading_integer",
    "many",
    "number",
    "offset_operand",
    "one",
    "parse_args",
    "pattern",
    "policies",
    "policy_name",
    "quick",
    "symbol_resolver",
    "task_header",
    "whose",
]
