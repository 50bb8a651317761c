"""Runs mypy --strict over the project.

drgn's C half has its stub as a lone file in site-packages, where mypy does not look; it is
put on mypy's path first.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STUBS = ROOT / "build" / "stubs"


def main() -> int:
    spec = importlib.util.find_spec("_drgn")
    assert spec is not None
    assert spec.origin is not None
    STUBS.mkdir(parents=True, exist_ok=True)
    (STUBS / "_drgn.pyi").write_text((Path(spec.origin).parent / "_drgn.pyi").read_text())
    env = {**os.environ, "MYPYPATH": str(STUBS)}
    command = [sys.executable, "-m", "mypy", *sys.argv[1:]]
    return subprocess.run(command, cwd=ROOT, env=env).returncode


if __name__ == "__main__":
    sys.exit(main())
