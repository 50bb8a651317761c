"""Symbols of the kernel and of its modules."""
