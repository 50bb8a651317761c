"""Structures by name: their declarations, and what they hold at an address."""
