"""The table of rules as docs/triage.md has it: `python3 -m tests.triage.table` renews it."""

from __future__ import annotations

import re
from pathlib import Path

from pycrash.triage.rules import RULES
from pycrash.triage.verdict import ALIVE, UNKNOWN

DOCS = Path("docs/triage.md")
_HEAD = "| class | what it is | told by |\n|---|---|---|\n"


def rows() -> list[str]:
    """A row a class, in the order in which the rules are asked."""
    by_name: dict[str, list[str]] = {}
    meanings: dict[str, str] = {}
    for rule in (*RULES, ALIVE, UNKNOWN):
        signs = ["the log"] if rule.says else []
        signs += ["registers and addresses"] if rule.check and not rule.says else []
        signs += [f"`{name}` on the stack" for name in rule.on_stack]
        signs += ["nothing else found"] if rule in (ALIVE, UNKNOWN) else []
        by_name.setdefault(rule.name, []).extend(signs)
        meanings.setdefault(rule.name, f"{rule.title}: {rule.meaning}")
    return [
        f"| `{name}` | {meanings[name]} | {', '.join(dict.fromkeys(signs))} |"
        for name, signs in by_name.items()
    ]


if __name__ == "__main__":
    text = DOCS.read_text()
    table = _HEAD + "\n".join(rows()) + "\n"
    DOCS.write_text(re.sub(r"\| class \|.*?\n(?=\n|\Z)", lambda _: table, text, flags=re.DOTALL))
