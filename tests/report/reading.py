"""Reads a page as a browser would, and tells what is wrong with it."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

_EMPTY = frozenset(("meta", "input", "link", "br", "img", "hr"))
_LINKS = ("href", "src", "action", "data", "srcset", "poster", "xlink:href", "formaction")


class Reader(HTMLParser):
    """A page: its tags and ids, the text of each kind of element, and its faults."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.policy = ""
        self.inside: dict[str, list[str]] = {}
        self._open: list[str] = []
        text = page.decode("utf-8")
        if re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", text):
            self.faults.append("control characters")
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> is not closed" for tag in self._open]
        self.faults += [f"id {name} twice" for name in self.ids if self.ids.count(name) > 1]
        for tag in ("style", "script"):
            (held,) = self.inside[tag]
            digest = base64.b64encode(hashlib.sha256(held.encode()).digest()).decode()
            if f"{tag}-src 'sha256-{digest}'" not in self.policy:
                self.faults.append(f"the policy lets no {tag} run")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in _EMPTY:
            self._open.append(tag)
        known = dict(attrs)
        if known.get("http-equiv") == "Content-Security-Policy":
            self.policy = known["content"] or ""
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name.startswith("on") or name == "style":
                self.faults.append(f"<{tag} {name}=...>")
            if name in _LINKS and not (value or "").startswith("#"):
                self.faults.append(f"<{tag} {name}={value}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _EMPTY:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes another")

    def handle_data(self, data: str) -> None:
        if self._open:
            self.inside.setdefault(self._open[-1], []).append(data)

    def text(self, tag: str) -> str:
        """All text right inside of elements of a kind."""
        return "".join(self.inside.get(tag, ()))
