"""union: a union's declaration, or its contents at an address."""

from __future__ import annotations

from pycrash.command.structures import StructureCommand


class Union(StructureCommand):
    name = "union"
    summary = "union contents"
    synopsis = (
        "union_name[.member[,member]] [-o][-l offset][-rfuxdp]\n"
        "         [address | symbol][:cpuspec] [count | -c count]"
    )
    wanted = "union"
    description = """\
Without an address, shows how a union is declared and how large it is. With an address or a
symbol, shows what the union there holds. Operands and options are those of `struct`."""
    examples = (
        ("How the attributes of bpf() are declared", "union bpf_attr"),
        ("A union at an address, in hexadecimal", "union rcu_special -x ff175e6a82c68324"),
    )
