"""Every architecture without a room of its own, through drgn."""
