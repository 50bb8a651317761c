"""Entry point of the `pycrash` program."""

import gc
import sys


def main() -> None:
    """Run the shell and exit with its status."""
    # Ten thousand tasks are ten thousand objects that stay: looking for rubbish among them at
    # every 700th new one costs a tenth of a command's time.
    gc.set_threshold(50_000, 20, 50)
    from pycrash.shell.main import INTERRUPTED, end_at_once, run

    status = run(sys.argv[1:])
    if status == INTERRUPTED:
        end_at_once(status)
    sys.exit(status)


if __name__ == "__main__":
    main()
