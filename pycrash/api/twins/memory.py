"""Lines of drgn for the commands about memory and addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pycrash.api.operands.numbers import hexadecimal, is_hexadecimal
from pycrash.api.twins.base import Twin, address, count, operand, task_lines
from pycrash.errors import CrashError

if TYPE_CHECKING:
    from pycrash.api.args import Args
    from pycrash.api.context import Context

#: The first digit of rd's -8, -16, -32 and -64 to bytes.
_WIDTHS = {"8": 1, "1": 2, "3": 4, "6": 8}
#: Above it are a kernel's addresses.
_KERNEL = 1 << 63


def _rd(ctx: Context, args: Args) -> str:
    start = address(ctx, operand(args))
    if "a" in args:
        return f"print(prog.read_c_string({start}).decode())\n"
    width = next((size for letter, size in _WIDTHS.items() if letter in args), 8)
    loop = (
        f"start = {start}\nfor at in range(start, start + {count(args, 1)} * {width}, {width}):\n"
    )
    shown = f'    print(f"{{at:x}}: {{value:0{2 * width}x}}")\n'
    if "u" in args:
        return (
            "import sys\n\nfrom drgn.helpers.linux.mm import access_process_vm\n"
            f"{task_lines(ctx)}{loop}"
            f"    data = access_process_vm(task, at, {width})\n"
            f"    value = int.from_bytes(data, sys.byteorder)\n{shown}"
        )
    physical = ", True" if "p" in args else ""
    return f"{loop}    value = prog.read_u{8 * width}(at{physical})\n{shown}"


def _vtop(ctx: Context, args: Args) -> str:
    where = address(ctx, operand(args))
    number = int(where, 16) if where.startswith("0x") else _KERNEL
    begin = "from drgn.helpers.linux.mm import follow_phys\n"
    if "k" in args or ("u" not in args and "c" not in args and number >= _KERNEL):
        return f'{begin}\nprint(hex(follow_phys(prog["init_mm"].address_of_(), {where})))\n'
    task = task_lines(ctx, args.value("c") or "")
    return f"{begin}{task}print(hex(follow_phys(task.mm, {where})))\n"


def _ptov(ctx: Context, args: Args) -> str:
    word = operand(args)
    if not is_hexadecimal(word):
        raise CrashError("lines of drgn need a physical address here")
    return (
        "from drgn.helpers.linux.mm import phys_to_virt\n\n"
        f"print(hex(phys_to_virt(prog, 0x{hexadecimal(word):x})))\n"
    )


def _ptob(ctx: Context, args: Args) -> str:
    number = address(ctx, operand(args))
    return f"from drgn.helpers.linux.mm import PFN_PHYS\n\nprint(hex(PFN_PHYS(prog, {number})))\n"


def _btop(ctx: Context, args: Args) -> str:
    where = address(ctx, operand(args))
    return f"from drgn.helpers.linux.mm import PHYS_PFN\n\nprint(hex(PHYS_PFN(prog, {where})))\n"


def _explain(ctx: Context, args: Args) -> str:
    return (
        "from drgn.helpers.common.memory import identify_address\n\n"
        f"print(identify_address(prog, {address(ctx, operand(args))}))\n"
    )


def _sbitmapq(ctx: Context, args: Args) -> str:
    return f"""
from drgn import Object
from drgn.helpers.linux.sbitmap import sbitmap_for_each_set

queue = Object(prog, "struct sbitmap_queue", address={address(ctx, operand(args))})
print(queue.sb.depth.value_(), "bits, set:", *sbitmap_for_each_set(queue.sb.address_of_()))
"""


def _kmem(ctx: Context, args: Args) -> str:
    letter = next((letter for letter, _ in args.given if letter in _KMEM), "")
    if letter in ("s", "S") and args.operands:
        return _cache(operand(args), letter)
    if letter == "p" and args.operands:
        return f"""
from drgn.helpers.linux.mm import decode_page_flags, phys_to_page

page = phys_to_page(prog, {address(ctx, operand(args))})
print(hex(page), page._refcount.counter.value_(), decode_page_flags(page))
"""
    if letter == "g":
        return (
            "from drgn.helpers.linux.mm import decode_page_flags_value\n\n"
            f"print(decode_page_flags_value(prog, {address(ctx, operand(args))}))\n"
        )
    if letter:
        return _KMEM[letter]
    where = address(ctx, operand(args))
    return f"""
