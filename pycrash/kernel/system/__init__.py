"""What the machine and its kernel are."""
