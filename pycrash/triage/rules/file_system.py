"""A file system that was told to stop the machine at its first error."""

from __future__ import annotations

from pycrash.triage.rule import Rule, Stage

FILE_SYSTEM = Rule(
    "file-system",
    "file system error",
    "A file system found an error and is mounted so that the kernel stops then.",
    Stage.END,
    says=(
        r"Kernel panic - not syncing: (?P<what>\w+-fs .*(?:panic forced after error|error).*|"
        r"XFS.*|BTRFS.*)",
    ),
    explains=("panic",),
    next=("mount", "log"),
)
