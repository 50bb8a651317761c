"""What the dead kernel holds, read through drgn. Never prints, knows no options or settings."""
