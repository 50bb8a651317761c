"""The commands, one a file; the registry finds them."""
