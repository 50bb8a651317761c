"""Where stacks lie and what they hold."""
