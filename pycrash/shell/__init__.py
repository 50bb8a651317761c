"""Terminal, files, pipes and processes around the commands."""
