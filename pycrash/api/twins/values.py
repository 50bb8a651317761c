"""Lines of drgn for the commands about symbols, types and values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pycrash.api.twins.base import NOTHING, Twin, address, count, cpu_loop, operand, type_name
from pycrash.errors import CrashError

if TYPE_CHECKING:
    from pycrash.api.args import Args
    from pycrash.api.context import Context

_PATH = re.compile(r"([A-Za-z_]\w*)((?:(?:\.|->)\w+|\[\d+\])*)(?::(\S+))?")
_CAST = re.compile(r"\((\w+(?: \w+)*) ?\*\) ?(\w+)")
#: What `uname -m` says to capstone's words for the machine and its mode.
_CAPSTONE = {"x86_64": ("X86", "64"), "aarch64": ("ARM64", "ARM")}
_MEMBER = re.compile(r"(\w+)\.([\w.]+)")


def _p(ctx: Context, args: Args) -> str:
    expression = " ".join(args.operands).strip()
    sign = expression[:1] if expression[:1] in ("*", "&") else ""
    body = expression[len(sign) :].strip()
    cast = _CAST.fullmatch(body)
    if cast is not None and sign == "*":
        value = f'Object(prog, "{cast[1]}", address={address(ctx, cast[2])})'
        return f"from drgn import Object\n\nprint({_based(args, value)})\n"
    path = _PATH.fullmatch(body)
    if path is None:
        raise NOTHING
    name, cpus = path[1], path[3]
    behind = path[2].replace("->", ".") + {"*": "[0]", "&": ".address_of_()", "": ""}[sign]
    if cpus is None:
        value = _based(args, f'prog["{name}"]{behind}')
        return f"print({value})\n"
    module, loop = cpu_loop(cpus)
    value = _based(args, f'per_cpu(prog["{name}"], cpu){behind}')
    return (
        f"{module}from drgn.helpers.linux.percpu import per_cpu\n\n{loop}    print(cpu, {value})\n"
    )


def _based(args: Args, value: str) -> str:
    """The value in hexadecimal where that is asked for."""
    return f"({value}).format_(integer_base=16)" if "x" in args else value


def _struct(ctx: Context, args: Args) -> str:
    first = operand(args)
    if first in ("struct", "union"):
        raise NOTHING
    word, _, members = first.partition(".")
    name = type_name(ctx, word)
    paths = [f".{member}" for member in members.split(",") if member] or [""]
    if len(args.operands) == 1:
        return _layout(name, paths, "o" in args)
    where, _, cpus = args.operands[1].partition(":")
    shown = [_based(args, f"found{path}") for path in paths]
    if cpus:
        module, loop = cpu_loop(cpus)
        return (
            f"{module}from drgn.helpers.linux.percpu import per_cpu\n\n{loop}"
            f'    found = per_cpu(prog["{where}"], cpu)\n'
            + "".join(f"    print(cpu, {value})\n" for value in shown)
        )
    many = count(args, 2)
    found = f'Object(prog, "{name}", address={address(ctx, where)}'
    if many == 1:
        return f"from drgn import Object\n\nfound = {found})\n" + "".join(
            f"print({value})\n" for value in shown
        )
    return (
        "from drgn import Object, sizeof\n\n"
        f'size = sizeof(prog.type("{name}"))\n'
        f"for number in range({many}):\n    found = {found} + number * size)\n"
        + "".join(f"    print({value})\n" for value in shown)
    )


def _layout(name: str, paths: list[str], offsets: bool) -> str:
    if not offsets:
        shown = [f'.member("{path[1:]}")' if path else "" for path in paths]
        return "".join(f'print(prog.type("{name}"){member})\n' for member in shown)
    if paths != [""]:
        return "from drgn import offsetof\n\n" + "".join(
            f'print(offsetof(prog.type("{name}"), "{path[1:]}"))\n' for path in paths
        )
    return (
        f'for member in prog.type("{name}").members:\n'
        "    print(member.bit_offset // 8, member.type.type_name(), member.name)\n"
    )


def _list(ctx: Context, args: Args) -> str:
    words = list(args.operands)
    place = args.value("o") or (words.pop(0) if len(words) == 2 else "")
    member = _MEMBER.fullmatch(place)
    if len(words) != 1 or member is None or not ("h" in args or "H" in args):
        raise CrashError("lines of drgn need -h or -H, a structure.member and where it begins")
    name, where = type_name(ctx, member[1]), address(ctx, words[0])
    shown = _members(args, "entry")
    begin = "from drgn import Object\nfrom drgn.helpers.linux.list import list_for_each_entry\n\n"
    if "H" in args:
        return (
            f'{begin}head = Object(prog, "struct list_head *", {where})\n'
            f'for entry in list_for_each_entry("{name}", head, "{member[2]}"):\n{shown}'
        )
    return (
        f'{begin}first = Object(prog, "{name} *", {where})\n'
        f"head = first.{member[2]}.address_of_()\n"
        f'for entry in (first, *list_for_each_entry("{name}", head, "{member[2]}")):\n{shown}'
    )


def _members(args: Args, entry: str) -> str:
    """Lines of a loop that print an entry, and of its structure what -s asks for."""
    lines = [f"    print(hex({entry}))\n"]
    for value in args.values("s"):
        _, dot, names = value.partition(".")
        paths = [f"{entry}.{name}" for name in names.split(",")] if dot else [f"{entry}[0]"]
        lines += [f"    print({path})\n" for path in paths]
    return "".join(lines)


def _tree(ctx: Context, args: Args) -> str:
    kind = (args.value("t") or "radix")[:2]
    where = address(ctx, operand(args))
    begin = (
        "from drgn import Object, offsetof\n" if args.value("r") else "from drgn import Object\n"
    )
    if args.value("r"):
        member = _MEMBER.fullmatch(args.value("r") or "")
        if member is None:
            raise NOTHING
        where += f' + offsetof(prog.type("{type_name(ctx, member[1])}"), "{member[2]}")'
    if "N" in args or kind not in ("ra", "rb", "xa", "ma"):
        raise NOTHING
    if kind == "rb":
        return _rbtree(ctx, args, begin, where)
    type_, module, walk, names = {
        "ra": ("radix_tree_root", "radixtree", "radix_tree_for_each", "index"),
        "xa": ("xarray", "xarray", "xa_for_each", "index"),
        "ma": ("maple_tree", "mapletree", "mt_for_each", "first, last"),
    }[kind]
    if not ctx.kernel.has_type(f"struct {type_}"):
        type_ = "xarray"
    return (
        f"{begin}from drgn.helpers.linux.{module} import {walk}\n\n"
        f'tree = Object(prog, "struct {type_} *", {where})\n'
        f"for {names}, entry in {walk}(tree):\n    print({names}, hex(entry))\n"
    )


def _rbtree(ctx: Context, args: Args, begin: str, where: str) -> str:
    member = _MEMBER.fullmatch(args.value("o") or "")
    root = f'root = Object(prog, "struct rb_root *", {where})\n'
    if member is None:
        return (
            f"{begin}from drgn.helpers.linux.rbtree import rbtree_inorder_for_each\n\n{root}"
            "for node in rbtree_inorder_for_each(root):\n    print(hex(node))\n"
        )
    name = type_name(ctx, member[1])
    return (
        f"{begin}from drgn.helpers.linux.rbtree import rbtree_inorder_for_each_entry\n\n{root}"
        f'for entry in rbtree_inorder_for_each_entry("{name}", root, "{member[2]}"):\n'
        f"{_members(args, 'entry')}"
    )


def _sym(ctx: Context, args: Args) -> str:
    text = args.value("q")
    if text is not None or "l" in args:
        chosen = f"    if {text!r} in symbol.name:\n    " if text is not None else ""
        return (
            "for symbol in sorted(prog.symbols(), key=lambda symbol: symbol.address):\n"
            f'{chosen}    print(f"{{symbol.address:x}} {{symbol.name}}")\n'
        )
    word = operand(args)
    found = address(ctx, word)
    if not found.startswith("0x"):
        return f'symbol = prog.symbol("{word}")\nprint(f"{{symbol.address:x}} {{symbol.name}}")\n'
    return (
        f"symbol = prog.symbol({found})\n"
        f'print(f"{{symbol.name}}+{{{found} - symbol.address}}", prog.source_location({found}))\n'
    )


def _whatis(ctx: Context, args: Args) -> str:
    words = args.operands
    name = " ".join(words)
    if not re.fullmatch(r"(?:(?:struct|union|enum) )?\w+", name) or len(words) > 2:
        raise NOTHING
    try:
        return f'print(prog.type("{type_name(ctx, name)}"))\n'
    except CrashError:
        return f'print(prog["{name}"].type_)\n'


def _dis(ctx: Context, args: Args) -> str:
    machine = _CAPSTONE.get(ctx.kernel.arch.name)
    if machine is None:
        raise NOTHING
    where = address(ctx, operand(args))
    start, end = "address", "symbol.address + symbol.size"
    if "r" in args:
        start, end = "symbol.address", "address + 1"
    many = f"[:{count(args, 1)}]" if len(args.operands) > 1 else ""
    if many and "r" in args:
        many = f"[-{count(args, 1)}:]"
    source = "    print(prog.source_location(instruction.address))\n" if "l" in args else ""
    return f"""
import capstone

address = {where}
symbol = prog.symbol(address)
start, end = {start}, {end}
decoder = capstone.Cs(capstone.CS_ARCH_{machine[0]}, capstone.CS_MODE_{machine[1]})
for instruction in list(decoder.disasm(prog.read(start, end - start), start)){many}:
{source}    print(f"{{instruction.address:x}} {{instruction.mnemonic}} {{instruction.op_str}}")
"""


_STRUCT = Twin(_struct, "oxd")

TWINS = {
    "*": _STRUCT,
    "dis": Twin(_dis, "rl"),
    "list": Twin(_list, "osShH"),
    "p": Twin(_p, "xd"),
    "struct": _STRUCT,
    "sym": Twin(_sym, "ql"),
    "tree": Twin(_tree, "trosS"),
    "union": _STRUCT,
    "whatis": Twin(_whatis),
}
