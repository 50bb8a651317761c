"""A headless Chromium that opens one page and tells what the page did.

It is driven over a pair of pipes (--remote-debugging-pipe): each message is JSON, ended by a NUL.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import Any

#: Seconds for an answer.
PATIENCE = 60


def chromium() -> str | None:
    """The browser's program, None where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "chromium-headless-shell")
    return next((found for name in names if (found := which(name))), None)


@dataclass
class Page:
    """An open page: what it asked the network for, and what its console says."""

    browser: _Browser
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def evaluate(self, expression: str) -> Any:
        """The value of JavaScript, as JSON has it."""
        answer = self.browser.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def resize(self, width: int, height: int) -> None:
        """Make the window as large as that of a telephone, or of a desk."""
        self.browser.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def screenshot(self) -> bytes:
        """What the window shows, as PNG."""
        data: str = self.browser.call("Page.captureScreenshot", format="png")["data"]
        return base64.b64decode(data)

    def hear(self, method: str, told: dict[str, Any]) -> None:
        """Note an event of the browser."""
        if method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(told["exceptionDetails"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.errors.append(str(told["args"]))
        elif method == "Log.entryAdded":
            self.errors.append(told["entry"]["text"])


class _Browser:
    """The messages between this program and the browser."""

    def __init__(self, into: int, out: int) -> None:
        self._into, self._out = into, out
        self._number = 0
        self._read = b""
        self.session = ""
        self.page = Page(self)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask for something; its result. Raises AssertionError for a refusal or silence."""
        self._number += 1
        said = {"id": self._number, "method": method, "params": params}
        if self.session:
            said["sessionId"] = self.session
        os.write(self._into, json.dumps(said).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self._number:
                assert "error" not in told, told
                result: dict[str, Any] = told["result"]
                return result
            self.page.hear(told.get("method", ""), told.get("params", {}))

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while b"\0" not in self._read:
            ready, _, _ = select.select([self._out], [], [], max(end - time.monotonic(), 0))
            assert ready, "the browser says nothing"
            data = os.read(self._out, 1 << 16)
            assert data, "the browser is gone"
            self._read += data
        line, _, self._read = self._read.partition(b"\0")
        found: dict[str, Any] = json.loads(line)
        return found


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Page]:
    """A page in a browser of its own, once it is loaded."""
    program = chromium()
    assert program is not None
    to_browser, into = os.pipe()
    out, from_browser = os.pipe()

    def place_pipes() -> None:
        # It reads from 3 and writes to 4. Copies first: one may have the number of the other.
        copies = os.dup(to_browser), os.dup(from_browser)
        os.dup2(copies[0], 3)
        os.dup2(copies[1], 4)

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        words = [program, "--headless", "--remote-debugging-pipe", "--disable-gpu"]
        words += ["--no-first-run", "--disable-background-networking", "--disable-dev-shm-usage"]
        words += ["--no-sandbox"] if os.geteuid() == 0 else []
        process = subprocess.Popen(
            [*words, f"--user-data-dir={profile}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=False,
            preexec_fn=place_pipes,
        )
        os.close(to_browser)
        os.close(from_browser)
        try:
            yield _load(_Browser(into, out), path)
        finally:
            os.close(into)
            os.close(out)
            process.kill()
            process.wait()


def _load(browser: _Browser, path: Path) -> Page:
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    browser.session = session
    for domain in ("Page", "Network", "Runtime", "Log"):
        browser.call(f"{domain}.enable")
    browser.call("Page.navigate", url=path.resolve().as_uri())
    end = time.monotonic() + PATIENCE
    ready = "location.protocol === 'file:' && document.readyState === 'complete'"
    while not browser.page.evaluate(ready):
        assert time.monotonic() < end, "the page does not load"
        time.sleep(0.05)
    return browser.page
