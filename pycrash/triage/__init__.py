"""What killed the machine, with the proof: evidence, rules of which each is one class, verdict.

Facts come from `pycrash.kernel`; this package only weighs them.
"""
