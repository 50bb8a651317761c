"""Graphs drawn by Graphviz, where it is installed."""

from __future__ import annotations

import subprocess
from shutil import which

#: Seconds after which a graph is too tangled to be worth the wait.
_PATIENCE = 20


def drawn(graph: str) -> str | None:
    """A graph in Graphviz's language as SVG; None where its `dot` is missing, or fails."""
    program = which("dot")
    if program is None:
        return None
    data = graph.encode("utf-8", "backslashreplace")
    try:
        run = subprocess.run(
            [program, "-Tsvg"], input=data, capture_output=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return run.stdout.decode("utf-8", "replace") if run.returncode == 0 else None
