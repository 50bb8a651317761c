"""What `set` changes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Settings:
    """What `set` changes. Names are those of `set -v`."""

    radix: int = 10
    #: What pages a terminal's output: "off", "less", "more" or "CRASHPAGER".
    scroll: str = "off"
    #: What `set scroll on` turns on again; "none" where there is no terminal.
    scroller: str = "none"
    refresh: bool = True
    print_max: int = 256
    print_array: bool = False
    console: str = "(not assigned)"
    debug: int = 0
    core: bool = False
    hash: bool = True
    silent: bool = False
    edit: str = "vi"
    namelist: str = ""
    dumpfile: str = ""
    unwind: bool = False
    zero_excluded: bool = False
    null_stop: bool = False
    gdb: bool = False
    scope: int = 0
    offline: str = "show"
    #: Whether bt takes every text address for a call unless told otherwise (bt -O).
    old_backtrace: bool = False
    redzone: bool = True
    error: str = "default"
    #: Whether rows become "text" or "json".
    output: str = "text"
    #: Whether .crashrc is being run; some settings can be changed only there.
    starting: bool = False
    #: Whether lines are edited at a prompt of ours, whose mode can change at any time.
    editing: bool = False
    #: Address of the task_struct that `set` chose; 0 until it did.
    task: int = 0