from drgn.helpers.common.memory import identify_address
from drgn.helpers.linux.slab import slab_object_info

print(identify_address(prog, {where}))
print(slab_object_info(prog, {where}))
"""


def _cache(name: str, letter: str) -> str:
    """Of one slab cache: how much is in use (-s), and its objects (-S)."""
    if letter == "s":
        return f"""
from drgn.helpers.linux.slab import find_slab_cache, slab_cache_usage

cache = find_slab_cache(prog, "{name}")
print(hex(cache), cache.object_size.value_(), slab_cache_usage(cache))
"""
    return f"""
from drgn.helpers.linux.slab import find_slab_cache, slab_cache_for_each_allocated_object

cache = find_slab_cache(prog, "{name}")
for found in slab_cache_for_each_allocated_object(cache, "char"):
    print(hex(found))
"""


_SLABS = """
from drgn.helpers.linux.slab import for_each_slab_cache, slab_cache_usage

for cache in for_each_slab_cache(prog):
    usage = slab_cache_usage(cache)
    counts = usage.active_objs, usage.num_objs, usage.num_slabs
    print(hex(cache), cache.object_size.value_(), *counts, cache.name.string_().decode())
"""
_PAGES = """
from drgn.helpers.linux.mm import for_each_valid_pfn_and_page

for number, page in for_each_valid_pfn_and_page(prog):
    print(hex(page), hex(number << prog["PAGE_SHIFT"]), hex(page.flags))
"""
#: Letter to the lines for it, where no operand stands behind it.
_KMEM = {
    "i": """
from drgn.helpers.linux.block import nr_blockdev_pages
from drgn.helpers.linux.mm import totalram_pages
from drgn.helpers.linux.slab import slab_total_usage
from drgn.helpers.linux.vmstat import global_node_page_state, nr_free_pages

print("total", totalram_pages(prog), "free", nr_free_pages(prog), "pages")
print("buffers", nr_blockdev_pages(prog))
print("cached", global_node_page_state(prog, prog["NR_FILE_PAGES"]))
print(slab_total_usage(prog))
""",
    "s": _SLABS,
    "S": _SLABS,
    "p": _PAGES,
    "v": """
from drgn.helpers.linux.mm import for_each_vmap_area

for area in for_each_vmap_area(prog):
    print(hex(area), hex(area.vm), hex(area.va_start), hex(area.va_end))
""",
    "V": """
from drgn.helpers.linux.vmstat import global_node_page_state, global_zone_page_state

for kind, read in (("zone", global_zone_page_state), ("node", global_node_page_state)):
    for name, value in prog.type(f"enum {kind}_stat_item").enumerators:
        if not name.startswith("NR_VM_"):
            print(name, read(prog, value))
""",
    "n": """
from drgn.helpers.linux.mmzone import for_each_online_pgdat

for node in for_each_online_pgdat(prog):
    start, pages = node.node_start_pfn.value_(), node.node_spanned_pages.value_()
    print(node.node_id.value_(), hex(node), start, pages)
""",
    "f": """
from drgn.helpers.linux.mmzone import for_each_online_pgdat

for node in for_each_online_pgdat(prog):
    for zone in node.node_zones:
        for order, area in enumerate(zone.free_area):
            print(zone.name.string_().decode(), order, area.nr_free.value_())
""",
    "h": """
from drgn.helpers.linux.hugetlb import for_each_hstate, huge_page_size

for pool in for_each_hstate(prog):
    pages, free = pool.nr_huge_pages.value_(), pool.free_huge_pages.value_()
    print(hex(pool), huge_page_size(pool), pages, free)
""",
    "g": "",
}

TWINS = {
    "btop": Twin(_btop),
    "explain": Twin(_explain),
    "kmem": Twin(_kmem, "".join(_KMEM)),
    "ptob": Twin(_ptob),
    "ptov": Twin(_ptov),
    "rd": Twin(_rd, "pua8136"),
    "sbitmapq": Twin(_sbitmapq),
    "vtop": Twin(_vtop, "ukc"),
}
