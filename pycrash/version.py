"""Which pycrash this is."""

VERSION = "0.1.0"

#: The release of the crash utility whose output is reproduced.
CRASH_VERSION = "9.0.2"
