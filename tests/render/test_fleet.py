"""The reports of a fleet: text, and HTML that is safe whatever a dump holds."""

from __future__ import annotations

import json
from html.parser import HTMLParser

from jsonschema import Draft202012Validator

from pycrash.api.fleetrows import (
    FailedRung,
    FleetCrashRow,
    FleetDumpRow,
    FleetRow,
    FleetSkippedRow,
)
from pycrash.api.rows import Row
from pycrash.render.fleethtml import fleet_html
from pycrash.render.fleettext import fleet_text
from pycrash.render.json import json_lines
from tests.contract import contract

EVIL = "<script>alert(1)</script>\x1b[2J"
ROWS: list[Row] = [
    FleetRow(3, 1, 0, 1, 1, 2, 1),
    FleetCrashRow(
        number=1,
        dumps=2,
        name="bug",
        title="BUG()",
        symbol="poke",
        module="badmod",
        stack=("poke", "sys_ioctl"),
        message=f"kernel BUG at {EVIL}",
        nodenames={f"web{n}": 2 if n == 1 else 1 for n in range(1, 8)},
        releases={"6.1.0": 1, "": 1},
        first=1_790_000_000,
        last=1_790_086_400,
    ),
]
DUMP = FleetDumpRow(
    key="00ff",
    paths=("/crash/web1/vmcore", f"/crash/{EVIL}"),
    crash=1,
    read="plain",
    failed=(),
    nodename="web1",
    release="6.1.0",
    crashed=1_790_000_000,
    name="bug",
    symbol="poke",
    module="badmod",
    stack=("poke", "sys_ioctl"),
    vmlinux="/usr/lib/debug/vmlinux",
    kept=True,
    time=1.25,
    memory=96 << 20,
)
_BARE = {**vars(DUMP), "nodename": None, "release": None, "crashed": 1 << 62, "memory": None}
_WHYS = tuple(FailedRung(rung, "error", "no tasks") for rung in ("plain", "zero_excluded"))
ROWS += [
    DUMP,
    FleetDumpRow(**{**_BARE, "paths": ("b",), "read": "minimal", "failed": _WHYS}),
    FleetDumpRow(
        **{
            **_BARE,
            "paths": ("c",),
            "read": None,
            "crash": None,
            "name": None,
            "failed": (*_WHYS, FailedRung("minimal", "death", f"ended: {EVIL}")),
        }
    ),
    FleetSkippedRow("/crash/guest", "a saved state"),
]
TEXT = """\
3 dumps, read: 1 plainly, 1 by the log alone, 1 not at all (2 known before); 1 crash

  #    DUMPS  CLASS    CULPRIT          HOSTS    KERNELS  FIRST SEEN            LAST SEEN
  1        2  bug      poke [badmod]        7          2  2026-09-21 14:13:20Z  2026-09-22 14:13:20Z

#1  BUG() (bug) in poke [badmod]
    log      kernel BUG at <script>alert(1)</script>.[2J
    hosts    web1 (2), web2, web3, web4, web5 and 2 more
    kernels  6.1.0, unknown
    stack    poke < sys_ioctl
    dumps    /crash/web1/vmcore, /crash/<script>alert(1)</script>.[2J, b

NOT READ, OR NOT PLAINLY
  b
    plain, zero_excluded: no tasks
    read: minimal
  c
    plain, zero_excluded: no tasks
    minimal: ended: <script>alert(1)</script>.[2J
    not read
  /crash/guest
    a saved state
"""


def test_the_text() -> None:
    assert "\n".join(fleet_text(ROWS)) + "\n" == TEXT


def test_no_dumps() -> None:
    nothing = [FleetRow(0, 0, 0, 0, 0, 0, 0)]
    assert list(fleet_text(nothing)) == ["0 dumps; 0 crashes"]
    assert "0 dumps; 0 crashes" in "".join(fleet_html(nothing))


class _Page(HTMLParser):
    """The elements of a page that are open, those that were, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        assert not {name for name, _ in attrs} & {"src", "onload", "onclick"}
        assert all((value or "").startswith("#") for name, value in attrs if name == "href")
        if tag not in ("meta", "!doctype"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_the_page_of_html() -> None:
    page = _Page()
    page.feed("\n".join(fleet_html(ROWS)))
    page.close()
    assert page.open == []
    assert not page.seen & {"script", "img", "link", "iframe"}
    text = " ".join(page.words)
    assert "\x1b" not in text
    for words in (
        "BUG() (bug) in poke [badmod]",
        "web7",
        "alert(1)",
        "no tasks",
        "96 MB",
        "1.2",
        str(1 << 62),
    ):
        assert words in text


def test_json_is_what_is_declared() -> None:
    made = contract()
    check = Draft202012Validator(made)
    found = [json.loads(line) for line in json_lines("fleet", ROWS)]
    for row in found:
        check.validate(row)
    assert [row["kind"] for row in found[:3]] == ["fleet", "fleet.crash", "fleet.dump"]
    assert found[4]["failed"][2] == {"rung": "minimal", "cause": "death", "why": f"ended: {EVIL}"}
