"""Opens reports in headless Chromium and says what it saw.

    python3 -m tests.matrix.browser VMLINUX VMCORE [VMLINUX VMCORE ...] [--picture FILE]

Of each dump the report is made, plain and redacted, and opened: no request but for the file
itself, nothing in the console, searchable, and no wider than a telephone. --picture keeps what
the first of them looks like.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from pycrash import open_dump
from tests.browser import Page, chromium, opened

#: Bytes of a report, at most.
MOST = 5_000_000
PHONE, DESK = (390, 844), (1200, 900)

#: Types a word, waits for the search, and tells how many hits are told and seen.
_SEARCH = """
(async () => {
  const wanted = document.getElementById("wanted");
  wanted.value = WORD;
  wanted.dispatchEvent(new Event("input"));
  await new Promise((done) => setTimeout(done, 300));
  const seen = [...document.querySelectorAll(".u")].filter((unit) => unit.offsetParent !== null);
  return [document.getElementById("found").textContent, seen.length];
})()
"""


def search(page: Page, word: str) -> tuple[str, int]:
    """What the page tells of a search, and how many of its units are seen then."""
    told, seen = page.evaluate(_SEARCH.replace("WORD", repr(word)))
    return told, seen


def problems(page: Page, path: Path) -> list[str]:
    """What is wrong with an open report."""
    found = [f"asked for {url}" for url in page.requests if url != path.resolve().as_uri()]
    found += [f"console: {text}" for text in page.errors]
    size = path.stat().st_size
    if size >= MOST:
        found.append(f"{size} bytes")
    page.resize(*PHONE)
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > PHONE[0]:
        found.append(f"{width} pixels wide on a screen of {PHONE[0]}")
    page.resize(*DESK)
    every = search(page, "")[1]
    told, some = search(page, "schedule")
    if not (0 < some < every and told.startswith(str(some))):
        found.append(f"search: {told!r}, {some} of {every} are seen")
    if search(page, "no such words anywhere") != ("0 hits", 0):
        found.append("search: finds what is not there")
    if search(page, "") != ("", every):
        found.append("search: does not show everything again")
    return found


def main() -> int:
    """Open the reports of the dumps that are named; 1 if one has a problem."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    if chromium() is None:
        print("no Chromium on the PATH")
        return 1
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(0, len(given.files), 2):
            dump = open_dump(*given.files[number : number + 2])
            for flag in ("", "-r "):
                path = Path(folder, f"{number}{flag.strip()}.html")
                dump.rows(f"report {flag}{path}")
                with opened(path) as page:
                    found = problems(page, path)
                    if given.picture is not None and not number and not flag:
                        given.picture.write_bytes(page.screenshot())
                bad += len(found)
                size = path.stat().st_size
                print(f"{given.files[number + 1]} {flag}: {size} bytes, {found or 'as it should'}")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
