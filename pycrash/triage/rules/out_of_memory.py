"""Memory that ran out."""

from __future__ import annotations

from pycrash.triage.evidence import Evidence
from pycrash.triage.machine import largest_caches, largest_holders, memory_shares
from pycrash.triage.rule import Found, Proof, Rule, Stage, nobody

#: What holds memory, and is given back only by what holds it.
_HOLDERS = ("anonymous", "slab", "shared memory", "huge pages", "page tables")


def _who(evidence: Evidence, found: Found | None) -> list[Proof]:
    """What had most of the memory, and which process or slab cache most of that."""
    kernel = evidence.kernel
    shares = memory_shares(kernel)
    total = shares.get("total", 0)
    held = max(_HOLDERS, key=lambda name: shares.get(name, 0))
    pages = shares.get(held, 0)
    if not total or not pages:
        return []
    proofs = [Proof(f"{held} has {pages} of {total} pages ({100 * pages // total} %)", "kmem -i")]
    if held == "slab":
        proofs += [
            Proof(f"slab cache {name} has {size >> 10} KB", f"kmem -s {name}")
            for name, size in largest_caches(kernel, 1)
        ]
    elif held in ("anonymous", "shared memory"):
        proofs += [
            Proof(f'{one.task.pid} "{one.task.comm}" has {one.pages} pages resident', "ps -G")
            for one in largest_holders(kernel, 1)
        ]
    return proofs


OUT_OF_MEMORY = Rule(
    "out-of-memory",
    "out of memory",
    "No memory could be found, and the kernel was told to stop then, or had nobody left to kill.",
    Stage.END,
    says=(
        r"Kernel panic - not syncing: [Oo]ut of memory[:.]? ?(?P<why>.*)",
        r"Kernel panic - not syncing: System is deadlocked on memory",
    ),
    on_stack=("out_of_memory",),
    check=_who,
    explains=("panic",),
    suspect=nobody,
    next=("kmem -i", "ps -G", "kmem -s"),
)

OUT_OF_MEMORY_SEEN = Rule(
    "out-of-memory",
    "out of memory",
    "Memory ran out and a process was killed for it.",
    Stage.SIGN,
    says=(
        r"(?:Out of memory|Memory cgroup out of memory): Kill(?:ed)? process (?P<pid>\d+),? "
        r"\((?P<comm>.+?)\)",
    ),
    next=("kmem -i", "ps -G"),
)
