"""Kinds of operands. Each parses, completes and explains itself; the messages are crash's."""
