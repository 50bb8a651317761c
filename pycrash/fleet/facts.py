"""What is known of one dump of a fleet, in a form that goes through pipes and into a file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

#: How a dump was read: as ever, with zeros in place of pages it lacks, or its log alone.
Rung = Literal["plain", "zero_excluded", "minimal"]
#: Each is tried where the one before fails.
LADDER: tuple[Rung, ...] = ("plain", "zero_excluded", "minimal")
#: Why a rung failed: a limit, a reader that died, no vmlinux, or what the message says.
Cause = Literal["time", "memory", "death", "vmlinux", "error"]


@dataclass(frozen=True)
class Limits:
    """What the reading of one dump may take on each rung: seconds, and bytes of memory."""

    seconds: float
    memory: int


@dataclass(frozen=True)
class Job:
    """A dump to be read: its content's key, its file or parts, what it may take.

    `reader` names the function that reads it, "module:function"; `version` is that of the pycrash
    that asks, and another one does not answer.
    """

    key: str
    files: tuple[str, ...]
    limits: Limits
    version: str
    reader: str = "pycrash.fleet.reading:read"


@dataclass(frozen=True)
class Facts:
    """What a dump says of its crash; None and empty where it does not.

    `crashed` is in seconds since 1970, `name` and `title` are the class, as triage has them.
    `symbol` and `module` are the culprit, `stack` the functions from there on, without what
    differs between builds. `vmlinux` and `vmlinux_key` tell which one it was read with.
    """

    nodename: str | None = None
    release: str | None = None
    build_id: str | None = None
    crashed: int | None = None
    name: str = "unknown"
    title: str = "cause unknown"
    certain: bool = False
    symbol: str | None = None
    module: str | None = None
    stack: tuple[str, ...] = ()
    message: str | None = None
    vmlinux: str | None = None
    vmlinux_key: str = ""


@dataclass(frozen=True)
class Failure:
    """A rung that failed, and why."""

    rung: Rung
    cause: Cause
    why: str


@dataclass(frozen=True)
class Reading:
    """A dump that was read, on a `rung` of the ladder, or on none; what failed before.

    `seconds` are those of all rungs, `memory` the most bytes that the last reader held, None
    where it could not tell. `limits` are those it was read under.
    """

    rung: Rung | None
    facts: Facts
    failures: tuple[Failure, ...]
    seconds: float
    memory: int | None
    limits: Limits = field(default=Limits(0, 0))


def packed(value: Job | Facts | Reading) -> str:
    """As JSON, one line."""
    return json.dumps(asdict(value))


def unpacked_facts(found: dict[str, Any]) -> Facts:
    """Facts out of JSON. Raises TypeError where it holds something else."""
    return Facts(**{**found, "stack": tuple(found["stack"])})


def unpacked_reading(text: str) -> Reading:
    """A reading out of JSON. Raises ValueError, TypeError or LookupError for other JSON."""
    found = json.loads(text)
    return Reading(
        **{
            **found,
            "facts": unpacked_facts(found["facts"]),
            "failures": tuple(Failure(**failure) for failure in found["failures"]),
            "limits": Limits(**found["limits"]),
        }
    )
