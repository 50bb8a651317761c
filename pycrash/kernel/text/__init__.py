"""Source lines of instructions."""
