"""The fault injector: dumps, debug files, kernels and surroundings that are damaged on purpose.

`python3 -m tests.faults --help` says how it is run; docs/reliability.md what came of it.
"""
