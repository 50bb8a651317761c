"""An interrupt that cannot be held back, sent from outside."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage, nobody

NMI = Rule(
    "nmi",
    "NMI",
    "A non-maskable interrupt came that no driver claimed, or that asks for a stop: a button, "
    "a management processor, a hypervisor.",
    Stage.END,
    says=(r"Kernel panic - not syncing: (?P<what>NMI.*|An NMI occurred.*)",),
    explains=("panic",),
    on_stack=("unknown_nmi_error", "io_check_error", "pci_serr_error"),
    suspect=nobody,
    next=("bt -a", "log"),
)
