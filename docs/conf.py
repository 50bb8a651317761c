"""Builds the documentation: python3 -m sphinx -W docs build/docs"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from docs.commandpages import write_pages  # noqa: E402
from docs.interfacepage import write_interface  # noqa: E402
from pycrash.version import VERSION  # noqa: E402

project = "pycrash"
author = "the authors of pycrash"
copyright = f"{author}, GPL-3.0-or-later"
release = version = VERSION

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
html_theme = "furo"
html_title = f"pycrash {VERSION}"
html_show_sphinx = False
html_copy_source = False

#: Headings have anchors of their own, as where the pages are read as they lie.
myst_heading_anchors = 3
# Blocks show sessions and shells; what has no language is text.
highlight_language = "text"

# These say what is declared at the time of the build.
write_pages(HERE / "commands")
write_interface(HERE / "interface.md")
