"""struct: a structure's declaration, or its contents at an address."""

from __future__ import annotations

from pycrash.command.structures import StructureCommand


class Struct(StructureCommand):
    name = "struct"
    summary = "structure contents"
    synopsis = (
        "struct_name[.member[,member]][-o][-l offset][-rfuxdp]\n"
        "         [address | symbol][:cpuspec] [count | -c count]"
    )
    wanted = "struct"
    description = """\
Without an address, shows how a structure is declared and how large it is. With an address or
a symbol, shows what the structure there holds. Members behind a dot limit this to them; a
member may lie inside of others (`se.load.weight`) or be one element of an array of structures
(`pid_links[1]`).

For a per-CPU variable a colon and CPUs behind its name show that of each CPU: `:a` or `:all`
for every one, `:0,2-4` for some, a lone colon for the CPU of the current task."""
    examples = (
        ("How a task is laid out", "struct task_struct -o"),
        ("The name and pid of a task", "struct task_struct.comm,pid ff175e6a82c68000"),
        ("The run queues of the first two CPUs", "struct rq.nr_running runqueues:0-1"),
        ("Three list heads in a row", "struct list_head ff175e6a82c68000 3"),
    )
