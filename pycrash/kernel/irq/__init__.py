"""Interrupts: their descriptors, handlers, counts and affinity; softirqs."""
