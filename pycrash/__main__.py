"""Entry point of the `pycrash` program."""

import sys


def main() -> None:
    """Run the shell and exit with its status."""
    from pycrash.shell.main import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
