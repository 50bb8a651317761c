"""No root file system, or no init on it."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage, nobody

ROOT_FILE_SYSTEM = Rule(
    "root-file-system",
    "no root file system",
    "The kernel found no root file system, or no init on it.",
    Stage.END,
    says=(
        r"Kernel panic - not syncing: (?P<what>VFS: Unable to mount root fs.*|No (?:working "
        r")?init found.*|Requested init .* failed.*)",
    ),
    explains=("panic",),
    suspect=nobody,
    next=("log", "sys config"),
)
