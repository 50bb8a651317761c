"""The reports of the sample dump in headless Chromium, where there is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import chromium, opened
from tests.matrix.browser import problems, search


@pytest.mark.skipif(chromium() is None, reason="no Chromium on the PATH")
def test_no_request_no_error_searchable_and_as_narrow_as_a_telephone(
    reports: tuple[Path, Path],
) -> None:
    with opened(reports[0]) as page:
        assert problems(page, reports[0]) == []
        told, seen = search(page, "crashme_level2 ff30dd53404e3d30")
        assert told == f"{seen} hit{'s' * (seen != 1)}"
        assert seen > 0


@pytest.mark.skipif(chromium() is None, reason="no Chromium on the PATH")
def test_a_page_that_does_what_it_must_not_is_found_out(
    reports: tuple[Path, Path], tmp_path: Path
) -> None:
    path = tmp_path / "bad.html"
    body = '<img src="http://127.0.0.1:9/x.png"><p class="u">' + "m" * 3000 + "</p></body>"
    path.write_text(reports[0].read_text().replace("</body>", body))
    with opened(path) as page:
        found = " ".join(problems(page, path))
    assert "console: " in found  # the policy forbids the picture
    plain = path.read_text().replace("http-equiv", "data-x")
    path.write_text(plain.replace("overflow-wrap: anywhere", ""))
    with opened(path) as page:
        found = " ".join(problems(page, path))
    assert "asked for http://127.0.0.1:9/x.png" in found
    assert "pixels wide" in found
