"""The text of an expression as a tree."""
